# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bytes of file systems that contradict themselves; whole ones are an integration test."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from helpers.disks import MIB, tool

from ansible_collections.goldsmith.openstack.plugins.module_utils._ext import inodes
from ansible_collections.goldsmith.openstack.plugins.module_utils._ext.inodes import Filesystem
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.foreign import Damaged


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_text("content")
    tool("mke2fs", "-q", "-F", "-t", "ext4", "-d", tmp_path / "tree", tmp_path / "disk", "8M")
    return tmp_path / "disk"


def test_what_is_read(disk: Path) -> None:
    source = Filesystem(str(disk))
    names = dict(source.folder(source.inode(inodes.ROOT)))
    assert set(names) == {b"file", b"lost+found"}
    node = source.inode(names[b"file"])
    assert (node.size, node.links, node.uid) == (7, 1, (disk.parent / "tree" / "file").stat().st_uid)
    ((start, place, size),) = source.runs(node)
    assert (start, size, source.read_at(place, size)) == (0, 7, b"content")
    assert source.named == 3
    assert source.attributes(node) == {}
    before = os.listdir("/proc/self/fd")
    del source
    assert len(os.listdir("/proc/self/fd")) == len(before) - 1


@pytest.mark.parametrize("number", [0, 1 << 31])
def test_inodes_that_are_not_there(disk: Path, number: int) -> None:
    with pytest.raises(Damaged, match="there is no inode"):
        Filesystem(str(disk)).inode(number)


def test_a_file_that_ends_early(disk: Path) -> None:
    disk.write_bytes(disk.read_bytes()[:2048])
    with pytest.raises(Damaged, match="it ends before its byte"):
        Filesystem(str(disk))


def entry(number: int, step: int, name: bytes) -> bytes:
    return struct.pack("<IHBB", number, step, len(name), 1) + name.ljust(step - 8, b"\0")


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (entry(12, 16, b"a/b"), "impossible name"),
        (entry(12, 16, b"a\0b"), "impossible name"),
        (entry(12, 8, b""), "impossible name"),
        (struct.pack("<IHBB", 12, 4, 1, 1) + b"abcd", "a folder is damaged"),
        (struct.pack("<IHBB", 12, 64, 1, 1) + b"abcd", "a folder is damaged"),
        (struct.pack("<IHBB", 12, 12, 200, 1) + b"abcd", "a folder is damaged"),
        (struct.pack("<IHBB", 12, 13, 1, 1) + b"abcdefgh", "a folder is damaged"),
    ],
)
def test_hostile_folders(raw: bytes, said: str) -> None:
    with pytest.raises(Damaged, match=said):
        inodes._entries(raw)


def test_entries_that_are_unused_are_left_out() -> None:
    raw = entry(0, 16, b"gone") + entry(13, 16, b"here") + bytes(4)
    assert inodes._entries(raw) == [(b"here", 13)]
    long = entry(13, 65532, b"x")
    whole = long[:4] + struct.pack("<H", 65535) + long[6:] + bytes(4)
    assert inodes._entries(whole) == [(b"x", 13)]


def test_access_control_lists() -> None:
    raw = struct.pack("<IHH", 1, 1, 6) + struct.pack("<HHI", 2, 4, 1000) + struct.pack("<HH", 32, 0)
    expected = struct.pack("<I", 2) + struct.pack("<HHI", 1, 6, 0xFFFFFFFF)
    expected += struct.pack("<HHI", 2, 4, 1000) + struct.pack("<HHI", 32, 0, 0xFFFFFFFF)
    assert inodes._acl(raw) == expected
    for bad in (b"", struct.pack("<I", 2), raw[:-2], raw[:10]):
        with pytest.raises(Damaged, match="an access control list is damaged"):
            inodes._acl(bad)


def test_times() -> None:
    raw = bytearray(256)
    assert inodes._time(5, bytes(raw), 136, 32) == 5 * 10**9
    struct.pack_into("<I", raw, 136, 7 << 2 | 1)
    assert inodes._time(5, bytes(raw), 136, 32) == (5 + (1 << 32)) * 10**9 + 7
    assert inodes._time(-1, bytes(raw), 136, 32) == ((1 << 32) - 1) * 10**9 + 7
    assert inodes._time(-1, bytes(raw), 136, 4) == -(10**9)
    # More nanoseconds than a second has would be refused by the kernel.
    struct.pack_into("<I", raw, 136, 0xFFFFFFFC)
    assert inodes._time(0, bytes(raw), 136, 32) == 10**9 - 1


@pytest.mark.parametrize(
    ("group", "sparse", "expected"),
    [(0, True, True), (1, True, True), (2, True, False), (2, False, True), (9, True, True), (25, True, True),
     (343, True, True), (15, True, False), (27, True, True)],
)  # fmt: skip
def test_where_superblocks_are(group: int, sparse: bool, expected: bool) -> None:
    assert inodes.has_super(group, sparse=sparse) is expected


def test_extents_that_lead_to_themselves_end(disk: Path) -> None:
    source = Filesystem(str(disk))
    names = dict(source.folder(source.inode(inodes.ROOT)))
    node = source.inode(names[b"file"])
    raw = bytearray(disk.read_bytes())
    # A block that holds an index of depth 1 which points to itself.
    place = 5 * MIB
    block = place // source.block_size
    header = struct.pack("<HHHHI", 0xF30A, 1, 4, 1, 0) + struct.pack("<IIHH", 0, block, 0, 0)
    raw[place : place + len(header)] = header
    at = raw.index(node.block)
    top = struct.pack("<HHHHI", 0xF30A, 1, 4, 2, 0) + struct.pack("<IIHH", 0, block, 0, 0)
    raw[at : at + 60] = top.ljust(60, b"\0")
    disk.write_bytes(raw)
    source = Filesystem(str(disk))
    with pytest.raises(Damaged, match="a tree of extents is damaged"):
        list(source.runs(source.inode(names[b"file"])))
