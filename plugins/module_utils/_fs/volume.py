# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file systems xfs and btrfs at an offset of a file: made from a tree, measured, recognised and opened."""

from __future__ import annotations

import json
import struct
import uuid as uuids
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import (
    btrfs_reader,
    btrfs_shape,
    btrfs_writer,
    compression,
    crc32c,
    fill,
    folder_reader,
    fs_reader,
    nodes,
    sheets,
    tar_reader,
    xfs_folders,
    xfs_reader,
    xfs_shape,
    xfs_writer,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.btrfs_reader import BtrfsReader
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.folder_reader import FolderReader
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.fs_reader import FsReader
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.tar_reader import TarReader
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.xfs_reader import XfsReader
from ansible_collections.goldsmith.openstack.plugins.module_utils._host import errors, sizes
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.digests import seeded_uuid
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.program import program
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import GIB, MIB, align_up

# What is no file system, and can be read as one
FOLDER, TAR = "folder", "tar"
# The least that the tools of each give it: mkfs.xfs refuses less. With a btrfs it is what the writer takes up.
SMALLEST = {"xfs": 300 * MIB, "btrfs": 130 * MIB}
LONGEST_LABELS = {"xfs": 12, "btrfs": 255}
# What reads them, in the order of their imports
READERS = (
    *(errors, compression, fs_reader, crc32c, nodes, btrfs_shape, xfs_reader, btrfs_reader, folder_reader, tar_reader),
)
_SOURCES = (
    *(errors, sizes, crc32c, nodes, sheets, xfs_shape, xfs_folders, xfs_writer, btrfs_shape, btrfs_writer, fill),
)
# An inode with its names, and a small file with it.
_XFS_FILE, _BTRFS_FILE = 640, 1100
# The log, and what the kernel keeps free for itself at most.
_XFS_KEPT = 64 * MIB + 32 * MIB


@dataclass(frozen=True)
class Volume:
    """What a superblock says; *size* in bytes."""

    fstype: str
    size: int
    uuid: str
    label: str


def make(
    runner: Runner,
    path: str,
    *,
    fstype: str,
    size: int,
    label: str,
    uuid: str,
    epoch: int,
    offset: int = 0,
    tree: str | None = None,
    files: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    prefix: Sequence[str] = (),
) -> None:
    """Make a file system of *size* bytes at *offset* of a file that has zeros there, filled from *tree*.

    *files* maps names inside to host files, which come as root's, mode 0644, in place of what is there. *labels* are
    those of SELinux, by names inside, where the tree has none. *prefix* enters the namespaces where the owners of its
    files are right. Raises GoldsmithError when the tree does not fit.
    """
    if size < SMALLEST[fstype]:
        raise GoldsmithError(f"{size} bytes are too small for {fstype}", hint=f"give it {SMALLEST[fstype]} or more")
    names = (uuid, *(seeded_uuid(uuid, noun) for noun in ("chunks", "device", "subvolume")))
    request = {
        "path": path,
        "offset": offset,
        "fstype": fstype,
        "size": size,
        "label": label,
        "ids": [uuids.UUID(name).hex for name in names],
        "epoch": epoch,
        "tree": tree,
        "files": dict(files or {}),
        "labels": dict(labels or {}),
    }
    argv, stdin = program(*_SOURCES, request=request)
    answer = json.loads(runner.run([*prefix, *argv], stdin=stdin).stdout)
    if "error" in answer:
        raise GoldsmithError(answer["error"])


def needed_size(fstype: str, data: int, files: int, free: float) -> int:
    """Return the bytes of a file system that holds *data* bytes in *files* inodes with a share *free* left free."""
    if fstype == "xfs":
        # Some of each group is kept for its trees.
        taken = (data + files * _XFS_FILE) * 102 // 100 + _XFS_KEPT
    else:
        # Trees are kept twice, with room in them; before and behind are the superblock and its copy.
        trees = align_up((files * _BTRFS_FILE + data // 900) * 9 // 8 + 24 * MIB, 8 * MIB)
        taken = data + 2 * trees + (17 + 16 + 2) * MIB
        taken += 47 * MIB if data < 47 * MIB else 0
    size = align_up(int(taken / (1 - free)), MIB)
    if size > 256 * GIB and fstype == "btrfs":
        size += GIB
    return max(size, SMALLEST[fstype])


def read_superblock(read: Callable[[int, int], bytes]) -> Volume | None:
    """Return what a superblock says, None where there is none; *read* takes place and size, and may give less."""
    raw = read(0, 512)
    if len(raw) == 512 and raw[:4] == b"XFSB":
        block, count = struct.unpack_from(">IQ", raw, 4)
        label = raw[108:120].rstrip(b"\0")
        return Volume("xfs", block * count, str(uuids.UUID(bytes=raw[32:48])), label.decode("utf-8", "surrogateescape"))
    raw = read(btrfs_shape.SUPERBLOCKS[0], btrfs_shape.SUPERBLOCK_SIZE)
    if len(raw) == btrfs_shape.SUPERBLOCK_SIZE and raw[0x40:0x48] == btrfs_shape.MAGIC:
        (size,) = struct.unpack_from("<Q", raw, 0x70)
        label = raw[0x12B:0x22B].split(b"\0")[0]
        return Volume("btrfs", size, str(uuids.UUID(bytes=raw[0x20:0x30])), label.decode("utf-8", "surrogateescape"))
    return None


def read_file(path: str, offset: int = 0) -> Volume | None:
    """Return what the superblock at an offset of a file says, None where there is none."""

    def read(place: int, size: int) -> bytes:
        file.seek(offset + place)
        return file.read(size)

    with open(path, "rb") as file:
        return read_superblock(read)


def reader(fstype: str, path: str, offset: int, subvolume: str = "") -> FsReader:
    """Return what reads a file system, a folder or a tar, of a btrfs a subvolume; raise Damaged where it cannot be."""
    if fstype == "btrfs":
        return BtrfsReader(path, offset, subvolume)
    return {"xfs": XfsReader, FOLDER: FolderReader, TAR: TarReader}[fstype](path, offset)
