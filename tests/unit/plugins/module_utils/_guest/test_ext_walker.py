# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a guest in an image, with links that lead inside it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from helpers.disks import tool

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import ext_walker
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError


@pytest.fixture
def files(tmp_path: Path) -> ext_walker.ImageFiles:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "line\nbreak").write_text("odd")
    with open(tree / "big", "wb") as file:
        file.write(os.urandom(3000))
        file.truncate(9 << 20)
        file.seek(8 << 20)
        file.write(b"end")
    tool("mke2fs", "-q", "-F", "-t", "ext4", "-d", tree, tmp_path / "disk", "16M")
    return ext_walker.ImageFiles(str(tmp_path / "disk"), 0, "the disk")


def test_names_may_be_odd(files: ext_walker.ImageFiles) -> None:
    assert files.text("/line\nbreak") == "odd"


def test_holes_are_zeros_and_reading_is_bounded(files: ext_walker.ImageFiles, tmp_path: Path) -> None:
    files.copy_out("/big", str(tmp_path / "copy"), limit=10 << 20)
    assert (tmp_path / "copy").read_bytes() == (tmp_path / "tree" / "big").read_bytes()
    with pytest.raises(GoldsmithError, match="is too big to be read"):
        files.copy_out("/big", str(tmp_path / "copy"), limit=1 << 20)
    assert len(files.text("/big") or "") < 9 << 20


def test_damage_names_the_disk(tmp_path: Path) -> None:
    (tmp_path / "none").write_bytes(bytes(4096))
    with pytest.raises(GoldsmithError, match="the file system in the disk cannot be read: its superblock is damaged"):
        ext_walker.ImageFiles(str(tmp_path / "none"), 0, "the disk")
