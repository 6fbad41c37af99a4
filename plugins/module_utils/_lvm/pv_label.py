# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A physical volume written into a file: label, metadata area, and the text of its volume group.

The layout is that of lvm2 itself (lib/format_text/layout.h), with one metadata area before the first extent.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import SECTOR
from ansible_collections.goldsmith.openstack.plugins.module_utils._lvm.naming import (
    EXTENT,
    FIRST_EXTENT,
    checksum,
    seeded_id,
    shown_id,
)

LABEL_SECTOR = 1
LABEL_MAGIC, LABEL_TYPE = b"LABELONE", b"LVM2 001"
AREA_MAGIC = b" LVM2 x[5A%r0N*>"
AREA_START = 4096
# id, sector, checksum of what follows, offset of the body, type
LABEL = struct.Struct("<8sQII8s")
CHECKED_FROM = 20
PLACE = struct.Struct("<QQ")  # offset and size of an area; zeros end a list of them
# magic, version, start and size of the area
AREA = struct.Struct("<16sIQQ")
# offset in the area, size and checksum of the text, flags
TEXT_PLACE = struct.Struct("<QQII")
_EXTENSION = struct.Struct("<II")
_EXTENSION_VERSION, _IN_USE = 2, 1


@dataclass(frozen=True)
class NewVolume:
    """A logical volume, *extents* long."""

    name: str
    extents: int


@dataclass(frozen=True)
class Group:
    """A volume group on one physical volume; its volumes follow each other from the first extent."""

    name: str
    volumes: tuple[NewVolume, ...]
    seed: str
    epoch: int = 0
    partition: int = 1


def physical_id(seed: str, group: str) -> str:
    """Return the identifier of the physical volume of a group."""
    return seeded_id(seed, f"physical-volume-{group}")


def group_id(seed: str, group: str) -> str:
    """Return the identifier of a group."""
    return seeded_id(seed, f"volume-group-{group}")


def volume_id(seed: str, group: str, volume: str) -> str:
    """Return the identifier of a logical volume."""
    return seeded_id(seed, f"logical-volume-{group}/{volume}")


def write(path: str, group: Group, *, offset: int, size: int) -> None:
    """Make bytes *offset* to *offset* + *size* of a file the physical volume of a new group."""
    content = text(group, size).encode() + b"\0"
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(bytes(FIRST_EXTENT))
        file.seek(offset + LABEL_SECTOR * SECTOR)
        file.write(_label(group, size))
        file.seek(offset + AREA_START)
        file.write(_area_header(content) + content)


def text(group: Group, size: int) -> str:
    """Return the metadata of a group whose physical volume has *size* bytes."""
    head = [
        f'id = "{shown_id(group_id(group.seed, group.name))}"',
        "seqno = 1",
        'format = "lvm2"',
        'status = ["RESIZEABLE", "READ", "WRITE"]',
        "flags = []",
        f"extent_size = {EXTENT // SECTOR}",
        "max_lv = 0",
        "max_pv = 0",
        "metadata_copies = 0",
    ]
    physical = [
        f'id = "{shown_id(physical_id(group.seed, group.name))}"',
        f'device = "/dev/vda{group.partition}"',  # no more than a hint
        'status = ["ALLOCATABLE"]',
        "flags = []",
        f"dev_size = {size // SECTOR}",
        f"pe_start = {FIRST_EXTENT // SECTOR}",
        f"pe_count = {(size - FIRST_EXTENT) // EXTENT}",
    ]
    volumes, place = [], 0
    for volume in group.volumes:
        volumes += _section(volume.name, _volume(group, volume, place))
        place += volume.extents
    body = [*head, *_section("physical_volumes", _section("pv0", physical))]
    if volumes:
        body += _section("logical_volumes", volumes)
    tail = [
        'contents = "Text Format Volume Group"',
        "version = 1",
        'description = ""',
        'creation_host = "localhost"',
        f"creation_time = {group.epoch}",
    ]
    return "\n".join([*_section(group.name, body), *tail]) + "\n"


def _volume(group: Group, volume: NewVolume, place: int) -> list[str]:
    segment = [
        "start_extent = 0",
        f"extent_count = {volume.extents}",
        'type = "striped"',
        "stripe_count = 1",
        f'stripes = ["pv0", {place}]',
    ]
    return [
        f'id = "{shown_id(volume_id(group.seed, group.name, volume.name))}"',
        'status = ["READ", "WRITE", "VISIBLE"]',
        "flags = []",
        f"creation_time = {group.epoch}",
        'creation_host = "localhost"',
        "segment_count = 1",
        *_section("segment1", segment),
    ]


def _section(name: str, lines: list[str]) -> list[str]:
    return [f"{name} {{", *lines, "}"]


def _label(group: Group, size: int) -> bytes:
    areas = [PLACE.pack(FIRST_EXTENT, 0), PLACE.pack(0, 0)]
    areas += [PLACE.pack(AREA_START, FIRST_EXTENT - AREA_START), PLACE.pack(0, 0)]
    extension = _EXTENSION.pack(_EXTENSION_VERSION, _IN_USE) + PLACE.pack(0, 0)
    body = physical_id(group.seed, group.name).encode() + struct.pack("<Q", size) + b"".join(areas) + extension
    sector = (LABEL.pack(LABEL_MAGIC, LABEL_SECTOR, 0, LABEL.size, LABEL_TYPE) + body).ljust(SECTOR, b"\0")
    return (
        LABEL.pack(LABEL_MAGIC, LABEL_SECTOR, checksum(sector[CHECKED_FROM:]), LABEL.size, LABEL_TYPE)
        + (sector[LABEL.size :])
    )


def _area_header(content: bytes) -> bytes:
    header = AREA.pack(AREA_MAGIC, 1, AREA_START, FIRST_EXTENT - AREA_START)
    header += TEXT_PLACE.pack(SECTOR, len(content), checksum(content), 0)
    header = header.ljust(SECTOR - 4, b"\0")
    return struct.pack("<I", checksum(header)) + header
