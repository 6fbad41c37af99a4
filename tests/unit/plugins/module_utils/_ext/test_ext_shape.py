# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What debugfs says of a file system, and what mke2fs is told to make one like it."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._ext import ext_shape
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import ProgramError, Result

DUMPE2FS = """\
Filesystem volume name:   cloudimg-rootfs
Last mounted on:          <not available>
Filesystem UUID:          11111111-2222-3333-4444-555555555555
Filesystem magic number:  0xEF53
Filesystem revision #:    1 (dynamic)
Filesystem features:      has_journal ext_attr resize_inode dir_index filetype extent 64bit flex_bg sparse_super
Filesystem flags:         signed_directory_hash
Default mount options:    user_xattr acl
Filesystem state:         clean
Errors behavior:          Remount read-only
Filesystem OS type:       Linux
Inode count:              262144
Block count:              1048576
Reserved block count:     52428
Overhead clusters:        36936
Free blocks:              907059
Free inodes:              246365
First block:              0
Block size:               4096
Fragment size:            4096
Group descriptor size:    64
Reserved GDT blocks:      511
Blocks per group:         32768
Inodes per group:         8192
Flex block group size:    16
Inode size:	          256
Directory Hash Seed:      11111111-2222-3333-4444-555555555556
"""


def superblock(label: bytes = b"cloudimg-rootfs") -> bytes:
    raw = bytearray(1024)
    struct.pack_into("<II", raw, 44, 0, 1700000000)
    struct.pack_into("<Hh", raw, 52, 3, -1)
    struct.pack_into("<I", raw, 264, 1600000000)
    struct.pack_into("<II", raw, 0x148, 0, 64 << 20)
    raw[120 : 120 + len(label)] = label
    return bytes(raw)


@pytest.fixture
def shape() -> ext_shape.Shape:
    return ext_shape.parse(ext_shape.parse_fields(DUMPE2FS), superblock())


class Recorder:
    def __init__(self, error: str | None = None) -> None:
        self.argv: list[str] = []
        self._error = error

    def run(self, argv, **_options) -> Result:
        self.argv = list(argv)
        if self._error:
            raise ProgramError(Result(tuple(argv), 1, "", self._error))
        return Result(tuple(argv), 0, "", "")


def test_facts(shape: ext_shape.Shape) -> None:
    assert (shape.size, shape.used_inodes, shape.bytes_per_inode) == (4 << 30, 15779, 16384)
    assert (shape.journal, shape.flex_group, shape.errors, shape.fstype) == (16384, 16, "remount-ro", "ext4")
    assert shape.label == "cloudimg-rootfs"
    assert shape.written == 1700000000
    assert {("mkfs_time", "@1600000000"), ("mnt_count", "3"), ("max_mnt_count", "-1")} <= set(shape.carried)
    # One descriptor block for 32 groups, 511 more reserved, 64 groups of 128 MiB in each.
    assert shape.growth_limit == 512 * 64 * 32768


def test_a_label_cannot_pass_for_a_fact() -> None:
    text = DUMPE2FS.replace("name:   cloudimg-rootfs", "name:   x\nBlock count: 1")
    assert ext_shape.parse(ext_shape.parse_fields(text), superblock()).blocks == 1048576


def test_ext3_is_known_by_its_features() -> None:
    text = DUMPE2FS.replace(" extent 64bit flex_bg", "").replace("Flex block group size:    16\n", "")
    shape = ext_shape.parse(ext_shape.parse_fields(text), superblock())
    assert (shape.fstype, shape.flex_group) == ("ext3", 0)


def test_the_new_one_is_like_the_old_one(shape: ext_shape.Shape) -> None:
    runner = Recorder()
    ext_shape.make_like(runner, shape, "disk", blocks=1000, inodes=2000, offset=1 << 20, tree="/t", prefix=["in"])
    text = " ".join(runner.argv)
    assert text.startswith("in mke2fs ")
    for part in (
        f"-O none,{','.join(shape.features)}",
        "-b 4096",
        "-I 256",
        "-N 2000",
        "-m 4.9999",
        "-L cloudimg-rootfs",
        "-U 11111111-2222-3333-4444-555555555555",
        "-J size=64",
        "-G 16",
        "hash_seed=11111111-2222-3333-4444-555555555556",
        "resize=1073741824",
        "-d /t disk 4000k",
    ):
        assert part in text
    assert "offset=1048576" in text


def test_a_tree_that_does_not_fit_is_told_from_other_failures(shape: ext_shape.Shape) -> None:
    for error, kind in (
        ("__populate_fs: Could not allocate block in ext2 filesystem", ext_shape.NoRoom),
        ("mke2fs: Permission denied", ProgramError),
    ):
        with pytest.raises(kind):
            ext_shape.make_like(Recorder(error), replace(shape, journal=0), "disk", blocks=10, inodes=10)
