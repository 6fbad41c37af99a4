# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._payload import Body, Content

DATA = bytes(range(256)) * 8192


@pytest.fixture
def content(tmp_path: Path) -> Content:
    path = tmp_path / "file"
    path.write_bytes(DATA)
    return Content(str(path), len(DATA))


def test_a_body_is_sent_in_blocks_and_hashed_on_the_way(content: Content) -> None:
    heard: list[int] = []
    body = Body(content, heard.append)
    assert len(body) == len(DATA)
    assert not body.complete
    blocks = list(body)
    assert b"".join(blocks) == DATA
    assert max(len(block) for block in blocks) <= 1 << 20
    assert body.complete
    assert body.sha512 == hashlib.sha512(DATA).hexdigest()
    assert heard[-1] == len(DATA)


def test_a_body_is_never_sent_twice(content: Content) -> None:
    body = Body(content, lambda _done: None)
    list(body)
    with pytest.raises(GoldsmithError, match="twice"):
        list(body)


def test_a_file_that_shrinks_or_vanishes_is_no_failure_of_the_network(content: Content) -> None:
    path = Path(content.path)
    path.write_bytes(DATA[:100])
    with pytest.raises(GoldsmithError, match="became shorter"):
        list(Body(content, lambda _done: None))
    path.unlink()
    with pytest.raises(GoldsmithError, match="cannot read"):
        list(Body(content, lambda _done: None))


def test_a_file_that_changes_is_found_out(content: Content) -> None:
    content.digest()
    with pytest.raises(GoldsmithError, match="changed while it was read"):
        content.sent("0" * 128)
