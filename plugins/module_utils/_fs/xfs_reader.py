# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An xfs of version 5 is read: inodes, folders, links and content, from its bytes alone."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import NamedTuple

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.fs_reader import LARGEST_FOLDER, FsReader, Inode
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.foreign import Damaged, Piece

_KNOWN = 0x1 | 0x2 | 0x4 | 0x8 | 0x20 | 0x40 | 0x80
_TYPES, _MANY_EXTENTS = 0x1, 1 << 4
_CORE = 176
_DEVICE, _LOCAL, _EXTENTS, _BTREE = 0, 1, 2, 3
_HASHES = 32 << 30
_DATA, _ONLY = (b"XDD3", b"XDB3")
_TREE_HEADER, _DATA_HEADER, _LINK_HEADER = 72, 64, 56
_EPOCH = 1 << 31
# Attributes: the sign and headers of their blocks, how one lies there, whose it is, and whether it is a file's name.
_LEAF, _LEAF_HEADER, _VALUE, _VALUE_HEADER, _LARGEST_VALUE = b"\x3b\xee", 80, b"XARM", 56, 64 << 10
_IN_BLOCK, _OF_ROOT, _SECURE, _PARENT, _INCOMPLETE = 0x1, 0x2, 0x4, 0x8, 0x80
_ACLS = {b"SGI_ACL_FILE": "system.posix_acl_access", b"SGI_ACL_DEFAULT": "system.posix_acl_default"}
_ACL_USER, _ACL_GROUP = 2, 8
_LOG_SIGN, _LOG_PART, _UNMOUNT = b"\xfe\xed\xba\xbe", 1 << 20, 0x20


class _Fork(NamedTuple):
    """A part of an inode: how its content lies there, its bytes in the inode, how many extents it has."""

    form: int
    data: bytes
    extents: int


class _Forks(NamedTuple):
    """The parts of an inode."""

    content: _Fork
    attributes: _Fork


