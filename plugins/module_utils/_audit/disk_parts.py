# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk as a row of named parts, so that two disks can be compared part by part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import SECTOR
from ansible_collections.goldsmith.openstack.plugins.module_utils._image.disk_areas import Area, Disk
from ansible_collections.goldsmith.openstack.plugins.module_utils._image.partitions import Partition, Table
from ansible_collections.goldsmith.openstack.plugins.module_utils._lvm import metadata
from ansible_collections.goldsmith.openstack.plugins.module_utils._lvm.naming import Stretch

_BOOT_CODE, _SIGNATURE = 440, 446
# As GPT has it: the table for 128 partitions, and at the end its copy.
_GPT_SECTORS = 34
_EXTENDED = ("5", "f", "85")


@dataclass(frozen=True)
class Part:
    """Bytes of a disk by a name that another disk of the kind has as well."""

    name: str
    area: Area


def parts(disk: Disk) -> list[Part]:
    """Return the whole disk in parts: first what no file system can lie in, then partitions and logical volumes."""
    if not disk.table:
        areas = [Part(f"volume {area.volume}" if area.volume else "content", area) for area in disk.areas]
        frame: list[Part] = []
    else:
        kept = [entry for entry in disk.table.partitions if not _is_extended(disk.table, entry)]
        numbers = {entry.number for entry in kept}
        areas = [
            Part(f"volume {area.volume}" if area.volume else f"partition {area.number}", area)
            for area in disk.areas
            if area.volume or area.number in numbers
        ]
        frame = [_stretch(*entry) for entry in _frame(disk.table, disk.image.virtual_size, kept)]
    return [*frame, *_beside_volumes(disk), *areas]


def table_facts(table: Table | None) -> dict[str, str]:
    """Return what a partition table says, by the names of the facts."""
    if table is None:
        return {"kind": "none"}
    found = {"kind": table.label, "identifier": table.id}
    for entry in table.partitions:
        number = f"partition {entry.number}"
        found |= {
            f"start of {number}": str(entry.start),
            f"size of {number}": str(entry.size),
            f"type of {number}": entry.type,
            f"identifier of {number}": entry.uuid or "none",
            f"name of {number}": entry.name or "none",
            f"boot flag of {number}": "set" if entry.bootable else "not set",
        }
    return found


def lvm_facts(disk: Disk) -> dict[str, str]:
    """Return what the physical volumes of a disk say, by the names of the facts."""
    found: dict[str, str] = {}
    for number, place in _places(disk):
        try:
            physical = _physical(disk, place)
        except GoldsmithError as error:
            found[f"physical volume in {number}"] = f"cannot be read: {error}"
            continue
        if physical is None:
            continue
        found[f"physical volume in {number}"] = physical.id
        if group := physical.group:
            found |= {
                f"volume group in {number}": group.name,
                f"identifier of {group.name}": group.id,
                f"count of changes of {group.name}": str(group.serial),
                f"free extents of {group.name}": str(group.free_extents),
            }
            for volume in group.volumes:
                pieces = [f"{piece.size} bytes at {piece.start}" for piece in volume.pieces]
                found[f"place of {group.name}/{volume.name}"] = volume.trouble or ", ".join(pieces)
    return found


def _frame(table: Table, size: int, kept: Sequence[Partition]) -> Iterator[tuple[str, int, int]]:
    """Yield what lies around the partitions: name, start, end."""
    yield "boot code", 0, _BOOT_CODE
    yield "identifier of the disk", _BOOT_CODE, _SIGNATURE
    yield "partition table", _SIGNATURE, SECTOR
    first, end = SECTOR, size
    if table.label == "gpt":
        first, end = _GPT_SECTORS * SECTOR, size - (_GPT_SECTORS - 1) * SECTOR
        yield "partition table (GPT)", SECTOR, first
        yield "copy of the partition table (GPT)", end, size
    for entry in sorted(kept, key=lambda entry: entry.start):
        if first < entry.start:
            yield f"gap before partition {entry.number}", first, entry.start
        first = max(first, entry.end)
    if first < end:
        yield "gap behind the partitions", first, end


def _beside_volumes(disk: Disk) -> Iterator[Part]:
    """Yield what of the physical volumes no logical one takes up."""
    for number, place in _places(disk):
        try:
            is_physical = _physical(disk, place) is not None
        except GoldsmithError:
            continue  # then the partition is an area of its own
        if not is_physical:
            continue
        taken = [piece for area in disk.areas if area.volume and not area.trouble for piece in area.pieces]
        taken = sorted(
            (piece for piece in taken if place.start <= piece.start < place.end), key=lambda piece: piece.start
        )
        first = place.start
        for piece in [*taken, Stretch(place.end, 0)]:
            if first < piece.start:
                name = "LVM metadata" if first == place.start else f"free extents from byte {first - place.start}"
                yield _stretch(f"{name} in {number}", first, piece.start)
            first = max(first, piece.end)


def _places(disk: Disk) -> list[tuple[str, Stretch]]:
    """Return where physical volumes can be, with the names of the places."""
    if not disk.table:
        return [("the disk", Stretch(0, disk.image.virtual_size))]
    return [
        (f"partition {entry.number}", Stretch(entry.start, entry.size))
        for entry in disk.table.partitions
        if entry.end <= disk.image.virtual_size
    ]


def _physical(disk: Disk, place: Stretch) -> metadata.Physical | None:
    return metadata.read(lambda start, size: disk.read(place.start + start, size), place.size)


def _stretch(name: str, start: int, end: int) -> Part:
    return Part(name, Area(0, (Stretch(start, end - start),)))


def _is_extended(table: Table, entry: Partition) -> bool:
    return table.label == "dos" and entry.type.lower() in _EXTENDED
