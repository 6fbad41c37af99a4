# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a btrfs as bytes: keys, items, and the blocks of a tree.

Names and numbers are those of the kernel's include/uapi/linux/btrfs_tree.h. All numbers are little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import crc32c
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.nodes import Node

SECTOR = 4096
NODE = 16384
HEADER = 101
ROOM = NODE - HEADER
GENERATION = 1
MAGIC = b"_BHRfS_M"
SUPERBLOCKS = (64 << 10, 64 << 20, 256 << 30)
SUPERBLOCK_SIZE = 4096
# The trees
ROOTS, EXTENTS, CHUNKS, DEVICES, FILES, ROOT_FOLDER, SUMS, UUIDS, FREE = 1, 2, 3, 4, 5, 6, 7, 9, 10
RELOCATION = (1 << 64) - 9
SUM_OBJECT = (1 << 64) - 10
FIRST_INODE = 256
CHUNK_OBJECT = 256
# The types of items
INODE_ITEM, INODE_REF, XATTR_ITEM, DIR_ITEM, DIR_INDEX, EXTENT_DATA = 1, 12, 24, 84, 96, 108
EXTENT_SUM, ROOT_ITEM, ROOT_BACKREF, EXTENT_ITEM, METADATA_ITEM = 128, 132, 144, 168, 169
BLOCK_GROUP, FREE_INFO, FREE_EXTENT, DEVICE_EXTENT, DEVICE_ITEM, CHUNK_ITEM, UUID_ITEM = (
    192,
    198,
    199,
    204,
    216,
    228,
    251,
)
TREE_BLOCK_REF, EXTENT_DATA_REF = 176, 178
# What a block group holds, and that it is kept twice.
DATA, SYSTEM, METADATA, TWICE = 1, 2, 4, 0x20
STRIPE = 65536
_XATTR = 8
_ITEM = 25
_POINTER = 33
_POINTERS = ROOM // _POINTER
_WRITTEN = 1 | 1 << 56

Key = tuple[int, int, int]
Items = dict[Key, bytes]


@dataclass(frozen=True)
class Chunk:
    """A stretch of logical addresses and where it lies on the device: in one place, or twice."""

    logical: int
    size: int
    flags: int
    places: tuple[int, ...]

    def packed(self, device: bytes) -> bytes:
        """Return it as an item."""
        head = struct.pack(
            "<QQQQIIIHH", self.size, EXTENTS, STRIPE, self.flags, STRIPE, STRIPE, SECTOR, len(self.places), 1
        )
        return head + b"".join(struct.pack("<QQ16s", 1, place, device) for place in self.places)


def key(found: Key) -> bytes:
    """Return a key as it is on the disk."""
    return struct.pack("<QBQ", *found)


def name_hash(name: bytes) -> int:
    """Return the hash of a name in folders and of attributes."""
    return crc32c.raw(name, 0xFFFFFFFE)


def inode_item(node: Node, *, size: int, used: int, links: int, epoch: int) -> bytes:
    """Return the inode of a node; *used* bytes lie in its extents."""
    seconds, parts = divmod(node.mtime, 10**9)
    # As the kernel numbers devices.
    major, minor = (node.rdev >> 8) & 0xFFF, node.rdev & 0xFF | node.rdev >> 12 & ~0xFF
    now = struct.pack("<QI", epoch, 0)
    return struct.pack(
        "<QQQQQIIIIQQQ32x", GENERATION, GENERATION, size, used, 0, links, node.uid, node.gid, node.mode,
        major << 20 | minor, 0, 0,
    ) + now + now + struct.pack("<qI", seconds, parts) + now  # fmt: skip


def reference(index: int, name: bytes) -> bytes:
    """Return a name of an inode, as the inode has it."""
    return struct.pack("<QH", index, len(name)) + name


def entry(number: int, kind: int, name: bytes) -> bytes:
    """Return a name of an inode, as its folder has it."""
    return _entry((number, INODE_ITEM, 0), kind, name)


def default_entry() -> bytes:
    """Return the name of the tree that is mounted where none is named."""
    return _entry((FILES, ROOT_ITEM, (1 << 64) - 1), 2, b"default")


def attribute(name: bytes, value: bytes) -> bytes:
    """Return an extended attribute."""
    return _entry((0, 0, 0), _XATTR, name, value)


