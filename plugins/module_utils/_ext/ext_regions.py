# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each byte of an ext file system is for: its tables, its journal, its files, or nothing."""

from __future__ import annotations

import bisect
import stat
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.goldsmith.openstack.plugins.module_utils._ext import inodes
from ansible_collections.goldsmith.openstack.plugins.module_utils._ext.inodes import Filesystem, Node
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.foreign import Damaged

BOOT, SUPERBLOCK, COPIES, DESCRIPTORS = "boot block", "superblock", "copies of the superblock", "group descriptors"
BITMAPS, INODES, JOURNAL = "bitmaps", "inode tables", "journal"
FOLDERS, DATA, ENDS, ATTRIBUTES = "folders", "data of files", "unused ends of files", "extended attributes"
USED, FREE, BEHIND = "other used blocks", "free blocks", "behind the file system"
_SPARSE_SUPER2, _META_BG = 0x200, 0x10
_BLOCKS_UNUSED = 2
_JOURNAL = 8


@dataclass(frozen=True)
class Region:
    """Bytes from *start* to before *end* that serve one purpose; *path* is of the file that they belong to."""

    start: int
    end: int
    name: str
    path: str = ""


class RegionMap:
    """The regions of a file system with these files."""

    def __init__(self, source: Filesystem, files: Mapping[str, Node]) -> None:
        self._source = source
        self._bitmaps: dict[int, bytes] = {}
        self._step = source.block_size
        self._end = source.blocks * self._step
        raw = source.superblock
        # Blocks in clusters share a bit.
        self._shift = max(0, struct.unpack_from("<I", raw, 28)[0] - struct.unpack_from("<I", raw, 24)[0])
        found = sorted([*self._tables(), *self._contents(files)], key=lambda region: region.start)
        self._regions: list[Region] = []
        for region in found:
            # In a file system that contradicts itself two may claim the same.
            if not self._regions or region.start >= self._regions[-1].end:
                self._regions.append(region)
        self._starts = [region.start for region in self._regions]

    def cut(self, start: int, end: int) -> Iterator[Region]:
        """Yield the bytes from *start* to before *end*, cut into regions."""
        while start < end:
            at = bisect.bisect_right(self._starts, start) - 1
            region = self._regions[at] if at >= 0 else None
            if region and start < region.end:
                stop, name, path = region.end, region.name, region.path
            else:
                following = self._starts[at + 1] if at + 1 < len(self._starts) else end
                name, path = self._rest(start), ""
                stop = end if name == BEHIND else min(following, (start // self._step + 1) * self._step)
            stop = min(stop, end)
            yield Region(start, stop, name, path)
            start = stop

    def _rest(self, place: int) -> str:
        """Return whether the bitmaps have a block as used."""
        source = self._source
        if place >= self._end:
            return BEHIND
        group, index = divmod(max(0, place // self._step - source.first_block), source.group_blocks)
        if group >= len(source.groups):
            return FREE
        if source.groups[group].flags & _BLOCKS_UNUSED:
            return FREE
        if group not in self._bitmaps:
            try:
                self._bitmaps[group] = source.read_at(source.groups[group].block_bitmap * self._step, self._step)
            except Damaged:
                self._bitmaps[group] = b""
        byte, bit = divmod(index >> self._shift, 8)
        bitmap = self._bitmaps[group]
        return USED if byte >= len(bitmap) or bitmap[byte] >> bit & 1 else FREE

    def _blocks(self, first: int, count: int, name: str, path: str = "") -> Region:
        return Region(first * self._step, (first + count) * self._step, name, path)

    def _tables(self) -> Iterator[Region]:
        source = self._source
        compat, incompat, ro_compat = struct.unpack_from("<III", source.superblock, 92)
        reserved = struct.unpack_from("<H", source.superblock, 206)[0]
        size = struct.unpack_from("<H", source.superblock, 254)[0] if incompat & 0x80 else 32
        descriptors = -(-len(source.groups) * size // self._step) + reserved
        first = source.first_block or int(self._step == 1024)
        yield Region(0, 1024, BOOT)
        yield Region(1024, 2048, SUPERBLOCK)
        if not incompat & _META_BG:
            yield self._blocks(first + 1, descriptors, DESCRIPTORS)
        only = struct.unpack_from("<II", source.superblock, 0x24C) if compat & _SPARSE_SUPER2 else None
        for number, group in enumerate(source.groups):
            start = source.first_block + number * source.group_blocks
            copy = number in only if only else inodes.has_super(number, sparse=bool(ro_compat & 1))
            if number and copy:
                yield self._blocks(start, 1, COPIES)
                if not incompat & _META_BG:
                    yield self._blocks(start + 1, descriptors, DESCRIPTORS)
            yield self._blocks(group.block_bitmap, 1, BITMAPS)
            yield self._blocks(group.inode_bitmap, 1, BITMAPS)
            count = -(-source.group_inodes * source.inode_size // self._step)
            yield self._blocks(group.table, count, INODES)

    def _contents(self, files: Mapping[str, Node]) -> Iterator[Region]:
        source = self._source
        has_journal = struct.unpack_from("<I", source.superblock, 92)[0] & 4
        if has_journal and struct.unpack_from("<I", source.superblock, 0xE0)[0] == _JOURNAL:
            yield from self._data(source.inode(_JOURNAL), JOURNAL, "")
        seen = set()
        for path, node in files.items():
            if node.number in seen:
                continue
            seen.add(node.number)
            if node.acl:
                yield self._blocks(node.acl, 1, ATTRIBUTES, path)
            if stat.S_ISDIR(node.mode):
                yield from self._data(node, FOLDERS, path)
            elif stat.S_ISREG(node.mode) or (stat.S_ISLNK(node.mode) and node.size >= 60):
                yield from self._data(node, DATA, path)

    def _data(self, node: Node, name: str, path: str) -> Iterator[Region]:
        if self._source.inline_data(node) is not None:
            return
        for _start, place, size in self._source.runs(node):
            end = place + size
            yield Region(place, end, name, path)
            if end % self._step:
                yield Region(end, -(-end // self._step) * self._step, ENDS, path)
