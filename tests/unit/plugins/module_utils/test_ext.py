# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ext file systems: how they are made, read and edited by name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from helpers.runners import RecordingRunner

from ansible_collections.goldsmith.openstack.plugins.module_utils import _ext
from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._run import Runner

MIB = 1 << 20
UUID = "11111111-2222-3333-4444-555555555555"


def make(path: Path, fstype: str = "ext4", *, offset: int = 0, tree: Path | None = None) -> str:
    with open(path, "ab") as file:
        file.truncate(offset + 16 * MIB)
    place = {"size": 16 * MIB, "label": "a label", "uuid": UUID, "offset": offset}
    _ext.make(Runner(), str(path), fstype=fstype, tree=str(tree) if tree else None, **place)
    return str(path)


def test_the_argv_leaves_nothing_to_the_host() -> None:
    runner = RecordingRunner()
    place = {"size": 4096 * MIB, "label": "root", "uuid": UUID, "offset": MIB, "tree": "/tree", "prefix": ["unshare"]}
    _ext.make(runner, "/disk", fstype="ext4", environment={"A": "b"}, **place)
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
        _ext.make(runner, "/d", fstype="ext4", size=16 * MIB, label="", uuid=UUID, tree="/t")


@pytest.mark.parametrize("fstype", ["ext3", "ext4"])
@pytest.mark.parametrize("offset", [0, 3 * MIB])
def test_the_superblock(tmp_path: Path, fstype: str, offset: int) -> None:
    block = _ext.read_superblock(make(tmp_path / "disk", fstype, offset=offset), offset)
    assert block
    assert (block.size, block.block_size, block.fstype) == (16 * MIB, 4096, fstype)
    assert (block.uuid, block.label, block.clean) == (UUID, "a label", True)
    assert 0 < block.free < 16 * MIB
    assert block.inodes - block.free_inodes == 11
    assert _ext.read_superblock(str(tmp_path / "disk"), offset + MIB) is None
    assert _ext.read_superblock(str(tmp_path / "disk"), 1 << 40) is None


def test_files_go_in_and_out(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "boot").mkdir(parents=True)
    (tree / "boot" / "old").write_text("old")
    path = make(tmp_path / "disk", offset=MIB, tree=tree)
    source = tmp_path / "with blank"
    source.write_text("new")
    folders = ["/boot", "/boot/grub", "/boot/grub/deep"]
    files = {"/boot/old": str(source), "/boot/grub/deep/file": str(source)}
    for _time in range(2):  # made, then replaced
        _ext.put_files(Runner(), path, files, folders=folders, offset=MIB)
    for name in ("/boot/old", "/boot/grub/deep/file"):
        _ext.read_out(Runner(), path, name, str(tmp_path / "out"), offset=MIB)
        assert (tmp_path / "out").read_text() == "new"
    listing = _ext.list_folders(Runner(), path, ["/boot", "/missing", "/boot/grub"], offset=MIB)
    assert [entry.name for entry in listing["/boot/grub"]] == [".", "..", "deep"]
    assert {entry.name: entry.mode for entry in listing["/boot"]}["old"] == 0o100644
    assert "/missing" not in listing
    _ext.check(Runner(), path, offset=MIB)


def test_what_fails_in_debugfs_is_an_error(tmp_path: Path) -> None:
    path = make(tmp_path / "disk")
    with pytest.raises(GoldsmithError, match="cannot read /missing"):
        _ext.read_out(Runner(), path, "/missing", str(tmp_path / "out"))
    with pytest.raises(GoldsmithError, match="debugfs on"):
        _ext.edit(Runner(), path, ["rm /missing"])
    with pytest.raises(GoldsmithError, match="has no ext file system at byte 512"):
        _ext.fix_times(Runner(), path, 0, offset=512)


def test_times_are_those_that_are_told(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "file").write_text("x")
    os.utime(tree / "file", (1000, 1000))
    disks = []
    for name in ("one", "two"):
        path = make(tmp_path / name, tree=tree)
        _ext.fix_times(Runner(), path, 1_600_000_000, environment=_ext.tool_environment(1_600_000_000))
        stat = Runner().run(["debugfs", "-R", "stat /file", path]).stdout
        assert stat.count("0x5f5e1000:00000000") == 3, stat
        disks.append(path)
        _ext.check(Runner(), path)


def test_damage_is_found(tmp_path: Path) -> None:
    path = make(tmp_path / "disk")
    _ext.edit(Runner(), path, ["ssv free_blocks_count 1", "sif <2> links_count 9"])
    with pytest.raises(GoldsmithError, match=r"has errors.*run e2fsck on it"):
        _ext.check(Runner(), path)
    _ext.check(Runner(), path, repair=True)
    _ext.check(Runner(), path)


@pytest.mark.parametrize("data", [0, 5 * MIB, 300 * MIB, 2048 * MIB])
@pytest.mark.parametrize("files", [10, 20_000])
def test_the_size_grows_with_what_is_asked(data: int, files: int) -> None:
    tight, loose = _ext.needed_size(data, files, 0), _ext.needed_size(data, files, 0.5)
    assert tight % MIB == loose % MIB == 0
    assert data + _ext.journal_size(tight) <= tight <= loose
    assert tight >= files * _ext.BYTES_PER_INODE
    assert tight >= 10 * MIB


@pytest.mark.parametrize("path", ["/a?b", '/a"b', "/a\nb"])
def test_paths_that_the_tools_cannot_take(path: str) -> None:
    runner = RecordingRunner()
    for act in (
        lambda: _ext.target(path, 0),
        lambda: _ext.make(runner, path, fstype="ext4", size=MIB, label="", uuid=UUID),
        lambda: _ext.read_out(runner, "/disk", path, "/out"),
        lambda: _ext.read_out(runner, "/disk", "/name", path),
    ):
        with pytest.raises(GoldsmithError, match="question mark, a quote or a line break; rename it"):
            act()
    assert runner.calls == []
