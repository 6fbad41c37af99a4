# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a file system is written out, as far as an ordinary user can see it; the rest is an integration test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from helpers.disks import tool

from ansible_collections.goldsmith.openstack.plugins.module_utils._ext.inodes import Filesystem
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.foreign import Damaged
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import unpack as unpack_module


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    for name in ("etc/inner", "dev"):
        (tree / name).mkdir(parents=True)
    (tree / "etc" / "one").write_text("one")
    os.link(tree / "etc" / "one", tree / "etc" / "inner" / "two")
    (tree / "etc" / "link").symlink_to("/nowhere")
    (tree / "dev" / "file").write_text("left out")
    with open(tree / "sparse", "wb") as file:
        file.truncate(1 << 20)
        file.seek(1 << 19)
        file.write(b"x")
    tool("mke2fs", "-q", "-F", "-t", "ext4", "-d", tree, tmp_path / "disk", "16M")
    return tmp_path / "disk"


def unpack(disk: Path, top: Path, *hidden: bytes) -> tuple[unpack_module.Unpacked, list[tuple[int, int]]]:
    said: list[tuple[int, int]] = []
    descriptor = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    before = os.getcwd()
    try:
        return unpack_module.Unpacker(Filesystem(str(disk)), hidden, lambda *words: said.append(words)).run(
            descriptor
        ), said
    finally:
        os.chdir(before)
        os.close(descriptor)


def test_what_is_written(disk: Path, tmp_path: Path) -> None:
    top = tmp_path / "out"
    top.mkdir()
    done, said = unpack(disk, top, b"dev")
    assert (top / "etc" / "one").samefile(top / "etc" / "inner" / "two")
    assert os.readlink(top / "etc" / "link") == "/nowhere"
    assert list((top / "dev").iterdir()) == []
    assert (top / "sparse").stat().st_size == 1 << 20
    assert (top / "sparse").read_bytes() == (tmp_path / "tree" / "sparse").read_bytes()
    assert not (top / "lost+found").exists()
    assert (done.hard_links, done.size, done.devices_left_out) == (1, (1 << 20) + 3, 0)
    # The root, lost+found, three folders, one file with two names, a link, a sparse one and the one left out.
    assert said[-1] == (9, 9)


def test_what_is_there_already_is_not_written_to(disk: Path, tmp_path: Path) -> None:
    top = tmp_path / "out"
    top.mkdir()
    (top / "sparse").symlink_to(tmp_path / "victim")
    (tmp_path / "victim").write_text("mine")
    with pytest.raises(FileExistsError):
        unpack(disk, top)
    assert (tmp_path / "victim").read_text() == "mine"


def test_names_without_files_are_noticed(disk: Path, tmp_path: Path) -> None:
    tool("debugfs", "-w", "-R", "unlink /sparse", disk)
    (tmp_path / "out").mkdir()
    with pytest.raises(Damaged, match="it counts 9 files, but 8 have a name"):
        unpack(disk, tmp_path / "out")


@pytest.mark.parametrize("mountpoint", ["/link", "/link/inner", "/file", "/none", "/../tree"])
def test_mount_points_that_are_no_folders(tmp_path: Path, mountpoint: str) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "inner").mkdir()
    (tmp_path / "tree" / "link").symlink_to(tmp_path)
    (tmp_path / "tree" / "file").write_text("")
    if mountpoint == "/../tree":
        # fstab is held to plain paths before; here it leads to where it says.
        os.close(unpack_module._open_below(str(tmp_path / "tree"), mountpoint))
        return
    with pytest.raises(Damaged, match=f"the mount point {mountpoint} is no folder of its root file system"):
        unpack_module._open_below(str(tmp_path / "tree"), mountpoint)


def test_names_stay_on_one_line() -> None:
    assert unpack_module._shown(b"a\nb\xff") == "a\\nb\\xff"
