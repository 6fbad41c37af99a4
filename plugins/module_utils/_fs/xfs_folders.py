# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folders of an xfs as bytes: in the inode, in one block, or in blocks of entries, of hashes and of free space."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.xfs_shape import (
    BLOCK,
    DATA_SUM,
    INFO_SUM,
    name_hash,
    stamp_info,
)

# Where hashes and free space begin in a folder, in blocks.
HASHES = (32 << 30) // BLOCK
FREE = (64 << 30) // BLOCK
_HEADER = 64
_PER_BLOCK = (BLOCK - _HEADER) // 8
_BESTS = (BLOCK - _HEADER) // 2
_TAIL = 8


@dataclass(frozen=True)
class Name:
    """An entry of a folder: *number* is that of the inode, *kind* its type."""

    name: bytes
    number: int
    kind: int

    @property
    def size(self) -> int:
        """The bytes that it takes in a block."""
        return (8 + 1 + len(self.name) + 1 + 2 + 7) // 8 * 8


@dataclass
class Block:
    """A block of a folder at a place in it; *is_data*: its header is that of entries, else that of a tree."""

    at: int
    data: bytearray
    is_data: bool

    @property
    def sum_at(self) -> int:
        """Where its sum is kept."""
        return DATA_SUM if self.is_data else INFO_SUM

    def stamp(self, place: int, owner: int, uuid: bytes) -> None:
        """Say where it lies (in sectors) and whose it is."""
        if self.is_data:
            struct.pack_into(">QQ16sQ", self.data, 8, place, 0, uuid, owner)
        else:
            stamp_info(self.data, place, owner, uuid)


@dataclass
class _Entries:
    data: bytearray = field(default_factory=lambda: bytearray(BLOCK))
    end: int = _HEADER


def inside(names: Sequence[Name], parent: int) -> bytes:
    """Return a folder that lies in its inode; the names are those without . and .."""
    found = [struct.pack(">BBI", len(names), 0, parent)]
    place = _HEADER + 32
    for name in names:
        found.append(struct.pack(">BH", len(name.name), place) + name.name + struct.pack(">BI", name.kind, name.number))
        place += name.size
    return b"".join(found)


def size_inside(names: Sequence[Name]) -> int:
    """Return the bytes of a folder in its inode; too many for any where it cannot lie there."""
    return 6 + sum(8 + len(name.name) for name in names) if len(names) < 256 else BLOCK


def blocks(names: Sequence[Name], number: int, parent: int) -> list[Block]:
    """Return the blocks of a folder whose inode is *number*, in their order."""
    every = [Name(b".", number, 2), Name(b"..", parent, 2), *names]
    if _HEADER + sum(name.size + 8 for name in every) + _TAIL <= BLOCK:
        return [_only(every)]
    filled = [_Entries()]
    hashes = []
    for name in every:
        if filled[-1].end + name.size > BLOCK:
            filled.append(_Entries())
        hashes.append((name_hash(name.name), ((len(filled) - 1) * BLOCK + _put(filled[-1], name)) // 8))
    bests = [_close(entries, BLOCK, b"XDD3") for entries in filled]
    found = [Block(index, entries.data, True) for index, entries in enumerate(filled)]
    hashes.sort()
    if _HEADER + 8 * len(hashes) + 2 * len(bests) + 4 <= BLOCK:
        return [*found, _leaf(hashes, bests)]
    return [*found, *_tree(hashes), *_free(bests)]


def _put(entries: _Entries, name: Name) -> int:
    place = entries.end
    body = struct.pack(">QB", name.number, len(name.name)) + name.name + bytes((name.kind,))
    entries.data[place : place + len(body)] = body
    entries.end += name.size
    struct.pack_into(">H", entries.data, entries.end - 2, place)
    return place


def _close(entries: _Entries, end: int, sign: bytes) -> int:
    """Finish a block of entries; return the bytes that are free in it."""
    entries.data[:4] = sign
    free = end - entries.end
    if free:
        struct.pack_into(">HH", entries.data, entries.end, 0xFFFF, free)
        struct.pack_into(">H", entries.data, end - 2, entries.end)
        struct.pack_into(">HH", entries.data, 48, entries.end, free)
    return free


def _only(every: Sequence[Name]) -> Block:
    entries = _Entries()
    hashes = sorted((name_hash(name.name), _put(entries, name) // 8) for name in every)
    start = BLOCK - _TAIL - 8 * len(hashes)
    _close(entries, start, b"XDB3")
    for index, pair in enumerate(hashes):
        struct.pack_into(">II", entries.data, start + 8 * index, *pair)
    struct.pack_into(">II", entries.data, BLOCK - _TAIL, len(hashes), 0)
    return Block(0, entries.data, True)


def _hash_block(at: int, kind: int, pairs: Sequence[tuple[int, int]], level: int = 0) -> Block:
    data = bytearray(BLOCK)
    struct.pack_into(">H", data, 8, kind)
    # Leaves have how many are stale, inner nodes their level.
    struct.pack_into(">HH", data, 56, len(pairs), level)
    for index, pair in enumerate(pairs):
        struct.pack_into(">II", data, _HEADER + 8 * index, *pair)
    return Block(at, data, False)


def _leaf(hashes: Sequence[tuple[int, int]], bests: Sequence[int]) -> Block:
    block = _hash_block(HASHES, 0x3DF1, hashes)
    for index, free in enumerate(bests):
        struct.pack_into(">H", block.data, BLOCK - 4 - 2 * (len(bests) - index), free)
    struct.pack_into(">I", block.data, BLOCK - 4, len(bests))
    return block


def _tree(hashes: Sequence[tuple[int, int]]) -> list[Block]:
    """Return leaves of hashes and the nodes above them; the root is the first block of the stretch, be it a leaf."""
    if len(_parts(hashes)) == 1:
        return [_hash_block(HASHES, 0x3DFF, hashes)]
    found: list[Block] = []
    # The root comes first, and how many others there are is only known at the end.
    place = HASHES + 1
    pairs, kind, level = list(hashes), 0x3DFF, 0
    while level == 0 or len(pairs) > _PER_BLOCK:
        parts = _parts(pairs)
        row = [_hash_block(place + index, kind, part, level) for index, part in enumerate(parts)]
        for left, right in itertools.pairwise(row):
            struct.pack_into(">I", left.data, 0, right.at)
            struct.pack_into(">I", right.data, 4, left.at)
        pairs = [(part[-1][0], block.at) for part, block in zip(parts, row, strict=True)]
        found += row
        place += len(row)
        kind, level = 0x3EBE, level + 1
    return [_hash_block(HASHES, 0x3EBE, pairs, level), *found]


def _parts(pairs: Sequence[tuple[int, int]]) -> list[Sequence[tuple[int, int]]]:
    """Divide hashes among blocks. The same hash does not go on in the next one, which xfs_repair takes for damage."""
    found = []
    start = 0
    while start < len(pairs):
        end = whole = min(start + _PER_BLOCK, len(pairs))
        while start < end < len(pairs) and pairs[end - 1][0] == pairs[end][0]:
            end -= 1
        found.append(pairs[start : end if end > start else whole])
        start += len(found[-1])
    return found


def _free(bests: Sequence[int]) -> list[Block]:
    found = []
    for first in range(0, len(bests), _BESTS):
        part = bests[first : first + _BESTS]
        data = bytearray(BLOCK)
        data[:4] = b"XDF3"
        struct.pack_into(">III", data, 48, first, len(part), len(part))
        struct.pack_into(f">{len(part)}H", data, _HEADER, *part)
        found.append(Block(FREE + first // _BESTS, data, True))
    return found
