# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A btrfs is written: data first, then all its trees at once, twice, as mkfs.btrfs has it on one disk."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import btrfs_shape as shape
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import crc32c, nodes
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.btrfs_shape import NODE, SECTOR, Chunk, Items
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.nodes import Node
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.sheets import Sheets
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import GIB, MIB, align_up

_FIRST = MIB
_SYSTEM_SIZE = 8 * MIB
_DATA_AT_MOST = GIB
# Room for a guest to begin with, before it makes block groups of its own.
_DATA_ROOM, _METADATA_ROOM = 16 * MIB, 24 * MIB
_LONGEST_INLINE = 2048
_LONGEST_EXTENT = 128 * MIB
_SUMS_PER_ITEM = 4000
_AT_ONCE = 4 * MIB
_FEATURES = 0x1 | 0x20 | 0x40 | 0x100 | 0x200
_FEATURES_RO = 0x1 | 0x2  # the tree of free space, and that it is valid


class _Device:
    """Gives stretches of the device away, in a row; around the copies of the superblock there are none."""

    def __init__(self) -> None:
        self.end = _FIRST

    def _mirror(self) -> int:
        return next((place for place in shape.SUPERBLOCKS[1:] if place >= self.end), 1 << 62)

    def take(self, size: int) -> int:
        """Take *size* bytes in one piece."""
        if self.end + size > (mirror := self._mirror()):
            self.end = mirror + MIB
        self.end += size
        return self.end - size

    @property
    def room(self) -> int:
        """The bytes up to the next copy of the superblock."""
        if (room := self._mirror() - self.end) < MIB:
            self.end += room + MIB
        return self._mirror() - self.end


