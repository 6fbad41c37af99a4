# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of an ext2, ext3 or ext4 file system, read from its bytes alone.

No driver, device or mount is needed, hard links and owners are those that are written there, and no byte of a hostile
file system reaches code that is not memory-safe. It becomes part of a program (_unpack), so it imports the standard
library only.
"""

from __future__ import annotations

import os
import stat
import struct
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.foreign import Damaged, Piece, Reader

ROOT = 2
_MAGIC, _EXTENT_MAGIC, _ATTRIBUTE_MAGIC = 0xEF53, 0xF30A, 0xEA020000
_META_BG, _64BIT, _FILE_ACL_BLOCK = 0x10, 0x80, 104
# filetype, recover, meta_bg, extents, 64bit, mmp, flex_bg, ea_inode, csum_seed, largedir, inline_data, encrypt and
# casefold
_KNOWN = 0x2 | 0x4 | 0x10 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x2000 | 0x4000 | 0x8000 | 0x10000 | 0x20000
_ORPHAN_FILE = 0x1000
_ENCRYPTED, _EXTENTS, _INLINE = 0x800, 0x80000, 0x10000000
_FULL_EXTENT = 0x8000
_DEEPEST_EXTENTS = 5
_LARGEST_FOLDER = 64 << 20
_LARGEST_VALUE = 64 << 10
_PREFIXES = {1: "user.", 2: "system.posix_acl_access", 3: "system.posix_acl_default", 4: "trusted.", 6: "security."}
_SYSTEM, _DATA = 7, b"data"
_ACL_USER, _ACL_GROUP = 2, 8


@dataclass(frozen=True)
class Node:
    """An inode. Times are in nanoseconds; *block* are the 60 bytes that say where its data lies."""

    number: int
    mode: int
    uid: int
    gid: int
    size: int
    links: int
    flags: int
    atime: int
    mtime: int
    ctime: int
    crtime: int
    blocks: int
    acl: int
    block: bytes = field(repr=False)
    inside: bytes = field(repr=False)

    @property
    def device(self) -> tuple[int, int]:
        """Major and minor number of a device file."""
        old, new = struct.unpack_from("<II", self.block)
        if old:
            return old >> 8 & 0xFF, old & 0xFF
        return (new & 0xFFF00) >> 8, (new & 0xFF) | (new >> 12 & 0xFFF00)


class BlockGroup(NamedTuple):
    """Where a group of blocks has its tables, in blocks."""

    block_bitmap: int
    inode_bitmap: int
    table: int
    flags: int


class Filesystem(Reader):
    """The file system that begins at *offset* of the file *path*; *root* is the number of its root folder."""

    root = ROOT

    def __init__(self, path: str, offset: int = 0) -> None:
        self.descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self.descriptor)
        self.offset = offset
        raw = self.superblock = self.read_at(1024, 1024)
        self._inodes, low = struct.unpack_from("<II", raw, 0)
        self.first_block, log_block = struct.unpack_from("<II", raw, 20)
        (self.group_blocks,) = struct.unpack_from("<I", raw, 32)
        (self.group_inodes,) = struct.unpack_from("<I", raw, 40)
        (self._free_inodes,) = struct.unpack_from("<I", raw, 16)
        magic, revision = struct.unpack_from("<H", raw, 56)[0], struct.unpack_from("<I", raw, 76)[0]
        compat, self._incompat, ro_compat = struct.unpack_from("<III", raw, 92)
        if magic != _MAGIC or log_block > 6 or not self.group_blocks or not self.group_inodes:
            raise Damaged("its superblock is damaged")
        if self._incompat & ~_KNOWN:
            raise Damaged(f"it has features that are not known (incompat {self._incompat & ~_KNOWN:#x})")
        self.block_size = 1024 << log_block
        high = struct.unpack_from("<I", raw, 0x150)[0] if self._incompat & _64BIT else 0
        self.blocks = low | high << 32
        self.inode_size = struct.unpack_from("<H", raw, 88)[0] if revision else 128
        self._first_inode = struct.unpack_from("<I", raw, 84)[0] if revision else 11
        if not 128 <= self.inode_size <= self.block_size or self.inode_size & (self.inode_size - 1):
            raise Damaged("its superblock is damaged: impossible size of inodes")
        size = struct.unpack_from("<H", raw, 254)[0] if self._incompat & _64BIT else 32
        if not 32 <= size <= 1024 or size & (size - 1):
            raise Damaged("its superblock is damaged: impossible size of group descriptors")
        first_meta = struct.unpack_from("<I", raw, 260)[0] if self._incompat & _META_BG else None
        groups = -(-(self.blocks - self.first_block) // self.group_blocks)
        self.groups = list(self._groups(groups, size, first_meta, ro_compat))
        # Files that no folder names: the list of orphans, and the quotas of projects.
        hidden = [struct.unpack_from("<I", raw, 0x280)[0] if compat & _ORPHAN_FILE else 0]
        hidden.append(struct.unpack_from("<I", raw, 0x26C)[0])
        self._hidden = sum(number >= self._first_inode for number in hidden)
        self.value_inodes: set[int] = set()

    @property
    def named(self) -> int:
        """How many inodes the folders name, by the superblock's count of those in use."""
        own = self._first_inode - 1 - 1  # the reserved ones, without the root
        return self._inodes - self._free_inodes - own - self._hidden - len(self.value_inodes)

    def inode(self, number: int) -> Node:
        """Return an inode."""
        if not 0 < number <= self._inodes:
            raise Damaged(f"there is no inode {number}")
        group, index = divmod(number - 1, self.group_inodes)
        if group >= len(self.groups):
            raise Damaged(f"the inode {number} lies in no group")
        raw = self.read_at(self.groups[group].table * self.block_size + index * self.inode_size, self.inode_size)
        mode, uid, low, atime, ctime, mtime, _dtime, gid, links, blocks, flags = struct.unpack_from("<HHIiiiIHHII", raw)
        acl, high = struct.unpack_from("<II", raw, _FILE_ACL_BLOCK)
        blocks_high, acl_high, uid_high, gid_high = struct.unpack_from("<HHHH", raw, 116)
        extra = struct.unpack_from("<H", raw, 128)[0] if self.inode_size > 128 else 0
        inside = raw[128 + extra :] if extra and 128 + extra <= self.inode_size - 4 else b""
        if flags & _ENCRYPTED:
            raise Damaged(f"the file with the inode {number} is encrypted")
        return Node(
            number=number,
            mode=mode,
            uid=uid | uid_high << 16,
            gid=gid | gid_high << 16,
            size=low | (high << 32 if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else 0),
            links=links,
            flags=flags,
            atime=_time(atime, raw, 140, extra),
            mtime=_time(mtime, raw, 136, extra),
            ctime=_time(ctime, raw, 132, extra),
            crtime=_time(struct.unpack_from("<i", raw, 144)[0], raw, 148, extra) if extra >= 20 else 0,
            blocks=blocks | blocks_high << 32,
            acl=acl | acl_high << 32,
            block=raw[40:100],
            inside=inside,
        )

    def folder(self, node: Node) -> list[tuple[bytes, int]]:
        """Return the names in a folder and their inodes, C(.) and C(..) left out."""
        if node.size > _LARGEST_FOLDER:
            raise Damaged(f"the folder with the inode {node.number} claims {node.size} bytes")
        found: list[tuple[bytes, int]] = []
        if node.flags & _INLINE:
            found += _entries(node.block[4:])
            found += _entries(self._inline(node)[60:])
        else:
            for _start, place, size in self.runs(node):
                raw = self.read_at(place, size)
                for at in range(0, size, self.block_size):
                    found += _entries(raw[at : at + self.block_size])
        return [(name, number) for name, number in found if name not in (b".", b"..")]

    def link(self, node: Node) -> bytes:
        """Return where a symbolic link points to."""
        if node.size > self.block_size:
            raise Damaged(f"the link with the inode {node.number} claims {node.size} bytes")
        in_blocks = node.blocks - (self.block_size // 512 if node.acl else 0) > 0
        short = node.size < 60 and not node.flags & (_EXTENTS | _INLINE) and not in_blocks
        target = node.block[: node.size] if short else self._content(node)
        if not target or b"\0" in target:
            raise Damaged(f"the link with the inode {node.number} leads to {target[:60]!r}")
        return target

    def inline_data(self, node: Node) -> bytes | None:
        """Return the bytes of a small file that lies in its inode, None where it lies in blocks."""
        return self._inline(node)[: node.size] if node.flags & _INLINE else None

    def pieces(self, inode: Node) -> Iterator[Piece]:
        """Yield what is written of a file, holes left out."""
        inline = self.inline_data(inode)
        if inline is not None:
            yield Piece(0, len(inline), data=inline)
            return
        for start, place, size in self.runs(inode):
            yield Piece(start, size, place)

    def runs(self, node: Node) -> Iterator[tuple[int, int, int]]:
        """Yield the data of a file, holes left out: place in the file, place in the file system, length in bytes."""
        blocks = -(-node.size // self.block_size)
        pieces = self._extents(node.block, None) if node.flags & _EXTENTS else self._mapped(node.block, blocks)
        expected = 0
        for logical, physical, count in pieces:
            if logical < expected or physical < 1 or physical + count > self.blocks:
                raise Damaged(f"the blocks of the inode {node.number} cannot be where they are said to be")
            expected = logical + count
            count = min(count, blocks - logical)
            if count > 0:
                start = logical * self.block_size
                yield start, physical * self.block_size, min(count * self.block_size, node.size - start)

    def attributes(self, node: Node) -> dict[str, bytes]:
        """Return the extended attributes as the kernel gives them to a program."""
        found = {}
        for index, name, value in self._attributes(node):
            if index == _SYSTEM and name == _DATA:
                continue  # the rest of a file in its inode
            if index not in _PREFIXES:
                raise Damaged(f"the inode {node.number} has an attribute of an unknown kind ({index})")
            text = _PREFIXES[index] + name.decode("utf-8", "surrogateescape")
            found[text] = _acl(value) if index in (2, 3) else value
        return found

    def read_at(self, place: int, size: int) -> bytes:
        """Return bytes of the file system; raise Damaged where they lie outside it."""
        try:
            raw = os.pread(self.descriptor, size, self.offset + place)
        except (OSError, OverflowError) as error:
            raise Damaged(f"{size} bytes at {place} cannot be read: {error}") from None
        if len(raw) != size:
            raise Damaged(f"it ends before its byte {place + size}")
        return raw

    def _groups(self, groups: int, size: int, first_meta: int | None, ro_compat: int) -> Iterator[BlockGroup]:
        per_block = self.block_size // size
        if groups > 1 << 20:
            raise Damaged(f"it claims {groups} block groups")
        # Where blocks are in clusters the count begins with 0, yet the first of 1 KiB is still that of the boot sector.
        first = self.first_block or int(self.block_size == 1024)
        for index in range(-(-groups // per_block)):
            block = first + 1 + index
            if first_meta is not None and index >= first_meta:
                group = index * per_block
                block = self.first_block + group * self.group_blocks + has_super(group, sparse=bool(ro_compat & 1))
            raw = self.read_at(block * self.block_size, self.block_size)
            for at in range(min(per_block, groups - index * per_block)):
                low = struct.unpack_from("<III", raw, at * size)
                high = struct.unpack_from("<III", raw, at * size + 32) if size >= 64 else (0, 0, 0)
                places = (one | more << 32 for one, more in zip(low, high))
                yield BlockGroup(*places, struct.unpack_from("<H", raw, at * size + 18)[0])

    def _extents(self, raw: bytes, depth: int | None) -> Iterator[tuple[int, int, int]]:
        magic, entries, _room, level = struct.unpack_from("<HHHH", raw)
        wrong = level > _DEEPEST_EXTENTS if depth is None else level != depth
        if magic != _EXTENT_MAGIC or wrong or 12 + entries * 12 > len(raw):
            raise Damaged("a tree of extents is damaged")
        for at in range(12, 12 + entries * 12, 12):
            if level:
                _logical, low, high = struct.unpack_from("<IIH", raw, at)
                place = (low | high << 32) * self.block_size
                yield from self._extents(self.read_at(place, self.block_size), level - 1)
                continue
            logical, count, high, low = struct.unpack_from("<IHHI", raw, at)
            # A longer one is reserved, not written.
            if count <= _FULL_EXTENT:
                yield logical, low | high << 32, count

    def _mapped(self, raw: bytes, blocks: int) -> Iterator[tuple[int, int, int]]:
        pointers = struct.unpack("<15I", raw)
        yield from ((index, block, 1) for index, block in enumerate(pointers[:12]) if block)
        per_block = self.block_size // 4
        logical, span = 12, per_block
        for level, block in enumerate(pointers[12:], 1):
            if block and logical < blocks:
                yield from self._indirect(block, level, logical, blocks)
            logical += span
            span *= per_block

    def _indirect(self, block: int, level: int, logical: int, blocks: int) -> Iterator[tuple[int, int, int]]:
        span = (self.block_size // 4) ** (level - 1)
        for (pointer,) in struct.iter_unpack("<I", self.read_at(block * self.block_size, self.block_size)):
            if logical >= blocks:
                return
            if pointer and level == 1:
                yield logical, pointer, 1
            elif pointer:
                yield from self._indirect(pointer, level - 1, logical, blocks)
            logical += span

    def _content(self, node: Node) -> bytes:
        if node.flags & _INLINE:
            return self._inline(node)[: node.size]
        content = bytearray(node.size)
        for start, place, size in self.runs(node):
            content[start : start + size] = self.read_at(place, size)
        return bytes(content)

    def _inline(self, node: Node) -> bytes:
        rest = [value for index, name, value in self._attributes(node) if index == _SYSTEM and name == _DATA]
        return node.block + b"".join(rest)

    def _attributes(self, node: Node) -> Iterator[tuple[int, bytes, bytes]]:
        if len(node.inside) > 4 and struct.unpack_from("<I", node.inside)[0] == _ATTRIBUTE_MAGIC:
            yield from self._values(node.inside[4:], 0)
        if node.acl:
            raw = self.read_at(node.acl * self.block_size, self.block_size)
            if struct.unpack_from("<I", raw)[0] != _ATTRIBUTE_MAGIC:
                raise Damaged(f"the attributes of the inode {node.number} are damaged")
            yield from self._values(raw, 32)

    def _values(self, raw: bytes, at: int) -> Iterator[tuple[int, bytes, bytes]]:
        while at + 16 <= len(raw) and raw[at : at + 4] != bytes(4):
            length, index, place, inode, size = struct.unpack_from("<BBHII", raw, at)
            name = raw[at + 16 : at + 16 + length]
            if inode:
                value = self._value_inode(inode, size)
            elif place + size <= len(raw):
                value = raw[place : place + size]
            else:
                raise Damaged("an extended attribute lies outside of its block")
            yield index, name, value
            at += (16 + length + 3) // 4 * 4

    def _value_inode(self, inode: int, size: int) -> bytes:
        node = self.inode(inode)
        if node.size != size or size > _LARGEST_VALUE:
            raise Damaged(f"an extended attribute claims {size} bytes")
        self.value_inodes.add(inode)
        return self._content(node)


def _time(seconds: int, raw: bytes, at: int, extra: int) -> int:
    # The bytes behind the first 128 are in use as far as the inode says.
    more = struct.unpack_from("<I", raw, at)[0] if extra and at + 4 <= 128 + extra <= len(raw) else 0
    return (seconds + ((more & 3) << 32)) * 10**9 + min(more >> 2, 10**9 - 1)


def has_super(group: int, *, sparse: bool) -> bool:
    """Return whether a group begins with a copy of the superblock."""
    if group < 2 or not sparse:
        return True
    for base in (3, 5, 7):
        power = base
        while power < group:
            power *= base
        if power == group:
            return True
    return False


def _entries(raw: bytes) -> list[tuple[bytes, int]]:
    found = []
    at = 0
    while at + 8 <= len(raw):
        number, step, length = struct.unpack_from("<IHB", raw, at)
        # In a block of 64 KiB the length of the whole does not fit into its field.
        step = len(raw) - at if len(raw) == 1 << 16 and step in (0, 0xFFFF) else step
        if step < 8 or step % 4 or at + step > len(raw) or 8 + length > step:
            raise Damaged("a folder is damaged")
        name = raw[at + 8 : at + 8 + length]
        if number:
            if not name or b"/" in name or b"\0" in name:
                raise Damaged(f"a folder has the impossible name {name!r}")
            found.append((name, number))
        at += step
    return found


def _acl(raw: bytes) -> bytes:
    """Return an access control list in the form of the kernel's interface; that on the disk is shorter."""
    if len(raw) < 4 or struct.unpack_from("<I", raw)[0] != 1:
        raise Damaged("an access control list is damaged")
    packed = struct.pack("<I", 2)
    at = 4
    while at < len(raw):
        try:
            tag, permissions = struct.unpack_from("<HH", raw, at)
            named = tag in (_ACL_USER, _ACL_GROUP)
            identity = struct.unpack_from("<I", raw, at + 4)[0] if named else 0xFFFFFFFF
        except struct.error:
            raise Damaged("an access control list is damaged") from None
        packed += struct.pack("<HHI", tag, permissions, identity)
        at += 8 if named else 4
    return packed
