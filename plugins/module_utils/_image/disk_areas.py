# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where file systems can lie in a disk image: partitions, logical volumes, or the whole of it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._ext import e2fs
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import volume as fs_volume
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import MIB
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import partitions, qemu_img, recognition
from ansible_collections.goldsmith.openstack.plugins.module_utils._lvm import metadata
from ansible_collections.goldsmith.openstack.plugins.module_utils._lvm.naming import Stretch

_SUPERBLOCK = Stretch(1024, 1024)
_BLOCKS_KEPT = 16
_PROTECTIVE = "ee"


@dataclass(frozen=True)
class Area:
    """Bytes of a disk that can hold a file system.

    *number* is that of the partition, 0 without a table. *volume* is GROUP/NAME of a logical volume, which may lie in
    several *pieces*; *volume_id* is what the device mapper calls it. *trouble* says why the bytes cannot be had.
    """

    number: int
    pieces: tuple[Stretch, ...]
    volume: str = ""
    free_extents: int = 0
    trouble: str = ""
    volume_id: str = field(default="", compare=False)

    @property
    def name(self) -> str:
        """What a user calls it: the logical volume, or the number of the partition."""
        return self.volume or str(self.number)

    @property
    def start(self) -> int:
        """Where it begins in the disk."""
        return self.pieces[0].start

    @property
    def size(self) -> int:
        """Its size in bytes."""
        return sum(piece.size for piece in self.pieces)

    def part(self, wanted: Stretch) -> tuple[Stretch, ...]:
        """Return where some of its bytes lie in the disk; what is behind its end is left out."""
        found = []
        place = 0
        for piece in self.pieces:
            first, last = max(wanted.start, place), min(wanted.end, place + piece.size)
            if first < last:
                found.append(Stretch(piece.start + first - place, last - first))
            place += piece.size
        return tuple(found)


@dataclass(frozen=True)
class Disk:
    """A disk image of any format that qemu-img reads. *folder* takes what is unpacked to be looked at."""

    runner: Runner
    image: qemu_img.Image
    folder: str

    @property
    def is_raw(self) -> bool:
        """Whether the file is the disk."""
        return self.image.format == qemu_img.RAW

    def read(self, start: int, size: int) -> bytes:
        """Return bytes of the disk; less behind its end."""
        size = min(size, self.image.virtual_size - start)
        if size <= 0:
            return b""
        if self.is_raw:
            with open(self.image.path, "rb") as file:
                file.seek(start)
                return file.read(size)
        found = b""
        while len(found) < size:
            block, skipped = divmod(start + len(found), MIB)
            found += self._block(block)[skipped:][: size - len(found)]
        return found

    @cached_property
    def table(self) -> partitions.Table | None:
        """The partition table."""
        if self.is_raw:
            return partitions.read_table(self.runner, self.image.path)
        head = os.path.join(self.folder, "head")
        with open(head, "wb") as file:
            file.write(self.read(0, MIB))
            # sfdisk wants the disk in its full size.
            file.truncate(self.image.virtual_size)
        return partitions.read_table(self.runner, head, self.image.path)

    @cached_property
    def areas(self) -> tuple[Area, ...]:
        """The partitions in the order of their table, each volume group as its volumes."""
        whole = Stretch(0, self.image.virtual_size)
        parts = [(part.number, Stretch(part.start, part.size)) for part in self.table.partitions] if self.table else []
        return _areas(self, parts or [(0, whole)])

    def superblock(self, area: Area) -> e2fs.Superblock | None:
        """Return the superblock of an ext file system in an area, None where there is none."""
        raw = b"".join(self.read(piece.start, piece.size) for piece in area.part(_SUPERBLOCK))
        return None if area.trouble else e2fs.parse_superblock(raw)

    def fs_superblock(self, area: Area) -> fs_volume.Volume | None:
        """Return what the superblock of an xfs or a btrfs in an area says, None where there is none."""
        found = None if area.trouble else fs_volume.read_superblock(lambda place, size: _of(self, area, place, size))
        return found if found and 0 < found.size <= area.size else None

    def fstype(self, area: Area) -> str | None:
        """Return the kind of the file system in an area, where it is one that can be read."""
        found = self.superblock(area) or self.fs_superblock(area)
        return found.fstype if found else None

    def nodes(self, area: Area, size: int) -> Sequence[Mapping[str, Any]]:
        """Return the first *size* bytes of an area as qemu-img takes them, one piece after the other."""
        return [qemu_img.region(self.image, piece.start, piece.size) for piece in area.part(Stretch(0, size))]

    def place(self, area: Area) -> tuple[str, int]:
        """Return a file and an offset where the bytes of an area are; a copy where they lie nowhere as they are.

        The next copy takes the place of this one.
        """
        if self.is_raw and len(area.pieces) == 1:
            return self.image.path, area.start
        path = os.path.join(self.folder, "area")
        qemu_img.convert(self.runner, self.nodes(area, area.size), path, qemu_img.RAW)
        return path, 0

    def trouble(self) -> str:
        """Return why areas cannot be read, for the end of an error; empty where all can."""
        said = [f"{area.name} {area.trouble}" for area in self.areas if area.trouble]
        if self.table and any(entry.type.lower() == _PROTECTIVE for entry in self.table.partitions):
            said.append("its GPT is missing: the image is incomplete")
        other = [area for area in self.areas if not area.trouble and not self.fstype(area)]
        said += [f"{area.name} holds {what}" for area in other if (what := holds(self, area))]
        return "; ".join(said)

    def _block(self, number: int) -> bytes:
        if number not in self._blocks:
            if len(self._blocks) == _BLOCKS_KEPT:
                del self._blocks[next(iter(self._blocks))]
            path = os.path.join(self.folder, "block")
            size = min(MIB, self.image.virtual_size - number * MIB)
            qemu_img.convert(self.runner, qemu_img.region(self.image, number * MIB, size), path, qemu_img.RAW)
            with open(path, "rb") as file:
                self._blocks[number] = file.read(MIB)
        return self._blocks[number]

    @cached_property
    def _blocks(self) -> dict[int, bytes]:
        return {}


