# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A btrfs on one disk is read: inodes, folders, links and content, from its bytes alone."""

from __future__ import annotations

import bisect
import os
import struct
from collections.abc import Iterator

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import btrfs_shape as shape
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import compression
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.btrfs_shape import Key
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.fs_reader import FsReader, Inode
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.foreign import Damaged, Piece

# Of several copies the first is read; more than one disk, or striping, is not.
_STRIPED = 0x8 | 0x40 | 0x80 | 0x100
_LONGEST = 1 << 27
_LAST = (1 << 64) - 1
_DEEPEST = 400
# Where an inode has the times of its content and of its last use
_TIMES = (136, 112)


class BtrfsReader(FsReader):
    """Reads a subvolume of a btrfs: that of a path, or the one that is mounted where none is named.

    A number is TREE << 64 | INODE.
    """

    def __init__(self, path: str, offset: int, subvolume: str = "") -> None:
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
        self.subvolumes = tuple(self._subvolumes())
        if subvolume:
            number = dict(self.subvolumes).get(subvolume.strip("/"))
            if number is None:
                raise Damaged(f"it has no subvolume {subvolume}")
            self.root = number

    def _subvolumes(self) -> Iterator[tuple[str, int]]:
        """Yield the path of each subvolume below the top of all, and the number of its folder."""
        found: dict[int, tuple[int, str]] = {}
        for (tree, kind, parent), data in self._items(self._root_tree, (0, 0, 0), (_LAST, 255, _LAST)):
            if kind == shape.ROOT_BACKREF and len(data) >= 18:
                folder, _sequence, length = struct.unpack_from("<QQH", data)
                name = os.fsdecode(data[18 : 18 + length])
                found[tree] = (parent, "/".join([*self._way(parent, folder), name]))
        yield "", shape.FILES << 64 | shape.FIRST_INODE
        for tree in found:
            parts, here = [], tree
            while here in found and len(parts) <= len(found):
                here, part = found[here]
                parts.append(part)
            yield "/".join(reversed(parts)), tree << 64 | shape.FIRST_INODE

    def _way(self, tree: int, folder: int) -> list[str]:
        """Return the names of the folders on the way to a folder of a subvolume."""
        names: list[str] = []
        root, _inode = self._tree(tree << 64)
        while folder != shape.FIRST_INODE and len(names) < _DEEPEST:
            found = next(self._items(root, (folder, shape.INODE_REF, 0), (folder, shape.INODE_REF, _LAST)), None)
            if found is None or len(found[1]) < 10:
                raise Damaged(f"the folder {folder} has no name")
            (length,) = struct.unpack_from("<H", found[1], 8)
            names.append(os.fsdecode(found[1][10 : 10 + length]))
            folder = found[0][2]
        return names[::-1]

    def inode(self, number: int) -> Inode:
        """Return an inode."""
        tree, inode = self._tree(number)
        data = next((data for _key, data in self._of(tree, inode, shape.INODE_ITEM)), b"")
        if len(data) < 160:
            raise Damaged(f"there is no inode {inode}")
        size = struct.unpack_from("<Q", data, 16)[0]
        links, uid, gid, mode = struct.unpack_from("<IIII", data, 40)
        (device,) = struct.unpack_from("<Q", data, 56)
        times = [seconds * 10**9 + parts for seconds, parts in (struct.unpack_from("<qI", data, at) for at in _TIMES)]
        major_minor = (device >> 20, device & 0xFFFFF)
        return Inode(number, mode & 0xFFFF, size, uid, gid, links, *times, major_minor, (tree, inode))

    def attributes(self, inode: Inode) -> dict[str, bytes]:
        """Return the extended attributes."""
        found = {}
        for _key, data in self._of(*inode.form, shape.XATTR_ITEM):
            place = 0
            # Several names may have one hash.
            while place + 30 <= len(data):
                size, length = struct.unpack_from("<HH", data, place + 25)
                name = data[place + 30 : place + 30 + length]
                place += 30 + length + size
                found[os.fsdecode(name)] = data[place - size : place]
        return found

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

    def _pieces(self, inode: Inode) -> Iterator[Piece]:
        for (_inode, _kind, start), data in self._of(*inode.form, shape.EXTENT_DATA):
            (whole,) = struct.unpack_from("<Q", data, 8)
            packed, kind = data[16], data[20]
            if kind == 0:
                content = compression.unpacked(packed, data[21:], min(whole, _LONGEST)) if packed else data[21:]
                yield Piece(start, len(content), data=content)
                continue
            logical, size, begin, length = struct.unpack_from("<QQQQ", data, 21)
            if kind == 2 or logical == 0:
                continue
            if packed:
                if max(size, whole) > _LONGEST:
                    raise Damaged("a compressed piece of a file is too large")
                content = compression.unpacked(packed, self.read_at(self._place(logical, size), size), whole)
                content = content[begin : begin + length]
                yield Piece(start, len(content), data=content)
            else:
                yield Piece(start, length, self._place(logical + begin, length))

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
