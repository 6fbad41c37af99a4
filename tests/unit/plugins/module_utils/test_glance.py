# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import Body, Content, Image, ImageSpec

DATA = bytes(range(256)) * 8192


@pytest.fixture
def content(tmp_path: Path) -> Content:
    path = tmp_path / "file"
    path.write_bytes(DATA)
    return Content(str(path), len(DATA))


def image(**fields: object) -> Image:
    return Image.from_dict({"id": "1", "name": "guest", "status": "active", "size": len(DATA), **fields})


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


@pytest.mark.parametrize("algorithm", ["sha512", "sha256", "blake2b"])
def test_content_is_compared_by_the_algorithm_of_the_cloud(content: Content, algorithm: str) -> None:
    value = hashlib.new(algorithm, DATA).hexdigest()
    assert content.same_as(image(os_hash_algo=algorithm, os_hash_value=value))
    assert not content.same_as(image(os_hash_algo=algorithm, os_hash_value="0" + value[1:-1] + "x"))
    assert not content.same_as(image(os_hash_algo=algorithm, os_hash_value=value, size=1))
    assert not content.same_as(image(os_hash_algo=None, os_hash_value=None))


def test_the_description_holds_all_that_is_wanted() -> None:
    spec = ImageSpec("guest", "qcow2", "bare", min_disk=2, tags=("b", "a", "b"), properties={"os_distro": "debian"})
    assert spec.body("1") == {
        "id": "1",
        "name": "guest",
        "disk_format": "qcow2",
        "container_format": "bare",
        "visibility": "private",
        "min_disk": 2,
        "tags": ["a", "b"],
        "os_distro": "debian",
    }


def test_only_what_differs_is_changed() -> None:
    there = image(visibility="private", min_disk=0, min_ram=0, tags=["a"], os_distro="debian", other="kept")
    assert ImageSpec("guest", "qcow2", "bare").changes(there) == {}
    assert ImageSpec("guest", "qcow2", "bare", tags=("a",), properties={"os_distro": "debian"}).changes(there) == {}
    wanted = ImageSpec("guest", "qcow2", "bare", "public", 2, None, (), {"os_distro": "ubuntu", "new": "x"})
    changes = {"visibility": "public", "min_disk": 2, "tags": [], "os_distro": "ubuntu", "new": "x"}
    assert wanted.changes(there) == changes