def holds(disk: Disk, area: Area) -> str:
    """Return what an area holds, by its first bytes; empty where it is not known."""
    kind = recognition.kind_of(lambda place, size: _of(disk, area, place, size))
    return recognition.NAMES.get(kind or "", "")


def _of(disk: Disk, area: Area, place: int, size: int) -> bytes:
    """Return bytes of an area; a place below zero counts from its end."""
    wanted = Stretch(place + (area.size if place < 0 else 0), size)
    return b"".join(disk.read(piece.start, piece.size) for piece in area.part(wanted))


def of_raw(runner: Runner, path: str) -> Disk:
    """Return the raw disk in a file; nothing of it has to be unpacked."""
    size = os.path.getsize(path)
    return Disk(runner, qemu_img.Image(path, qemu_img.RAW, size, size), os.path.dirname(path))


def choose(disk: Disk, *, partition: int | None, volume: str | None) -> list[Area]:
    """Return the areas that the options leave; raise OptionError where they name what is not there or not readable."""
    areas = list(disk.areas)
    names = ", ".join(area.name for area in areas)
    if partition is not None:
        areas = [area for area in areas if area.number == partition]
        if not areas:
            raise OptionError("partition", partition, "is missing", hint=f"there are {names}")
    if volume is not None:
        areas = [area for area in areas if volume in (area.volume, area.volume.rpartition("/")[2])]
        if len(areas) != 1:
            raise OptionError("volume", volume, f"names {len(areas)} logical volumes, not one of {names}")
        if areas[0].trouble:
            raise OptionError("volume", volume, areas[0].trouble)
    return areas


def _areas(disk: Disk, parts: Sequence[tuple[int, Stretch]]) -> tuple[Area, ...]:
    found: list[Area] = []
    physicals: dict[str, tuple[int, Stretch]] = {}
    groups: dict[str, metadata.Group] = {}
    for number, part in parts:
        if part.end > disk.image.virtual_size:
            found.append(Area(number, (part,), trouble="ends behind the disk"))
            continue
        try:
            physical = metadata.read(lambda start, size, part=part: disk.read(part.start + start, size), part.size)
        except GoldsmithError as error:
            found.append(Area(number, (part,), trouble=f"cannot be read: {error}"))
            continue
        if physical is None:
            found.append(Area(number, (part,)))
            continue
        if physical.id in physicals:
            found.append(Area(number, (part,), trouble="is a copy of another physical volume"))
            continue
        physicals[physical.id] = (number, part)
        group = physical.group
        # Each physical volume has a copy of the text; one that was away for a while has an old one.
        if group and (group.id not in groups or groups[group.id].serial < group.serial):
            groups[group.id] = group
    for group in groups.values():
        found += [_logical(group, volume, physicals) for volume in group.volumes]
    return tuple(found)


def _logical(group: metadata.Group, volume: metadata.FoundVolume, physicals: Mapping[str, tuple[int, Stretch]]) -> Area:
    name, mapped = f"{group.name}/{volume.name}", f"LVM-{group.id}{volume.id}"
    homes = [physicals[identity] for identity in group.physicals if identity in physicals]
    number, home = homes[0]
    trouble = volume.trouble
    pieces = []
    for piece in volume.pieces:
        if piece.physical not in physicals:
            trouble = "lies in part on a physical volume that is not on this disk"
            break
        number, home = physicals[piece.physical]
        if piece.start + piece.size > home.size:
            trouble = "lies outside of its partition"
            break
        pieces.append(Stretch(home.start + piece.start, piece.size))
    if sum(piece.size for piece in pieces) > sum(part.size for _number, part in physicals.values()):
        trouble = "claims the same extents several times"
    if trouble:
        return Area(number, (home,), name, trouble=trouble, volume_id=mapped)
    first, _home = physicals[volume.pieces[0].physical]
    return Area(first, tuple(pieces), name, free_extents=group.free_extents, volume_id=mapped)
