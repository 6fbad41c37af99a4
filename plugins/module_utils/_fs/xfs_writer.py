# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An xfs is written: its allocation groups, their trees of free space and of inodes, and what is in it.

The first group holds nearly all, the second the log and a rest: so that a file system that grows to many times its
size has no more groups than it must.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import nodes, xfs_folders, xfs_shape
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.nodes import Node
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.sheets import Sheets
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.xfs_shape import (
    BLOCK,
    BTREE_SUM,
    CHUNK,
    CHUNK_BLOCKS,
    NOTHING,
    SECTOR,
    Extent,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError

LOG_BLOCKS = (64 << 20) // BLOCK
# Headers, and the roots of the trees: free space by place and by size, inodes, free inodes, shared blocks.
_HEADERS = 6
_REST = 4096
_LARGEST_GROUP = 1 << 28
# Where xfs_repair looks for the root of a file system with these features.
_FIRST_CHUNK = 16
# The root, and two that belong to a realtime device.
_RESERVED = 3
_PER_LEAF = (BLOCK - 56) // 16
_PER_NODE = (BLOCK - 56) // 8
_VERSION = 0xB4B5
_FEATURES = 0x18A  # lazy counters, attr2, 32-bit project ids, sums
_FEATURES_RO = 0x1 | 0x4 | 0x8  # tree of free inodes, shared blocks, counters of the trees of inodes
_FEATURES_IN = 0x1 | 0x2 | 0x8  # types in folders, sparse chunks of inodes, times to 2486


@dataclass
class _Group:
    """An allocation group: *free* are (first, end), in blocks; *chunks* the first blocks of its chunks of inodes."""

    number: int
    length: int
    free: list[tuple[int, int]]
    chunks: list[int] = field(default_factory=list)
    free_inodes: int = 0
    # Below the root of the tree of inodes, where one block is not enough
    leaves: list[int] = field(default_factory=list)


class XfsWriter:
    """Writes a file system of *size* bytes."""

    def __init__(self, sheets: Sheets, size: int, label: str, uuid: bytes, epoch: int) -> None:
        self._sheets, self._label, self._uuid, self._epoch = sheets, label.encode(), uuid, epoch
        self._blocks = size // BLOCK
        self._size = size
        self._group_blocks = self._blocks - LOG_BLOCKS - _REST
        if self._group_blocks > _LARGEST_GROUP:
            self._group_blocks = -(-self._blocks // -(-self._blocks // _LARGEST_GROUP))
        self._log_two = (self._group_blocks - 1).bit_length()
        starts = range(0, self._blocks, self._group_blocks)
        self._groups = [_Group(n, min(self._group_blocks, self._blocks - at), []) for n, at in enumerate(starts)]
        for group in self._groups:
            group.free.append((_HEADERS, group.length))
        self._log = _HEADERS
        self._groups[1].free = [(_HEADERS + LOG_BLOCKS, self._groups[1].length)]

    def write(self, found: Sequence[Node]) -> None:
        """Write everything; raise GoldsmithError where it does not fit."""
        slots = len(found) + _RESERVED - 1
        numbers = self._chunks(-(-slots // CHUNK))
        # The root is first, the realtime inodes second and third.
        self._numbers = [numbers[0], *numbers[_RESERVED:slots]]
        for number, node in enumerate(found):
            self._node(found, number, node)
        for number in numbers[1:_RESERVED]:
            blank = Node(0o100000, mtime=self._epoch * 10**9)
            self._inode(blank, number, xfs_shape.EXTENTS, [], 0, 1, [])
        for number in numbers[slots:]:
            inode = xfs_shape.free_inode(number, self._uuid)
            self._sheets.add(self._inode_place(number), inode, xfs_shape.INODE_SUM)
        last = self._group_of(numbers[-1])
        last.free_inodes = len(numbers) - slots
        for group in self._groups:
            self._inode_trees(group)
        for group in self._groups:
            self._headers(group, len(numbers))
        self._write_log()
        self._sheets.flush()

    def _place(self, block: int) -> int:
        """Return the byte at which a block, as the file system numbers them, lies."""
        group, inside = block >> self._log_two, block & (1 << self._log_two) - 1
        return (group * self._group_blocks + inside) * BLOCK

    def _inode_place(self, number: int) -> int:
        block, index = divmod(number, xfs_shape.INODES_PER_BLOCK)
        return self._place(block) + index * xfs_shape.INODE

    def _group_of(self, number: int) -> _Group:
        return self._groups[number // xfs_shape.INODES_PER_BLOCK >> self._log_two]

    def _chunks(self, count: int) -> list[int]:
        """Take room for *count* chunks of inodes; return the inodes' numbers."""
        numbers: list[int] = []
        for group in self._groups:
            rest, group.free = group.free, []
            for first, end in rest:
                # In the first group what is before stays free, as xfs_repair expects.
                start = -(-max(first, _FIRST_CHUNK) // CHUNK_BLOCKS) * CHUNK_BLOCKS
                # The tree of these inodes needs room too.
                room = (end - start) // CHUNK_BLOCKS
                room -= room // (_PER_LEAF * CHUNK_BLOCKS) + 1
                taken = max(0, min(count - len(numbers) // CHUNK, room))
                group.chunks += range(start, start + taken * CHUNK_BLOCKS, CHUNK_BLOCKS)
                stop = start + taken * CHUNK_BLOCKS
                group.free += [(first, end)] if not taken else [(first, start), (stop, end)]
                base = ((group.number << self._log_two) + start) * xfs_shape.INODES_PER_BLOCK
                numbers += range(base, base + taken * CHUNK)
            group.free = [(first, end) for first, end in group.free if first < end]
            if len(group.chunks) > _PER_LEAF:
                group.leaves = self._in_group(group, -(-len(group.chunks) // _PER_LEAF))
        if len(numbers) < count * CHUNK:
            self._full()
        return numbers

    def _take(self, at: int, count: int) -> list[Extent]:
        """Take *count* blocks for the place *at* in a file."""
        found = []
        for group in self._groups:
            while count and group.free:
                first, end = group.free[0]
                # What lies before the first inodes is for the file system's own use.
                if (first, end) == (_HEADERS, _FIRST_CHUNK):
                    if len(group.free) == 1:
                        break
                    first, end = group.free[1]
                taken = min(count, end - first, xfs_shape.LONGEST_EXTENT)
                place = group.free.index((first, end))
                group.free[place : place + 1] = [(first + taken, end)] if first + taken < end else []
                found.append(Extent(at, (group.number << self._log_two) + first, taken))
                at, count = at + taken, count - taken
        if count:
            self._full()
        return found

    def _full(self) -> None:
        raise GoldsmithError(f"the tree does not fit into an xfs of {self._size} bytes", hint="give it more")

    def _node(self, found: Sequence[Node], number: int, node: Node) -> None:
        inode = self._numbers[number]
        attributes = xfs_shape.attributes(node)
        links = len(node.names)
        if node.is_folder:
            parent = self._numbers[node.names[0][0]] if node.names else inode
            names = [
                xfs_folders.Name(name, self._numbers[child], found[child].kind) for name, child in node.children.items()
            ]
            links = 2 + sum(found[child].is_folder for child in node.children.values())
            size = xfs_folders.size_inside(names)
            forks = xfs_shape.shape(node, attributes, size)
            if size <= forks.data:
                inside = xfs_folders.inside(names, parent)
                self._inode(node, inode, xfs_shape.LOCAL, inside, size, links, attributes, forks)
            else:
                extents, size = self._folder(names, inode, parent)
                self._inode(node, inode, xfs_shape.EXTENTS, extents, size, links, attributes, forks)
        elif node.is_link:
            size = len(node.target)
            forks = xfs_shape.shape(node, attributes, size)
            if size > xfs_shape.LONGEST_LINK:
                raise GoldsmithError(f"the link {node.source} has more than {xfs_shape.LONGEST_LINK} bytes")
            if size <= forks.data:
                self._inode(node, inode, xfs_shape.LOCAL, node.target, size, links, attributes, forks)
            else:
                extents = self._take(0, 1)
                place = self._place(extents[0].block)
                block = xfs_shape.symlink_block(node.target, place // SECTOR, inode, self._uuid)
                self._sheets.add(place, block, xfs_shape.SYMLINK_SUM)
                self._inode(node, inode, xfs_shape.EXTENTS, extents, size, links, attributes, forks)
        elif node.is_file:
            forks = xfs_shape.shape(node, attributes, 0)
            extents = self._file(node, forks.data // 16)
            self._inode(node, inode, xfs_shape.EXTENTS, extents, node.size, links, attributes, forks)
        else:
            self._inode(node, inode, xfs_shape.DEVICE, xfs_shape.device(node), 0, links, attributes)

    def _file(self, node: Node, room: int) -> list[Extent]:
        # A stretch has more than one extent where a group ends in it.
        stretches = nodes.fewer(nodes.stretches(node), max(1, room - len(self._groups) - 1))
        extents = []
        for start, size in stretches:
            taken = self._take(start // BLOCK, -(-size // BLOCK))
            extents += taken
            for place, data in nodes.content(node, start, size):
                self._spread(taken, place, data)
        if len(extents) > room:
            raise GoldsmithError(f"{node.source} would lie in too many pieces of the xfs", hint="give it more room")
        return extents

    def _spread(self, extents: Sequence[Extent], place: int, data: bytes) -> None:
        for extent in extents:
            first, end = extent.at * BLOCK, (extent.at + extent.count) * BLOCK
            start, stop = max(first, place), min(end, place + len(data))
            if start < stop:
                self._sheets.write(self._place(extent.block) + start - first, data[start - place : stop - place])

    def _folder(self, names: Sequence[xfs_folders.Name], inode: int, parent: int) -> tuple[list[Extent], int]:
        blocks = xfs_folders.blocks(names, inode, parent)
        extents: list[Extent] = []
        for stretch in (0, xfs_folders.HASHES, xfs_folders.FREE):
            row = [block for block in blocks if stretch <= block.at < stretch + xfs_folders.HASHES]
            taken = self._take(stretch, len(row)) if row else []
            extents += taken
            places = (extent.block + index for extent in taken for index in range(extent.count))
            for block, number in zip(row, places, strict=True):
                place = self._place(number)
                block.stamp(place // SECTOR, inode, self._uuid)
                self._sheets.add(place, block.data, block.sum_at)
        return extents, sum(block.at < xfs_folders.HASHES for block in blocks) * BLOCK

    def _inode(
        self,
        node: Node,
        number: int,
        form: int,
        data: bytes | list[Extent],
        size: int,
        links: int,
        attributes: Sequence[xfs_shape.Attribute],
        forks: xfs_shape.Shape | None = None,
    ) -> None:
        forks = forks or xfs_shape.shape(node, attributes, 0)
        extents = data if isinstance(data, list) else []
        outside = None
        if forks.attributes_outside:
            (outside,) = self._take(0, 1)
            block = xfs_shape.attribute_block(attributes, node.source)
            place = self._place(outside.block)
            xfs_shape.stamp_info(block, place // SECTOR, number, self._uuid)
            self._sheets.add(place, block, xfs_shape.INFO_SUM)
        inode = xfs_shape.inode(
            node,
            number,
            epoch=self._epoch,
            uuid=self._uuid,
            form=form,
            data=b"".join(extent.packed() for extent in extents) if isinstance(data, list) else data,
            extents=len(extents),
            blocks=sum(extent.count for extent in extents) + (1 if outside else 0),
            size=size,
            links=links,
            forks=forks,
            outside=outside,
        )
        self._sheets.add(self._inode_place(number), inode, xfs_shape.INODE_SUM)

    def _tree_block(self, group: _Group, block: int, sign: bytes, level: int, records: Sequence[bytes]) -> bytearray:
        place = (group.number * self._group_blocks + block) * BLOCK
        data = bytearray(BLOCK)
        struct.pack_into(">4sHHIIQQ16sI", data, 0, sign, level, len(records), NOTHING, NOTHING, place // SECTOR, 0,
                         self._uuid, group.number)  # fmt: skip
        body = b"".join(records)
        data[56 : 56 + len(body)] = body
        self._sheets.add(place, data, BTREE_SUM)
        return data

    def _inode_trees(self, group: _Group) -> None:
        """Write the trees of inodes and of free inodes; only the last chunk of all has free ones, at its end."""
        records = []
        for index, chunk in enumerate(group.chunks):
            free = group.free_inodes if index == len(group.chunks) - 1 else 0
            mask = ((1 << free) - 1) << (CHUNK - free)
            records.append(struct.pack(">IHBBQ", chunk * xfs_shape.INODES_PER_BLOCK, 0, CHUNK, free, mask))
        self._tree_block(group, 4, b"FIB3", 0, records[-1:] if group.free_inodes else [])
        self._tree_block(group, 5, b"R3FC", 0, [])
        if len(records) <= _PER_LEAF:
            self._tree_block(group, 3, b"IAB3", 0, records)
            return
        # A leaf is at least half full.
        count = len(group.leaves)
        bounds = [len(records) * index // count for index in range(count + 1)]
        parts = [records[start:end] for start, end in itertools.pairwise(bounds)]
        if len(parts) > _PER_NODE:
            raise GoldsmithError("the tree has too many files for our xfs", hint="use ext4")
        row = group.leaves
        for index, (block, part) in enumerate(zip(row, parts, strict=True)):
            data = self._tree_block(group, block, b"IAB3", 0, part)
            left = row[index - 1] if index else NOTHING
            struct.pack_into(">II", data, 8, left, row[index + 1] if index + 1 < len(row) else NOTHING)
        root = self._tree_block(group, 3, b"IAB3", 1, [b""] * len(parts))
        for index, (block, part) in enumerate(zip(row, parts, strict=True)):
            root[56 + 4 * index : 60 + 4 * index] = part[0][:4]
            struct.pack_into(">I", root, 56 + 4 * (_PER_NODE + index), block)

    def _in_group(self, group: _Group, count: int) -> list[int]:
        for index, (first, end) in enumerate(group.free):
            if end - first >= count and first != _HEADERS:
                group.free[index : index + 1] = [(first + count, end)] if first + count < end else []
                return list(range(first, first + count))
        self._full()
        return []

    def _headers(self, group: _Group, inodes: int) -> None:
        base = group.number * self._group_blocks * BLOCK
        by_place = [(first, end - first) for first, end in group.free]
        by_size = sorted(by_place, key=lambda pair: (pair[1], pair[0]))
        for block, sign, pairs in ((1, b"AB3B", by_place), (2, b"AB3C", by_size)):
            self._tree_block(group, block, sign, 0, [struct.pack(">II", *pair) for pair in pairs])
        self._sheets.add(base, self._superblock(inodes), 224)
        space = bytearray(SECTOR)
        struct.pack_into(">4sIII", space, 0, b"XAGF", 1, group.number, group.length)
        struct.pack_into(">IIIIII", space, 16, 1, 2, 0, 1, 1, 0)
        longest = max((size for _place, size in by_place), default=0)
        # The list of blocks in reserve is empty: its first place, its last, their count.
        struct.pack_into(">IIIIII16s", space, 40, 0, 118, 0, sum(size for _place, size in by_place), longest, 0,
                         self._uuid)  # fmt: skip
        struct.pack_into(">IIII", space, 80, 0, 1, 5, 1)
        self._sheets.add(base + SECTOR, space, 216)
        index = bytearray(SECTOR)
        newest = group.chunks[-1] * xfs_shape.INODES_PER_BLOCK if group.chunks else NOTHING
        struct.pack_into(">4sIIIIIIIII", index, 0, b"XAGI", 1, group.number, group.length, len(group.chunks) * CHUNK,
                         3, 2 if group.leaves else 1, group.free_inodes, newest, NOTHING)  # fmt: skip
        index[40:296] = b"\xff" * 256
        index[296:312] = self._uuid
        struct.pack_into(">IIII", index, 328, 4, 1, 1 + len(group.leaves), 1)
        self._sheets.add(base + 2 * SECTOR, index, 312)
        reserve = bytearray(SECTOR)
        struct.pack_into(">4sI16s", reserve, 0, b"XAFL", group.number, self._uuid)
        reserve[36:] = b"\xff" * (SECTOR - 36)
        self._sheets.add(base + 3 * SECTOR, reserve, 32)

    def _superblock(self, inodes: int) -> bytearray:
        raw = bytearray(SECTOR)
        root = self._numbers[0]
        struct.pack_into(">4sIQQQ16sQQQQI", raw, 0, b"XFSB", BLOCK, self._blocks, 0, 0, self._uuid,
                         (1 << self._log_two) + self._log, root, root + 1, root + 2, 1)  # fmt: skip
        struct.pack_into(">IIIIHHHH12s", raw, 84, self._group_blocks, len(self._groups), 0, LOG_BLOCKS, _VERSION,
                         SECTOR, xfs_shape.INODE, xfs_shape.INODES_PER_BLOCK, self._label)  # fmt: skip
        raw[120:128] = bytes((12, 9, 9, 3, self._log_two, 0, 0, 25))
        free_inodes = sum(group.free_inodes for group in self._groups)
        free = sum(end - first for group in self._groups for first, end in group.free)
        struct.pack_into(">QQQ", raw, 128, inodes, free_inodes, free)
        struct.pack_into(">I", raw, 180, CHUNK_BLOCKS)
        struct.pack_into(">IIIIIII", raw, 196, 1, _FEATURES, _FEATURES, 0, _FEATURES_RO, _FEATURES_IN, 0)
        struct.pack_into(">I", raw, 228, CHUNK_BLOCKS // 2)
        return raw

    def _write_log(self) -> None:
        """Write a log of which the last record says that the file system was unmounted."""
        head = bytearray(2 * SECTOR)
        first = 1 << 32
        struct.pack_into(">IIIIQQIIII", head, 0, 0xFEEDBABE, 1, 2, SECTOR, first, first, 0, NOTHING, 1, 0xB0C0D0D0)
        struct.pack_into(">I16sI", head, 300, 1, self._uuid, 0x8000)
        head[304:320] = self._uuid
        struct.pack_into(">I", head, 320, 0x8000)
        # The record: its first word is the cycle, what was there lies in the header; 0x556e is "Un", for unmount.
        struct.pack_into(">IIBBH", head, SECTOR, 1, 8, 0xAA, 0x20, 0)
        head[SECTOR + 12 : SECTOR + 14] = b"nU"
        self._sheets.write(self._place((1 << self._log_two) + self._log), head)
