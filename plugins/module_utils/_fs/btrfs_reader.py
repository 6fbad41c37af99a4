# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A btrfs on one disk is read: inodes, folders, links and content, from its bytes alone."""

from __future__ import annotations

import bisect
import struct
import zlib
from collections.abc import Iterator

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import btrfs_shape as shape
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.btrfs_shape import Key
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.fs_reader import (
    Damaged,
    FsReader,
    Inode,
    zeros,
)

# Of several copies the first is read; more than one disk, or striping, is not.
_STRIPED = 0x8 | 0x40 | 0x80 | 0x100
_LONGEST = 1 << 27
_COMPRESSIONS = {2: "lzo", 3: "zstd"}
_LAST = (1 << 64) - 1


class BtrfsReader(FsReader):
    """Reads the subvolume of a btrfs that is mounted where none is named. A number is TREE << 64 | INODE."""

    def __init__(self, path: str, offset: int) -> None:
        super().__init__(path, offset)
        raw = self.read_at(shape.SUPERBLOCKS[0], shape.SUPERBLOCK_SIZE)
        if raw[0x40:0x48] != shape.MAGIC:
            raise Damaged("it is no btrfs")
        roots, chunks = struct.unpack_from("<QQ", raw, 0x50)
        _folder, devices, _sector, self._node_size = struct.unpack_from("<QQII", raw, 0x80)
        if not 4096 <= self._node_size <= 65536 or devices != 1:
            raise Damaged(f"it lies on {devices} disks, or its sizes cannot be")
        self.label = raw[0x12B:0x22B].split(b"\0")[0].decode("utf-8", "surrogateescape")
        self._logical: list[int] = []
        self._chunks: list[tuple[int, int]] = []
        self._roots: dict[int, int] = {}
        self._kept: dict[int, bytes] = {}
        # A tree of what was written in haste, before the power went.
        self.is_clean = struct.unpack_from("<Q", raw, 0x60)[0] == 0
        (size,) = struct.unpack_from("<I", raw, 0xA0)
        array, place = raw[0x32B : 0x32B + min(size, 2048)], 0
        while place + 17 <= len(array):
            found = struct.unpack_from("<QBQ", array, place)
            place += 17 + self._add_chunk(found, array[place + 17 :])
        for found, data in list(self._items(chunks, (0, 0, 0), (_LAST, 255, _LAST))):
            if found[1] == shape.CHUNK_ITEM:
                self._add_chunk(found, data)
        self._root_tree = roots
        tree = shape.FILES
        for _key, data in self._items(roots, (shape.ROOT_FOLDER, shape.DIR_ITEM, 0), (shape.ROOT_FOLDER, 84, _LAST)):
            tree = struct.unpack_from("<Q", data)[0]
        self.root = tree << 64 | shape.FIRST_INODE

    def inode(self, number: int) -> Inode:
        """Return an inode."""
        tree, inode = self._tree(number)
        data = next((data for _key, data in self._of(tree, inode, shape.INODE_ITEM)), b"")
        if len(data) < 160:
            raise Damaged(f"there is no inode {inode}")
        size = struct.unpack_from("<Q", data, 16)[0]
        links, uid, gid, mode = struct.unpack_from("<IIII", data, 40)
        seconds, parts = struct.unpack_from("<qI", data, 136)
        return Inode(number, mode & 0xFFFF, size, uid, gid, links, seconds * 10**9 + parts, (tree, inode))

    def folder(self, inode: Inode) -> Iterator[tuple[bytes, int]]:
        """Yield names and numbers; a subvolume is a folder."""
        tree, number = inode.form
        volume = inode.number >> 64
        for _key, data in self._of(tree, number, shape.DIR_INDEX):
            child, kind, _rest = struct.unpack_from("<QBQ", data)
            (length,) = struct.unpack_from("<H", data, 27)
            name = data[30 : 30 + length]
            if kind == shape.INODE_ITEM:
                yield name, volume << 64 | child
            elif kind == shape.ROOT_ITEM:
                yield name, child << 64 | shape.FIRST_INODE

    def link(self, inode: Inode) -> bytes:
        """Return the target of a link."""
        if inode.size > 4096:
            raise Damaged("a link is too long")
        return b"".join(self.chunks(inode))

    def chunks(self, inode: Inode) -> Iterator[bytes]:
        """Yield the content of a file."""
        tree, number = inode.form
        place = 0
        for (_inode, _kind, start), data in self._of(tree, number, shape.EXTENT_DATA):
            if start < place:
                raise Damaged("pieces of a file overlap")
            if start >= inode.size:
                break
            yield from zeros(start - place)
            place = start
            for piece in self._extent(data):
                piece = piece[: inode.size - place]
                place += len(piece)
                yield piece
        yield from zeros(inode.size - place)

    def _extent(self, data: bytes) -> Iterator[bytes]:
        (whole,) = struct.unpack_from("<Q", data, 8)
        compression, kind = data[16], data[20]
        if compression in _COMPRESSIONS or compression > 3:
            raise Damaged(f"a file is compressed by {_COMPRESSIONS.get(compression, compression)}, which is not read")
        if kind == 0:
            yield zlib.decompressobj().decompress(data[21:], min(whole, _LONGEST)) if compression else data[21:]
            return
        logical, size, begin, length = struct.unpack_from("<QQQQ", data, 21)
        if kind == 2 or logical == 0:
            yield from zeros(length)
        elif compression:
            if max(size, whole) > _LONGEST:
                raise Damaged("a compressed piece of a file is too large")
            packed = b"".join(self._stretch(logical, size))
            yield zlib.decompressobj().decompress(packed, whole)[begin : begin + length]
        else:
            yield from self._stretch(logical + begin, length)

    def _stretch(self, logical: int, size: int) -> Iterator[bytes]:
        """Yield bytes by their logical address, which lie in one chunk."""
        place = self._place(logical, size)
        for at in range(0, size, 1 << 20):
            yield self.read_at(place + at, min(1 << 20, size - at))

    def _add_chunk(self, found: Key, data: bytes) -> int:
        size, _owner, _stripe, flags = struct.unpack_from("<QQQQ", data)
        (count,) = struct.unpack_from("<H", data, 44)
        _device, place = struct.unpack_from("<QQ", data, 48)
        if flags & _STRIPED:
            raise Damaged("it is striped")
        at = bisect.bisect(self._logical, found[2])
        if not at or self._logical[at - 1] != found[2]:
            self._logical.insert(at, found[2])
            self._chunks.insert(at, (place, size))
        return 48 + 32 * count

    def _place(self, logical: int, size: int) -> int:
        at = bisect.bisect(self._logical, logical) - 1
        if at < 0 or logical + size > self._logical[at] + self._chunks[at][1]:
            raise Damaged(f"there is no address {logical}")
        return self._chunks[at][0] + logical - self._logical[at]

    def _tree(self, number: int) -> tuple[int, int]:
        """Return the address of the tree of a number, and the inode in it."""
        tree, inode = number >> 64, number & _LAST
        if tree not in self._roots:
            items = self._items(self._root_tree, (tree, shape.ROOT_ITEM, 0), (tree, shape.ROOT_ITEM, _LAST))
            data = next((data for _key, data in items), b"")
            if len(data) < 184:
                raise Damaged(f"there is no subvolume {tree}")
            (self._roots[tree],) = struct.unpack_from("<Q", data, 176)
        return self._roots[tree], inode

    def _of(self, tree: int, inode: int, kind: int) -> Iterator[tuple[Key, bytes]]:
        return self._items(tree, (inode, kind, 0), (inode, kind, _LAST))

    def _items(self, root: int, first: Key, last: Key) -> Iterator[tuple[Key, bytes]]:
        """Yield the items of a tree from one key to another."""
        return self._below(root, first, last, None, self.visits(self._node_size))

    def _below(
        self, address: int, first: Key, last: Key, level: int | None, visits: Iterator[int]
    ) -> Iterator[tuple[Key, bytes]]:
        next(visits, None)
        raw = self._kept.get(address)
        if raw is None:
            raw = self.read_at(self._place(address, self._node_size), self._node_size)
            if len(self._kept) >= 512:
                self._kept.clear()
            self._kept[address] = raw
        (own,) = struct.unpack_from("<Q", raw, 48)
        count, here = struct.unpack_from("<IB", raw, 96)
        # A tree that leads back to itself would have no end.
        if own != address or here > 8 or (level is not None and here != level):
            raise Damaged(f"the tree at {address} is damaged")
        step = 33 if here else 25
        if shape.HEADER + count * step > len(raw):
            raise Damaged(f"the tree at {address} is damaged")
        keys = [struct.unpack_from("<QBQ", raw, shape.HEADER + step * index) for index in range(count)]
        start = bisect.bisect_left(keys, first)
        if here:
            # What lies before the first key of a block may be in the one before.
            for index in range(max(0, start - 1), count):
                if keys[index] > last:
                    return
                (below,) = struct.unpack_from("<Q", raw, shape.HEADER + step * index + 17)
                yield from self._below(below, first, last, here - 1, visits)
            return
        for index in range(start, count):
            if keys[index] > last:
                return
            begin, size = struct.unpack_from("<II", raw, shape.HEADER + step * index + 17)
            data = raw[shape.HEADER + begin : shape.HEADER + begin + size]
            if len(data) != size:
                raise Damaged(f"the tree at {address} is damaged")
            yield keys[index], data