def _entry(where: Key, kind: int, name: bytes, value: bytes = b"") -> bytes:
    return key(where) + struct.pack("<QHHB", GENERATION, len(value), len(name), kind) + name + value


def inline_data(content: bytes) -> bytes:
    """Return content that lies in the tree itself."""
    return struct.pack("<QQBBHB", GENERATION, len(content), 0, 0, 0, 0) + content


def extent_data(logical: int, size: int) -> bytes:
    """Return a reference to an extent, all of it."""
    return struct.pack("<QQBBHBQQQQ", GENERATION, size, 0, 0, 0, 1, logical, size, 0, size)


def extent_item(inode: int, at: int) -> bytes:
    """Return an extent of data that one file has, at *at* in it."""
    return struct.pack("<QQQBQQQI", 1, GENERATION, 1, EXTENT_DATA_REF, FILES, inode, at, 1)


def metadata_item(tree: int) -> bytes:
    """Return a block of a tree, as the tree of extents has it."""
    return struct.pack("<QQQBQ", 1, GENERATION, 2, TREE_BLOCK_REF, tree)


def root_item(root: int, level: int, blocks: int, *, is_files: bool, uuid: bytes = bytes(16), epoch: int = 0) -> bytes:
    """Return a tree: the address of its root block, the level of that, and how many blocks it has."""
    inode = inode_item(Node(0o040755), size=3, used=NODE, links=1, epoch=0)
    first = FIRST_INODE if is_files else 0
    head = struct.pack("<QQQQQQQI17xBB", GENERATION, first, root, 0, blocks * NODE, 0, 0, 1, 0, level)
    now = struct.pack("<QI", epoch, 0) if is_files else bytes(12)
    return inode + head + struct.pack("<Q16s", GENERATION, uuid) + bytes(32 + 32) + now + now + bytes(24 + 64)


def rows(items: Items) -> list[list[Sequence[tuple[Key, bytes]]]]:
    """Return the blocks of a tree by level: leaves with items, then nodes with the first keys of what is below."""
    leaf: list[tuple[Key, bytes]] = []
    leaves = [leaf]
    room = ROOM
    for found in sorted(items.items()):
        size = _ITEM + len(found[1])
        if size > room:
            leaf, room = [], ROOM
            leaves.append(leaf)
        leaf.append(found)
        room -= size
    levels: list[list[Sequence[tuple[Key, bytes]]]] = [leaves]
    while len(levels[-1]) > 1:
        below = [(block[0][0], b"") for block in levels[-1]]
        levels.append([below[start : start + _POINTERS] for start in range(0, len(below), _POINTERS)])
    return levels


def blocks(
    levels: Sequence[Sequence[Sequence[tuple[Key, bytes]]]], first: int, tree: int, ids: tuple[bytes, bytes]
) -> Mapping[int, bytearray]:
    """Return the blocks of a tree by their addresses, which go on from *first*; the root is the last.

    *ids* are those of the file system and of its chunks.
    """
    found = {}
    below: list[int] = []
    address = first
    for level, row in enumerate(levels):
        here = []
        taken = 0
        for block in row:
            if level == 0:
                data = _leaf(block)
            else:
                data = _node(block, below[taken : taken + len(block)])
                taken += len(block)
            struct.pack_into("<16sQQ16sQQIB", data, 32, ids[0], address, _WRITTEN, ids[1], GENERATION, tree, len(block),
                             level)  # fmt: skip
            found[address] = data
            here.append(address)
            address += NODE
        below = here
    return found


def _leaf(items: Sequence[tuple[Key, bytes]]) -> bytearray:
    data = bytearray(NODE)
    end = ROOM
    for index, (found, body) in enumerate(items):
        end -= len(body)
        data[HEADER + end : HEADER + end + len(body)] = body
        struct.pack_into("<QBQII", data, HEADER + _ITEM * index, *found, end, len(body))
    return data


def _node(items: Sequence[tuple[Key, bytes]], addresses: Sequence[int]) -> bytearray:
    data = bytearray(NODE)
    for index, ((found, _body), address) in enumerate(zip(items, addresses, strict=True)):
        struct.pack_into("<QBQQQ", data, HEADER + _POINTER * index, *found, address, GENERATION)
    return data
