# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ext file systems: how they are made, read and edited by name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from helpers.runners import RecordingRunner

from ansible_collections.goldsmith.openstack.plugins.module_utils._ext import e2fs
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.volume_walker import files_of
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

MIB = 1 << 20
UUID = "11111111-2222-3333-4444-555555555555"


def make(path: Path, fstype: str = "ext4", *, offset: int = 0, tree: Path | None = None) -> str:
    with open(path, "ab") as file:
        file.truncate(offset + 16 * MIB)
    place = {"size": 16 * MIB, "label": "a label", "uuid": UUID, "offset": offset}
    e2fs.make(Runner(), str(path), fstype=fstype, tree=str(tree) if tree else None, **place)
    return str(path)


def test_the_argv_leaves_nothing_to_the_host() -> None:
    runner = RecordingRunner()
    place = {"size": 4096 * MIB, "label": "root", "uuid": UUID, "offset": MIB, "tree": "/tree", "prefix": ["unshare"]}
    e2fs.make(runner, "/disk", fstype="ext4", environment={"A": "b"}, **place)
    argv = runner.calls[0]
    assert argv[:2] == ["unshare", "mke2fs"]
    assert argv[-2:] == ["/disk", f"{4096 * 1024}k"]
    extended = argv[argv.index("-E") + 1].split(",")
    assert {f"offset={MIB}", f"hash_seed={UUID}", "root_owner=0:0"} <= set(extended)
    assert argv[argv.index("-O") + 1].startswith("none,")
    assert "resize_inode" in argv[argv.index("-O") + 1]
    assert argv[argv.index("-J") + 1] == "size=64"
    assert argv[argv.index("-d") + 1] == "/tree"
    assert runner.options[0]["environment"] == {"A": "b"}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("mke2fs: Could not allocate block in ext2 filesystem while populating", "the tree /t does not fit"),
        ("No free space on extents", "does not fit into a file system of 16777216 bytes"),
        ("Filesystem too small for a journal", "16777216 bytes are too small for ext4; give it 10485760 or more"),
        ("mke2fs: Permission denied", "mke2fs failed with exit status 1: mke2fs: Permission denied"),
    ],
)
def test_failures(said: str, told: str) -> None:
    runner = RecordingRunner(lambda argv: (1, "", said))
    with pytest.raises(GoldsmithError, match=told):
        e2fs.make(runner, "/d", fstype="ext4", size=16 * MIB, label="", uuid=UUID, tree="/t")


@pytest.mark.parametrize("fstype", ["ext3", "ext4"])
@pytest.mark.parametrize("offset", [0, 3 * MIB])
def test_the_superblock(tmp_path: Path, fstype: str, offset: int) -> None:
    block = e2fs.read_superblock(make(tmp_path / "disk", fstype, offset=offset), offset)
    assert block
    assert (block.size, block.block_size, block.fstype) == (16 * MIB, 4096, fstype)
    assert (block.uuid, block.label, block.clean) == (UUID, "a label", True)
    assert 0 < block.free < 16 * MIB
    assert block.inodes - block.free_inodes == 11
    assert e2fs.read_superblock(str(tmp_path / "disk"), offset + MIB) is None
    assert e2fs.read_superblock(str(tmp_path / "disk"), 1 << 40) is None


def test_files_go_in(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "boot").mkdir(parents=True)
    (tree / "boot" / "old").write_text("old")
    path = make(tmp_path / "disk", offset=MIB, tree=tree)
    source = tmp_path / "with blank"
    source.write_text("new")
    folders = ["/boot", "/boot/grub", "/boot/grub/deep"]
    files = {"/boot/old": str(source), "/boot/grub/deep/file": str(source)}
    for _time in range(2):  # made, then replaced
        exists = files_of("ext4", path, MIB, path).exists
        e2fs.put_files(Runner(), path, files, exists=exists, folders=folders, offset=MIB)
    inside = files_of("ext4", path, MIB, path)
    assert inside.text("/boot/old") == inside.text("/boot/grub/deep/file") == "new"
    assert inside.find("/boot/old").mode == 0o100644
    assert inside.names("/boot/grub") == ["deep"]
    e2fs.check(Runner(), path, offset=MIB)


def test_what_fails_in_debugfs_is_an_error(tmp_path: Path) -> None:
    path = make(tmp_path / "disk")
    with pytest.raises(GoldsmithError, match="debugfs on"):
        e2fs.edit(Runner(), path, ["rm /missing"])
    with pytest.raises(GoldsmithError, match="has no ext file system at byte 512"):
        e2fs.fix_times(Runner(), path, 0, offset=512)


def test_times_are_those_that_are_told(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "file").write_text("x")
    os.utime(tree / "file", (1000, 1000))
    disks = []
    for name in ("one", "two"):
        path = make(tmp_path / name, tree=tree)
        e2fs.fix_times(Runner(), path, 1_600_000_000, environment=e2fs.tool_environment(1_600_000_000))
        stat = Runner().run(["debugfs", "-R", "stat /file", path]).stdout
        assert stat.count("0x5f5e1000:00000000") == 3, stat
        disks.append(path)
        e2fs.check(Runner(), path)


def test_damage_is_found(tmp_path: Path) -> None:
    path = make(tmp_path / "disk")
    e2fs.edit(Runner(), path, ["ssv free_blocks_count 1", "sif <2> links_count 9"])
    with pytest.raises(GoldsmithError, match=r"has errors.*run e2fsck on it"):
        e2fs.check(Runner(), path)
    e2fs.check(Runner(), path, repair=True)
    e2fs.check(Runner(), path)


@pytest.mark.parametrize("data", [0, 5 * MIB, 300 * MIB, 2048 * MIB])
@pytest.mark.parametrize("files", [10, 20_000])
def test_the_size_grows_with_what_is_asked(data: int, files: int) -> None:
    tight, loose = e2fs.needed_size(data, files, 0), e2fs.needed_size(data, files, 0.5)
    assert tight % MIB == loose % MIB == 0
    assert data + e2fs.journal_size(tight) <= tight <= loose
    assert tight >= files * e2fs.BYTES_PER_INODE
    assert tight >= 10 * MIB


@pytest.mark.parametrize("path", ["/a?b", '/a"b', "/a\nb"])
def test_paths_that_the_tools_cannot_take(path: str) -> None:
    runner = RecordingRunner()
    for act in (
        lambda: e2fs.target(path, 0),
        lambda: e2fs.make(runner, path, fstype="ext4", size=MIB, label="", uuid=UUID),
        lambda: e2fs.put_files(runner, "/disk", {"/name": path}, exists=bool),
    ):
        with pytest.raises(GoldsmithError, match="question mark, a quote or a line break; rename it"):
            act()
    assert runner.calls == []
