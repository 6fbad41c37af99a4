# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a file system by path, and their content."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from helpers.disks import debugfs, make_repeatable, poke, tool

from ansible_collections.goldsmith.openstack.plugins.module_utils._ext.ext_files import Content, walk
from ansible_collections.goldsmith.openstack.plugins.module_utils._ext.inodes import Filesystem
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.foreign import Damaged

HOLE = 3 << 20


@pytest.fixture
def image(tmp_path: Path) -> Path:
    (tmp_path / "tree/a/b").mkdir(parents=True)
    (tmp_path / "tree/a/b/file").write_text("content")
    (tmp_path / "tree/a/link").symlink_to("b")
    with open(tmp_path / "tree/holes", "wb") as file:
        file.write(b"first")
        file.seek(HOLE)
        file.write(b"last")
        file.truncate(2 * HOLE)
    return make_repeatable(tmp_path / "image", tmp_path / "tree")


def test_all_files_by_their_paths(image: Path) -> None:
    files = walk(Filesystem(str(image)))
    assert sorted(files) == ["/", "/a", "/a/b", "/a/b/file", "/a/link", "/holes", "/lost+found"]
    assert stat.S_ISLNK(files["/a/link"].mode)
    assert (files["/a"].ctime, files["/a"].crtime, files["/a"].atime) == (10**18, 10**18, 10**18)


def test_a_folder_with_two_names_is_refused(image: Path) -> None:
    debugfs(image, "link /a /lost+found/again")
    with pytest.raises(Damaged, match="has two names, or is in itself"):
        walk(Filesystem(str(image)))


def test_content_is_read_anywhere(image: Path) -> None:
    source = Filesystem(str(image))
    content = Content(source, walk(source)["/holes"])
    assert content.size == 2 * HOLE
    assert content.read(2, 6) == b"rst\0\0\0"
    assert content.read(HOLE - 1, 6) == b"\0last\0"
    assert content.read(2 * HOLE - 3, 3) == bytes(3)
    assert (content.next_data(0), content.next_data(5000), content.next_data(HOLE + 2)) == (0, HOLE, HOLE + 2)
    assert content.next_data(HOLE + 8000) is None


def test_content_that_lies_in_an_inode(tmp_path: Path) -> None:
    (tmp_path / "small").write_text("small content")
    image = tmp_path / "image"
    tool("mke2fs", "-q", "-t", "ext4", "-O", "inline_data", image, "8M")
    debugfs(image, f"write {tmp_path / 'small'} small")
    source = Filesystem(str(image))
    content = Content(source, walk(source)["/small"])
    assert (content.size, content.read(0, 20), content.read(6, 4)) == (13, b"small content".ljust(20, b"\0"), b"cont")
    assert (content.next_data(3), content.next_data(13)) == (3, None)


def test_an_empty_file_has_no_data(image: Path) -> None:
    (image.parent / "empty").touch()
    debugfs(image, f"write {image.parent / 'empty'} empty")
    source = Filesystem(str(image))
    content = Content(source, walk(source)["/empty"])
    assert (content.size, content.next_data(0), content.read(0, 0)) == (0, None, b"")


def test_names_that_are_no_text(image: Path) -> None:
    debugfs(image, f"write {image.parent / 'tree/a/b/file'} odd")
    place = image.read_bytes().index(b"odd\0")
    poke(image, place, b"\xffdd")
    assert os.fsdecode(b"/\xffdd") in walk(Filesystem(str(image)))
