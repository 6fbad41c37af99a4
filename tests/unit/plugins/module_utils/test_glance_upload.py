# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import Image
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance_upload import holds
from ansible_collections.goldsmith.openstack.plugins.module_utils._payload import Content

DATA = bytes(range(256)) * 8192


@pytest.fixture
def content(tmp_path: Path) -> Content:
    path = tmp_path / "file"
    path.write_bytes(DATA)
    return Content(str(path), len(DATA))


def image(**fields: object) -> Image:
    return Image.from_dict({"id": "1", "name": "guest", "status": "active", "size": len(DATA), **fields})


@pytest.mark.parametrize("algorithm", ["sha512", "sha256", "blake2b"])
def test_content_is_compared_by_the_algorithm_of_the_cloud(content: Content, algorithm: str) -> None:
    value = hashlib.new(algorithm, DATA).hexdigest()
    assert holds(image(os_hash_algo=algorithm, os_hash_value=value), content)
    assert not holds(image(os_hash_algo=algorithm, os_hash_value="0" + value[1:-1] + "x"), content)
    assert not holds(image(os_hash_algo=algorithm, os_hash_value=value, size=1), content)
    assert not holds(image(os_hash_algo=None, os_hash_value=None), content)