class XfsReader(FsReader):
    """Reads an xfs."""

    def __init__(self, path: str, offset: int) -> None:
        super().__init__(path, offset)
        raw = self.read_at(0, 512)
        if raw[:4] != b"XFSB":
            raise Damaged("it is no xfs")
        self._block, self._blocks = struct.unpack_from(">IQ", raw, 4)
        self.root = struct.unpack_from(">Q", raw, 56)[0]
        self._group_blocks, self._groups = struct.unpack_from(">II", raw, 84)
        version, _sector, self._inode_size = struct.unpack_from(">HHH", raw, 100)
        self.label = raw[108:120].rstrip(b"\0").decode("utf-8", "surrogateescape")
        self._per_block_log, self._group_log = raw[123], raw[124]
        self._folder_block = self._block << min(raw[192], 8)
        features = struct.unpack_from(">I", raw, 216)[0]
        if version & 0xF != 5:
            raise Damaged(f"it is an xfs of version {version & 0xF}, and only 5 can be read")
        if features & ~_KNOWN:
            raise Damaged(f"it has features that are not known: {features & ~_KNOWN:#x}")
        if not 512 <= self._block <= 65536 or not 256 <= self._inode_size <= 2048 or self._folder_block > 65536:
            raise Damaged("its sizes cannot be")
        self._has_types = bool(features & _TYPES)
        log, log_blocks = struct.unpack_from(">Q", raw, 48)[0], struct.unpack_from(">I", raw, 96)[0]
        self._log = (self._place(log), log_blocks * self._block) if log else (0, 0)

    @property
    def is_clean(self) -> bool:
        """Whether the last record of its log says that it was unmounted."""
        newest, is_end = -1, True
        for start in range(0, self._log[1], _LOG_PART):
            part = self.read_at(self._log[0] + start, min(_LOG_PART, self._log[1] - start))
            place = part.find(_LOG_SIGN)
            while place >= 0:
                if place % 512 == 0 and (found := struct.unpack_from(">Q", part, place + 16)[0]) > newest:
                    newest = found
                    record = self.read_at(self._log[0] + start + place + 512, 16)
                    is_end = bool(record[9] & _UNMOUNT)
                place = part.find(_LOG_SIGN, place + 1)
        return is_end

    def inode(self, number: int) -> Inode:
        """Return an inode."""
        block, index = number >> self._per_block_log, number & (1 << self._per_block_log) - 1
        raw = self.read_at(self._place(block) + index * self._inode_size, self._inode_size)
        if raw[:2] != b"IN" or raw[4] != 3:
            raise Damaged(f"there is no inode {number}")
        (mode,) = struct.unpack_from(">H", raw, 2)
        uid, gid, links = struct.unpack_from(">III", raw, 8)
        atime, mtime, _ctime, size = struct.unpack_from(">QQQQ", raw, 32)
        (flags,) = struct.unpack_from(">Q", raw, 120)
        if flags & _MANY_EXTENTS:
            (extents,), (others,) = struct.unpack_from(">Q", raw, 24), struct.unpack_from(">I", raw, 76)
        else:
            extents, others = struct.unpack_from(">IH", raw, 76)
        times = [
            stamp - _EPOCH * 10**9 if flags & 8 else _signed(stamp >> 32) * 10**9 + (stamp & 0xFFFFFFFF)
            for stamp in (mtime, atime)
        ]
        end = _CORE + raw[82] * 8 if raw[82] else self._inode_size
        content = _Fork(raw[5], raw[_CORE:end], extents)
        forks = _Forks(content, _Fork(raw[83], raw[end:], others))
        (device,) = struct.unpack_from(">I", raw, _CORE) if content.form == _DEVICE else (0,)
        return Inode(number, mode, size, uid, gid, links, *times, (device >> 18, device & 0x3FFFF), forks)

    def folder(self, inode: Inode) -> Iterator[tuple[bytes, int]]:
        """Yield names and numbers."""
        fork: _Fork = inode.form.content
        if fork.form == _LOCAL:
            yield from self._inside(fork.data)
            return
        read = 0
        for at, block, count in self._extents(inode, inode.form.content):
            if at * self._block >= _HASHES:
                break
            read += count * self._block
            if read > LARGEST_FOLDER:
                raise Damaged("a folder is too large")
            for index in range(0, count, self._folder_block // self._block):
                raw = self.read_at(self._place(block + index), self._folder_block)
                yield from self._names(raw)

    def link(self, inode: Inode) -> bytes:
        """Return the target of a link."""
        if inode.size > 4096:
            raise Damaged("a link is too long")
        if inode.form.content.form == _LOCAL:
            return inode.form.content.data[: inode.size]
        found = b""
        for _at, block, count in self._extents(inode, inode.form.content):
            for index in range(count):
                raw = self.read_at(self._place(block + index), self._block)
                found += raw[_LINK_HEADER : _LINK_HEADER + inode.size - len(found)]
        return found

    def attributes(self, inode: Inode) -> dict[str, bytes]:
        """Return the extended attributes."""
        fork: _Fork = inode.form.attributes
        found = {}
        for flags, name, value in self._short(fork.data) if fork.form == _LOCAL else self._long(inode, fork):
            if flags & (_PARENT | _INCOMPLETE):
                continue
            if flags & _OF_ROOT and name in _ACLS:
                found[_ACLS[name]] = _acl(value)
            else:
                space = "security." if flags & _SECURE else "trusted." if flags & _OF_ROOT else "user."
                found[space + os.fsdecode(name)] = value
        return found

    def _short(self, data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
        """Yield the attributes that lie in the inode: flags, name and value."""
        place = 4
        for _entry in range(data[2] if len(data) > 2 else 0):
            length, size, flags = data[place : place + 3]
            value = place + 3 + length
            yield flags, data[place + 3 : value], data[value : value + size]
            place = value + size

    def _long(self, inode: Inode, fork: _Fork) -> Iterator[tuple[int, bytes, bytes]]:
        """Yield the attributes that lie in blocks. Their hashes are not needed: all blocks are read."""
        if not fork.extents:
            return
        places = {
            at + index: block + index for at, block, count in self._extents(inode, fork) for index in range(count)
        }
        for block in places.values():
            raw = self.read_at(self._place(block), self._block)
            if raw[8:10] != _LEAF:
                continue
            (count,) = struct.unpack_from(">H", raw, 56)
            for index in range(count):
                at, flags = struct.unpack_from(">HB", raw, _LEAF_HEADER + 8 * index + 4)
                if flags & _IN_BLOCK:
                    size, length = struct.unpack_from(">HB", raw, at)
                    value = at + 3 + length
                    yield flags, raw[at + 3 : value], raw[value : value + size]
                else:
                    start, size, length = struct.unpack_from(">IIB", raw, at)
                    yield flags, raw[at + 9 : at + 9 + length], self._value(inode, places, start, size)

    def _value(self, inode: Inode, places: dict[int, int], start: int, size: int) -> bytes:
        if size > _LARGEST_VALUE:
            raise Damaged(f"an attribute of the inode {inode.number} claims {size} bytes")
        found = b""
        while len(found) < size:
            if start not in places:
                raise Damaged(f"an attribute of the inode {inode.number} has no value")
            raw = self.read_at(self._place(places[start]), self._block)
            (length,) = struct.unpack_from(">I", raw, 8)
            if raw[:4] != _VALUE or not 0 < length <= self._block - _VALUE_HEADER:
                raise Damaged(f"an attribute of the inode {inode.number} has no value")
            found += raw[_VALUE_HEADER : _VALUE_HEADER + length]
            start += 1
        return found[:size]

    def _pieces(self, inode: Inode) -> Iterator[Piece]:
        for at, block, count in self._extents(inode, inode.form.content):
            yield Piece(at * self._block, count * self._block, self._place(block))

    def _place(self, block: int) -> int:
        group, inside = block >> self._group_log, block & (1 << self._group_log) - 1
        if group >= self._groups or inside >= self._group_blocks:
            raise Damaged(f"there is no block {block}")
        return (group * self._group_blocks + inside) * self._block

    def _extents(self, inode: Inode, fork: _Fork) -> Iterator[tuple[int, int, int]]:
        """Yield (place in the file, block, count) of what is written."""
        if fork.form == _EXTENTS:
            yield from _unpacked(fork.data[: 16 * fork.extents])
        elif fork.form == _BTREE:
            level, count = struct.unpack_from(">HH", fork.data)
            most = (len(fork.data) - 4) // 16
            yield from self._tree(fork.data[4 + 8 * most :], min(count, most), level, self.visits(self._block))
        else:
            raise Damaged(f"the inode {inode.number} has no extents")

    def _tree(self, pointers: bytes, count: int, level: int, visits: Iterator[int]) -> Iterator[tuple[int, int, int]]:
        if not 0 < level < 10:
            raise Damaged("a tree of extents is too deep")
        for (block,) in struct.iter_unpack(">Q", pointers[: 8 * count]):
            next(visits, None)
            raw = self.read_at(self._place(block), self._block)
            below, records = struct.unpack_from(">HH", raw, 4)
            # A tree that leads back to itself would have no end.
            if raw[:4] != b"BMA3" or below != level - 1:
                raise Damaged("a tree of extents is damaged")
            if below == 0:
                yield from _unpacked(raw[_TREE_HEADER : _TREE_HEADER + 16 * records])
            else:
                most = (self._block - _TREE_HEADER) // 16
                yield from self._tree(raw[_TREE_HEADER + 8 * most :], min(records, most), below, visits)

    def _inside(self, data: bytes) -> Iterator[tuple[bytes, int]]:
        count, wide = data[0], data[1] > 0
        place = 10 if wide else 6
        for _entry in range(count):
            end = place + 3 + data[place]
            name = data[place + 3 : end]
            end += self._has_types
            number = data[end : end + (8 if wide else 4)]
            yield name, int.from_bytes(number, "big")
            place = end + len(number)

    def _names(self, raw: bytes) -> Iterator[tuple[bytes, int]]:
        if raw[:4] not in (_DATA, _ONLY):
            raise Damaged("a block of a folder is damaged")
        end = len(raw)
        if raw[:4] == _ONLY:
            end -= 8 + 8 * struct.unpack_from(">I", raw, end - 8)[0]
        place = _DATA_HEADER
        while place < end:
            tag, length = struct.unpack_from(">HH", raw, place)
            if tag == 0xFFFF:
                if length < 8:
                    raise Damaged("a block of a folder is damaged")
                place += length
                continue
            number, size = struct.unpack_from(">QB", raw, place)
            name = raw[place + 9 : place + 9 + size]
            if name not in (b".", b".."):
                yield name, number
            place += (8 + 1 + size + self._has_types + 2 + 7) // 8 * 8


def _unpacked(data: bytes) -> Iterator[tuple[int, int, int]]:
    for at in range(0, len(data) - 15, 16):
        number = int.from_bytes(data[at : at + 16], "big")
        # The highest bit: taken, and never written to.
        if not number >> 127:
            yield number >> 73 & (1 << 54) - 1, number >> 21 & (1 << 52) - 1, number & (1 << 21) - 1


def _signed(number: int) -> int:
    return number - (1 << 32) if number >> 31 else number


def _acl(value: bytes) -> bytes:
    """Return an access list as programs get it; xfs has a form of its own."""
    (count,) = struct.unpack_from(">I", value)
    found = [struct.pack("<I", 2)]
    for index in range(min(count, len(value) // 12)):
        tag, who, rights = struct.unpack_from(">IIH", value, 4 + 12 * index)
        found.append(struct.pack("<HHI", tag, rights, who if tag in (_ACL_USER, _ACL_GROUP) else 0xFFFFFFFF))
    return b"".join(found)