class BtrfsWriter:
    """Writes a file system of *size* bytes. *ids* are those of the file system, its chunks, its device, its tree."""

    def __init__(
        self, sheets: Sheets, size: int, label: str, ids: tuple[bytes, bytes, bytes, bytes], epoch: int
    ) -> None:
        self._sheets, self._label, self._epoch = sheets, label.encode(), epoch
        self._size = size // SECTOR * SECTOR
        self._uuid, self._chunk_uuid, self._device_uuid, self._tree_uuid = ids
        self._device = _Device()
        self._chunks: list[Chunk] = []
        self._logical = _FIRST
        self._files: Items = {}
        self._extents: Items = {}
        self._sums: Items = {}
        self._buffer = bytearray()
        self._buffered_at = 0
        self._used: dict[int, int] = {}

    def write(self, found: Sequence[Node]) -> None:
        """Write everything; raise GoldsmithError where it does not fit."""
        self._add_chunk(shape.SYSTEM | shape.TWICE, _SYSTEM_SIZE)
        stretches = [nodes.stretches(node) if self._is_outside(node) else [] for node in found]
        self._data_chunks(sum(align_up(size, SECTOR) for row in stretches for _start, size in row))
        for number, (node, row) in enumerate(zip(found, stretches, strict=True)):
            self._node(found, number, node, row)
        self._flush_data()
        self._trees()
        self._sheets.flush()

    @staticmethod
    def _is_outside(node: Node) -> bool:
        return node.is_file and node.size > _LONGEST_INLINE

    def _add_chunk(self, flags: int, size: int) -> Chunk:
        places = tuple(self._device.take(size) for _copy in range(2 if flags & shape.TWICE else 1))
        chunk = Chunk(self._logical, size, flags, places)
        self._chunks.append(chunk)
        self._used[chunk.logical] = 0
        self._logical += size
        if self._device.end > self._size:
            raise GoldsmithError(
                f"the tree does not fit into a btrfs of {self._size} bytes", hint=f"give it {self._device.end} or more"
            )
        return chunk

    def _data_chunks(self, size: int) -> None:
        rest = align_up(size + _DATA_ROOM, MIB)
        while rest > 0:
            rest -= self._add_chunk(shape.DATA, min(rest, self._device.room, _DATA_AT_MOST)).size
        self._data = [chunk for chunk in self._chunks if chunk.flags == shape.DATA]
        self._next = self._data[0].logical

    def _node(self, found: Sequence[Node], number: int, node: Node, stretches: Sequence[tuple[int, int]]) -> None:
        inode = shape.FIRST_INODE + number
        size = used = node.size
        if node.is_folder:
            size, used = 2 * sum(map(len, node.children)), 0
            for index, (name, child) in enumerate(node.children.items(), start=2):
                entry = shape.entry(shape.FIRST_INODE + child, found[child].kind, name)
                self._append((inode, shape.DIR_ITEM, shape.name_hash(name)), entry)
                self._files[inode, shape.DIR_INDEX, index] = entry
                reference = (shape.FIRST_INODE + child, shape.INODE_REF, inode)
                self._append(reference, shape.reference(index, name))
        elif node.is_link:
            size = used = len(node.target)
            self._files[inode, shape.EXTENT_DATA, 0] = shape.inline_data(node.target)
        elif self._is_outside(node):
            used = sum(self._stretch(node, inode, *stretch) for stretch in stretches)
        elif node.size:
            content = b"".join(data for _place, data in nodes.content(node, 0, node.size))
            self._files[inode, shape.EXTENT_DATA, 0] = shape.inline_data(content)
        links = 1 if node.is_folder else len(node.names)
        item = shape.inode_item(node, size=size, used=used, links=links, epoch=self._epoch)
        self._files[inode, shape.INODE_ITEM, 0] = item
        if number == nodes.ROOT:
            self._files[inode, shape.INODE_REF, inode] = shape.reference(0, b"..")
        for name, value in node.xattrs:
            self._append((inode, shape.XATTR_ITEM, shape.name_hash(name)), shape.attribute(name, value))

    def _append(self, key: shape.Key, data: bytes) -> None:
        self._files[key] = whole = self._files.get(key, b"") + data
        if len(whole) > shape.ROOM - 25:
            what = {shape.INODE_REF: "names", shape.XATTR_ITEM: "bytes in its extended attributes"}
            raise GoldsmithError(
                f"a file of the tree has more {what.get(key[1], 'names alike')} than our btrfs can hold"
            )

    def _stretch(self, node: Node, inode: int, start: int, size: int) -> int:
        """Write a part of a file; return the bytes of its extents."""
        end = start + align_up(size, SECTOR)
        at = start
        while at < end:
            chunk = next(chunk for chunk in self._data if self._next < chunk.logical + chunk.size)
            taken = min(end - at, _LONGEST_EXTENT, chunk.logical + chunk.size - self._next)
            self._files[inode, shape.EXTENT_DATA, at] = shape.extent_data(self._next, taken)
            self._extents[self._next, shape.EXTENT_ITEM, taken] = shape.extent_item(inode, at)
            self._used[chunk.logical] += taken
            self._next += taken
            at += taken
        for _place, data in nodes.content(node, start, size):
            self._buffer += data
            # Content comes in whole sectors but at its end.
            self._buffer += bytes(-len(self._buffer) % SECTOR)
            if len(self._buffer) >= _AT_ONCE:
                self._flush_data()
        return end - start

    def _flush_data(self) -> None:
        """Write the data that waits, which is contiguous in logical addresses, and take down its sums."""
        logical = self._data[0].logical + self._buffered_at
        sums = b"".join(struct.pack("<I", found) for found in crc32c.many(self._buffer, SECTOR))
        done = 0
        for chunk in self._data:
            first, end = max(logical, chunk.logical), min(logical + len(self._buffer), chunk.logical + chunk.size)
            if first >= end:
                continue
            self._sheets.write(chunk.places[0] + first - chunk.logical, self._buffer[done : done + end - first])
            for at in range(first, end, _SUMS_PER_ITEM * SECTOR):
                part = sums[
                    (at - logical) // SECTOR * 4 : (min(end, at + _SUMS_PER_ITEM * SECTOR) - logical) // SECTOR * 4
                ]
                self._sums[shape.SUM_OBJECT, shape.EXTENT_SUM, at] = part
            done += end - first
        self._buffered_at += len(self._buffer)
        self._buffer.clear()

    def _trees(self) -> None:
        """Give every block of every tree its address, until the tree of extents, which lists them, grows no more."""
        relocation = {
            (shape.FIRST_INODE, shape.INODE_ITEM, 0): shape.inode_item(
                Node(0o040755), size=0, used=0, links=1, epoch=self._epoch
            ),
            (shape.FIRST_INODE, shape.INODE_REF, shape.FIRST_INODE): shape.reference(0, b".."),
        }
        uuid = struct.unpack("<QQ", self._tree_uuid)
        levels = {
            shape.FILES: shape.rows(self._files),
            shape.SUMS: shape.rows(self._sums),
            shape.UUIDS: shape.rows({(uuid[0], shape.UUID_ITEM, uuid[1]): struct.pack("<Q", shape.FILES)}),
            shape.RELOCATION: shape.rows(relocation),
        }
        # Roots, devices, free space and extents: what there is to be listed is soon known, its size at once.
        guess = sum(map(_count, levels.values())) + 16 + len(self._extents) // 200
        metadata = self._add_chunk(
            shape.METADATA | shape.TWICE, align_up(guess * NODE * 9 // 8 + _METADATA_ROOM, 8 * MIB)
        )
        levels[shape.CHUNKS] = shape.rows(self._chunk_items())
        levels[shape.DEVICES] = shape.rows(self._device_items())
        self._used[self._chunks[0].logical] = _count(levels[shape.CHUNKS]) * NODE
        # All have their size whatever stands in them.
        levels[shape.FREE] = shape.rows(self._free_items())
        levels[shape.ROOTS] = shape.rows(self._root_items({tree: (0, 0, 0) for tree in levels if tree != shape.CHUNKS}))
        levels[shape.EXTENTS] = shape.rows(self._extents)
        while True:
            self._used[metadata.logical] = sum(
                _count(rows) * NODE for tree, rows in levels.items() if tree != shape.CHUNKS
            )
            firsts = self._firsts(levels, metadata.logical)
            extents = shape.rows(self._all_extents(levels, firsts))
            settled = _count(extents) == _count(levels[shape.EXTENTS])
            levels[shape.EXTENTS] = extents
            if settled:
                break
        if self._used[metadata.logical] > metadata.size - 8 * MIB:
            raise GoldsmithError("the trees of a btrfs did not fit into the room for them", hint="report this")
        levels[shape.FREE] = shape.rows(self._free_items())
        roots = {
            tree: (firsts[tree] + (_count(rows) - 1) * NODE, len(rows) - 1, _count(rows))
            for tree, rows in levels.items()
        }
        levels[shape.ROOTS] = shape.rows(self._root_items(roots))
        for tree, rows in levels.items():
            chunk = self._chunks[0] if tree == shape.CHUNKS else metadata
            for address, data in shape.blocks(rows, firsts[tree], tree, (self._uuid, self._chunk_uuid)).items():
                places = tuple(place + address - chunk.logical for place in chunk.places)
                self._sheets.add(places, data, 0, begin=32)
        self._superblocks(roots)

    def _firsts(self, levels: Mapping[int, Sequence[Sequence[object]]], address: int) -> dict[int, int]:
        firsts = {shape.CHUNKS: self._chunks[0].logical}
        for tree, rows in sorted(levels.items()):
            if tree != shape.CHUNKS:
                firsts[tree] = address
                address += _count(rows) * NODE
        return firsts

    def _all_extents(self, levels: Mapping[int, Sequence[Sequence[object]]], firsts: Mapping[int, int]) -> Items:
        found = dict(self._extents)
        for chunk in self._chunks:
            used = struct.pack("<QQQ", self._used[chunk.logical], shape.CHUNK_OBJECT, chunk.flags)
            found[chunk.logical, shape.BLOCK_GROUP, chunk.size] = used
        for tree, rows in levels.items():
            address = firsts[tree]
            for level, row in enumerate(rows):
                for _block in row:
                    found[address, shape.METADATA_ITEM, level] = shape.metadata_item(tree)
                    address += NODE
        return found

    def _chunk_items(self) -> Items:
        found: Items = {(1, shape.DEVICE_ITEM, 1): self._device_item()}
        for chunk in self._chunks:
            found[shape.CHUNK_OBJECT, shape.CHUNK_ITEM, chunk.logical] = chunk.packed(self._device_uuid)
        return found

    def _device_item(self) -> bytes:
        used = sum(chunk.size * len(chunk.places) for chunk in self._chunks)
        return struct.pack("<QQQIIIQQQIBB16s16s", 1, self._size, used, SECTOR, SECTOR, SECTOR, 0, 0, 0, 0, 0, 0,
                           self._device_uuid, self._uuid)  # fmt: skip

    def _device_items(self) -> Items:
        return {
            (1, shape.DEVICE_EXTENT, place): struct.pack(
                "<QQQQ16s", shape.CHUNKS, shape.CHUNK_OBJECT, chunk.logical, chunk.size, self._chunk_uuid
            )
            for chunk in self._chunks
            for place in chunk.places
        }

    def _free_items(self) -> Items:
        found: Items = {}
        for chunk in self._chunks:
            used = self._used[chunk.logical]
            found[chunk.logical, shape.FREE_INFO, chunk.size] = struct.pack("<II", int(used < chunk.size), 0)
            if used < chunk.size:
                found[chunk.logical + used, shape.FREE_EXTENT, chunk.size - used] = b""
        return found

    def _root_items(self, roots: Mapping[int, tuple[int, int, int]]) -> Items:
        folder = shape.inode_item(Node(0o040755), size=0, used=NODE, links=1, epoch=self._epoch)
        found: Items = {
            (shape.FILES, shape.INODE_REF, shape.ROOT_FOLDER): shape.reference(0, b"default"),
            (shape.ROOT_FOLDER, shape.INODE_ITEM, 0): folder,
            (shape.ROOT_FOLDER, shape.INODE_REF, shape.ROOT_FOLDER): shape.reference(0, b".."),
            (shape.ROOT_FOLDER, shape.DIR_ITEM, shape.name_hash(b"default")): shape.default_entry(),
        }
        for tree, (root, level, count) in roots.items():
            if tree not in (shape.ROOTS, shape.CHUNKS):
                is_files = tree in (shape.FILES, shape.RELOCATION)
                uuid = self._tree_uuid if tree == shape.FILES else bytes(16)
                found[tree, shape.ROOT_ITEM, 0] = shape.root_item(
                    root, level, count, is_files=is_files, uuid=uuid, epoch=self._epoch
                )
        return found

    def _superblocks(self, roots: Mapping[int, tuple[int, int, int]]) -> None:
        system = self._chunks[0]
        array = shape.key((shape.CHUNK_OBJECT, shape.CHUNK_ITEM, system.logical)) + system.packed(self._device_uuid)
        (root, level, _size), (chunks, chunk_level, _chunk_size) = roots[shape.ROOTS], roots[shape.CHUNKS]
        for place in shape.SUPERBLOCKS:
            if place + shape.SUPERBLOCK_SIZE > self._size:
                break
            raw = bytearray(shape.SUPERBLOCK_SIZE)
            struct.pack_into("<16sQQ8sQQQQQQQQQ", raw, 0x20, self._uuid, place, 1, shape.MAGIC, shape.GENERATION, root,
                             chunks, 0, 0, self._size, sum(self._used.values()), shape.ROOT_FOLDER, 1)  # fmt: skip
            struct.pack_into("<IIIIIQQQQHBBB", raw, 0x90, SECTOR, NODE, NODE, SECTOR, len(array), shape.GENERATION, 0,
                             _FEATURES_RO, _FEATURES, 0, level, chunk_level, 0)  # fmt: skip
            raw[0xC9:0x12B] = self._device_item()
            raw[0x12B : 0x12B + len(self._label)] = self._label
            struct.pack_into("<QQ", raw, 0x22B, 0, shape.GENERATION)
            raw[0x32B : 0x32B + len(array)] = array
            self._sheets.add(place, raw, 0, begin=32)


def _count(rows: Sequence[Sequence[object]]) -> int:
    return sum(map(len, rows))
