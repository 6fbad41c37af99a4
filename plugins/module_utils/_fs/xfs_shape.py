# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of an xfs as bytes (version 5, little changed since 2013): inodes and extended attributes.

Names and numbers are those of the kernel's fs/xfs/libxfs/xfs_format.h. Sums are set when a part is written.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.nodes import Node
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError

BLOCK = 4096
SECTOR = 512
INODE = 512
CORE = 176
ROOM = INODE - CORE
INODES_PER_BLOCK = BLOCK // INODE
CHUNK = 64
CHUNK_BLOCKS = CHUNK // INODES_PER_BLOCK
NOTHING = 0xFFFFFFFF
DEVICE, LOCAL, EXTENTS, BTREE = 0, 1, 2, 3
# Where the sum lies in an inode, in a block of the kinds dir3 data, da3 and symlink, and in one of a short btree.
INODE_SUM, DATA_SUM, INFO_SUM, SYMLINK_SUM, BTREE_SUM = 100, 4, 12, 12, 52
LONGEST_EXTENT = (1 << 21) - 1
LONGEST_LINK = 1024
# The smallest data fork that can become a tree later.
_LEAST_FORK = 56
# 1901, where times begin (feature bigtime).
_EPOCH = 1 << 31
_BIGTIME = 1 << 3
_ATTRIBUTE_ROOT, _ATTRIBUTE_SECURE, _ATTRIBUTE_LOCAL = 2, 4, 1
_LARGEST_VALUE = BLOCK // 4 * 3 - 16
_ACLS = {b"system.posix_acl_access": b"SGI_ACL_FILE", b"system.posix_acl_default": b"SGI_ACL_DEFAULT"}
_PREFIXES = {b"user.": 0, b"trusted.": _ATTRIBUTE_ROOT, b"security.": _ATTRIBUTE_SECURE}


@dataclass(frozen=True)
class Extent:
    """Blocks of a file: *at* in the file, *block* as the file system numbers blocks, *count* of them."""

    at: int
    block: int
    count: int

    def packed(self) -> bytes:
        """Return it as it is on the disk."""
        return (self.at << 73 | self.block << 21 | self.count).to_bytes(16, "big")


@dataclass(frozen=True)
class Attribute:
    """An extended attribute: its name without prefix, what the prefix means, and its value."""

    name: bytes
    flags: int
    value: bytes


@dataclass(frozen=True)
class Shape:
    """How an inode's two forks are divided: *data* bytes for the content, the rest for the attributes in it.

    *attributes_outside*: they have a block of their own.
    """

    data: int
    attributes: bytes = b""
    attributes_outside: bool = False


def name_hash(name: bytes) -> int:
    """Return the hash of a name in folders and of attributes."""
    value = 0
    whole = len(name) // 4 * 4
    for at in range(0, whole, 4):
        one, two, three, four = name[at : at + 4]
        value = one << 21 ^ two << 14 ^ three << 7 ^ four ^ _turned(value, 28)
    rest = name[whole:]
    if rest:
        value = _turned(value, 7 * len(rest))
        for index, byte in enumerate(reversed(rest)):
            value ^= byte << 7 * index
    return value & NOTHING


def _turned(value: int, bits: int) -> int:
    return (value << bits | value >> (32 - bits)) & NOTHING


def attributes(node: Node) -> list[Attribute]:
    """Return the attributes of a node as xfs keeps them; raise GoldsmithError for what it has no place for."""
    found = []
    for name, value in node.xattrs:
        prefix = name[: name.index(b".") + 1]
        if name in _ACLS:
            found.append(Attribute(_ACLS[name], _ATTRIBUTE_ROOT, _acl(value)))
        elif prefix in _PREFIXES:
            found.append(Attribute(name[len(prefix) :], _PREFIXES[prefix], value))
    if any(len(attribute.value) > _LARGEST_VALUE for attribute in found):
        raise GoldsmithError(f"an extended attribute of {node.source} has more than {_LARGEST_VALUE} bytes")
    return found


def _acl(value: bytes) -> bytes:
    """Turn an access control list as system calls have it into that of the disk."""
    entries = list(struct.iter_unpack("<HHI", value[4:]))
    packed = [struct.pack(">IIHxx", tag, number, permissions) for tag, permissions, number in entries]
    return struct.pack(">I", len(entries)) + b"".join(packed)


