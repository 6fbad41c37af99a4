# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a guest in an image of any kind, with links that lead inside it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from helpers import written
from helpers.disks import tool

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import volume_walker
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError

DAMAGE = {"ext4": "its superblock is damaged", **{kind: f"it is no {kind}" for kind in written.KINDS}}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    (tree / "etc").mkdir(parents=True)
    (tree / "etc" / "line\nbreak").write_text("odd")
    (tree / "etc" / "link").symlink_to("/etc/line\nbreak")
    with open(tree / "big", "wb") as file:
        file.write(os.urandom(3000))
        file.truncate(9 << 20)
        file.seek(8 << 20)
        file.write(b"end")
    return tree


@pytest.mark.parametrize("kind", DAMAGE)
def test_files_are_found_and_read(tmp_path: Path, tree: Path, kind: str) -> None:
    image = tmp_path / "disk"
    if kind == "ext4":
        tool("mke2fs", "-q", "-F", "-t", kind, "-E", "offset=4096", "-d", tree, image, "16M")
    else:
        written.write(kind, image, tree, offset=4096)
    files = volume_walker.files_of(kind, str(image), 4096, "the disk")
    assert files.names("/etc") == ["line\nbreak", "link"]
    assert files.text("/etc/link") == "odd" and files.link("/etc/link") == "/etc/line\nbreak"
    assert len(files.text("/big") or "") < 9 << 20
    found = {entry.path for entry in files.walk("/")} - {"/lost+found"}
    assert found == {"/etc", "/etc/line\nbreak", "/etc/link", "/big"}
    files.copy_out("/big", str(tmp_path / "copy"), limit=10 << 20)
    assert (tmp_path / "copy").read_bytes() == (tree / "big").read_bytes()
    with pytest.raises(GoldsmithError, match="is too big to be read"):
        files.copy_out("/big", str(tmp_path / "copy"), limit=1 << 20)


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_names_the_disk(tmp_path: Path, kind: str) -> None:
    (tmp_path / "none").write_bytes(bytes(1 << 20))
    with pytest.raises(GoldsmithError, match=f"the file system in the disk cannot be read: {DAMAGE[kind]}"):
        volume_walker.files_of(kind, str(tmp_path / "none"), 0, "the disk")