def shape(node: Node, found: Sequence[Attribute], content: int) -> Shape:
    """Divide an inode. *content* bytes lie in it where they fit, as links and small folders do; 0: none does."""
    if not found:
        return Shape(8 if _is_device(node) else ROOM)
    fits = all(len(attribute.name) < 256 and len(attribute.value) < 256 for attribute in found)
    inside = _inside(found) if fits else b""
    least = 8 if _is_device(node) else max(_LEAST_FORK, (content + 7) // 8 * 8)
    for wanted in (least, 8 if _is_device(node) else _LEAST_FORK):
        room = (ROOM - len(inside)) // 8 * 8
        if fits and room >= wanted:
            return Shape(8 if _is_device(node) else room, inside)
    # One extent of 16 bytes.
    return Shape(8 if _is_device(node) else ROOM - 16, attributes_outside=True)


def _inside(found: Sequence[Attribute]) -> bytes:
    entries = [bytes((len(a.name), len(a.value), a.flags)) + a.name + a.value for a in found]
    body = b"".join(entries)
    return struct.pack(">HBx", len(body) + 4, len(entries)) + body


def attribute_block(found: Sequence[Attribute], where: str) -> bytearray:
    """Return a leaf block with the attributes of *where*; raise GoldsmithError where they do not fit."""
    block = bytearray(BLOCK)
    end, used = BLOCK, 0
    entries = sorted((name_hash(attribute.name), attribute.name, attribute) for attribute in found)
    begin = 80 + 8 * len(entries)
    for index, (number, _name, attribute) in enumerate(entries):
        local = struct.pack(">HB", len(attribute.value), len(attribute.name)) + attribute.name + attribute.value
        size = (len(local) + 3) // 4 * 4
        end, used = end - size, used + size
        if end < begin:
            raise GoldsmithError(f"the extended attributes of {where} do not fit into one block of xfs")
        block[end : end + len(local)] = local
        struct.pack_into(">IHBx", block, 80 + 8 * index, number, end, attribute.flags | _ATTRIBUTE_LOCAL)
    struct.pack_into(">H", block, 8, 0x3BEE)
    struct.pack_into(">HHHBxHH", block, 56, len(entries), used, end, 0, begin, end - begin)
    return block


def stamp_info(block: bytearray, place: int, owner: int, uuid: bytes) -> None:
    """Say in a block of the kind da3 where it lies (in sectors) and whose it is."""
    struct.pack_into(">QQ16sQ", block, 16, place, 0, uuid, owner)


def symlink_block(target: bytes, place: int, owner: int, uuid: bytes) -> bytearray:
    """Return the block of a link whose target does not fit into its inode."""
    block = bytearray(BLOCK)
    struct.pack_into(">4sIII16sQQQ", block, 0, b"XSLM", 0, len(target), 0, uuid, owner, place, 0)
    block[56 : 56 + len(target)] = target
    return block


def _is_device(node: Node) -> bool:
    return not (node.is_file or node.is_folder or node.is_link)


def device(node: Node) -> bytes:
    """Return the data fork of what is no file, folder or link."""
    major, minor = (node.rdev >> 8) & 0xFFF, node.rdev & 0xFF | node.rdev >> 12 & ~0xFF
    return struct.pack(">I", major << 18 | minor)


def bigtime(nanoseconds: int) -> int:
    """Return a time since 1970 as one of xfs."""
    return nanoseconds + _EPOCH * 10**9


def free_inode(number: int, uuid: bytes) -> bytearray:
    """Return an inode that nobody uses."""
    found = bytearray(INODE)
    struct.pack_into(">HHB", found, 0, 0x494E, 0, 3)
    struct.pack_into(">I", found, 96, NOTHING)
    struct.pack_into(">Q16s", found, 152, number, uuid)
    return found


def inode(
    node: Node,
    number: int,
    *,
    epoch: int,
    uuid: bytes,
    form: int,
    data: bytes,
    extents: int,
    blocks: int,
    size: int,
    links: int,
    forks: Shape,
    outside: Extent | None,
) -> bytearray:
    """Return an inode with both its forks; *form* is that of its content *data*."""
    found = free_inode(number, uuid)
    has_attributes = bool(forks.attributes or outside)
    struct.pack_into(">H", found, 2, node.mode)
    found[5] = form
    struct.pack_into(">III", found, 8, node.uid, node.gid, links)
    now = bigtime(epoch * 10**9)
    struct.pack_into(">QQQQQ", found, 32, now, bigtime(node.mtime), now, size, blocks)
    struct.pack_into(">IIHBB", found, 72, 0, extents, 1 if outside else 0, 0, EXTENTS)
    if has_attributes:
        found[82] = forks.data // 8
        found[83] = EXTENTS if outside else LOCAL
    # The generation: file handles of NFS ask for it.
    struct.pack_into(">I", found, 92, 1)
    struct.pack_into(">Q", found, 104, 1)
    struct.pack_into(">Q", found, 120, _BIGTIME)
    struct.pack_into(">Q", found, 144, now)
    if len(data) > (forks.data if has_attributes else ROOM):
        raise GoldsmithError(f"the inode of {node.source} has no room for {len(data)} bytes")
    found[CORE : CORE + len(data)] = data
    if has_attributes:
        tail = outside.packed() if outside else forks.attributes
        found[CORE + forks.data : CORE + forks.data + len(tail)] = tail
    return found
