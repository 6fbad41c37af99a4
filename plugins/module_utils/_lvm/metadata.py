# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Physical volumes and their groups, read from the bytes of a disk without lvm2.

A foreign disk is hostile: every size is bounded and no place is trusted. What cannot be read is a GoldsmithError; a
volume of a kind that is not a plain row of extents stays in its group, with the reason.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import SECTOR
from ansible_collections.goldsmith.openstack.plugins.module_utils._lvm import lvm_text
from ansible_collections.goldsmith.openstack.plugins.module_utils._lvm import pv_label as label
from ansible_collections.goldsmith.openstack.plugins.module_utils._lvm.naming import checksum, is_group_name

# Returns bytes of the physical volume: (start, size).
Reader = Callable[[int, int], bytes]

_LABEL_SECTORS = 4
_MOST_AREAS = 8
_IGNORED = 1  # flag of a text that lvm2 does not keep up to date
_LARGEST_TEXT = 4 << 20
_MOST_SEGMENTS = 256
_LARGEST_NUMBER = 1 << 40


@dataclass(frozen=True)
class Piece:
    """A part of a logical volume: bytes from *start* of the physical volume *physical*."""

    physical: str
    start: int
    size: int


@dataclass(frozen=True)
class FoundVolume:
    """A logical volume; *trouble* says why its bytes cannot be had, else *pieces* are they, in order."""

    name: str
    pieces: tuple[Piece, ...] = ()
    trouble: str = ""
    id: str = ""


@dataclass(frozen=True)
class Group:
    """A volume group. *physicals* are the identifiers of its physical volumes, *serial* counts its changes."""

    name: str
    id: str
    serial: int
    physicals: tuple[str, ...]
    free_extents: int
    volumes: tuple[FoundVolume, ...]


@dataclass(frozen=True)
class Physical:
    """A physical volume; *group* None where it belongs to none, or keeps no metadata."""

    id: str
    group: Group | None


def read(reader: Reader, size: int) -> Physical | None:
    """Return the physical volume of *size* bytes that *reader* reads, None where there is no label."""
    for sector in range(_LABEL_SECTORS):
        block = reader(sector * SECTOR, SECTOR)
        if len(block) == SECTOR and block.startswith(label.LABEL_MAGIC):
            return _read_labelled(reader, size, block, sector)
    return None


def _read_labelled(reader: Reader, size: int, block: bytes, sector: int) -> Physical:
    _magic, own, crc, body, kind = label.LABEL.unpack_from(block)
    if own != sector or crc != checksum(block[label.CHECKED_FROM :]):
        raise GoldsmithError("the LVM label is damaged: its checksum is wrong")
    if kind != label.LABEL_TYPE or not label.LABEL.size <= body <= SECTOR - 64:
        raise GoldsmithError("the LVM label is of a kind that is not known")
    identity = block[body : body + 32].decode("ascii", "replace")
    place = _skip_list(block, body + 40)
    groups = []
    for start, length in _places(block, place):
        if text := _read_text(reader, size, start, length):
            groups.append(_group(lvm_text.parse(text)))
    group = max(groups, key=lambda group: group.serial, default=None)
    if group and identity not in group.physicals:
        raise GoldsmithError(f"the volume group {group.name} does not know its own physical volume")
    return Physical(identity, group)


def _places(block: bytes, at: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    while at + label.PLACE.size <= SECTOR and len(found) < _MOST_AREAS:
        start, length = label.PLACE.unpack_from(block, at)
        if start == 0:
            return found
        found.append((start, length))
        at += label.PLACE.size
    raise GoldsmithError("the LVM label is damaged: its lists do not end")


def _skip_list(block: bytes, at: int) -> int:
    return at + (len(_places(block, at)) + 1) * label.PLACE.size


def _read_text(reader: Reader, size: int, start: int, length: int) -> str | None:
    """Return the current text of a metadata area, None where it has none."""
    if start % SECTOR or length <= SECTOR or start + length > size:
        raise GoldsmithError("the LVM label is damaged: a metadata area lies outside of the physical volume")
    header = reader(start, SECTOR)
    if len(header) < SECTOR or struct.unpack_from("<I", header)[0] != checksum(header[4:]):
        raise GoldsmithError("the LVM metadata area is damaged: its checksum is wrong")
    if label.AREA.unpack_from(header, 4) != (label.AREA_MAGIC, 1, start, length):
        raise GoldsmithError("the LVM metadata area is of a kind that is not known")
    place, text_size, crc, flags = label.TEXT_PLACE.unpack_from(header, 4 + label.AREA.size)
    if place == 0 or flags & _IGNORED:
        return None
    if not SECTOR <= place < length or not 0 < text_size <= min(length - SECTOR, _LARGEST_TEXT):
        raise GoldsmithError("the LVM metadata lies outside of its area")
    # The area is a ring: what does not fit in front of its end goes on behind its header.
    first = min(text_size, length - place)
    raw = reader(start + place, first) + (reader(start + SECTOR, text_size - first) if first < text_size else b"")
    if len(raw) != text_size or crc != checksum(raw):
        raise GoldsmithError("the LVM metadata is damaged: its checksum is wrong")
    return raw.rstrip(b"\0").decode("utf-8", "replace")


def _group(text: Mapping[str, Any]) -> Group:
    sections = [name for name, value in text.items() if isinstance(value, dict)]
    if text.get("contents") != "Text Format Volume Group" or text.get("version") != 1 or len(sections) != 1:
        raise GoldsmithError("the LVM metadata describes no volume group")
    name = sections[0]
    if not is_group_name(name):
        raise GoldsmithError(f"the LVM metadata has the name {name!r}, which is none of a volume group")
    body = text[name]
    extent = _number(body, "extent_size", low=1) * SECTOR
    physicals = {key: _Row.of(value, extent) for key, value in _sections(body, "physical_volumes").items()}
    logicals = _sections(body, "logical_volumes")
    room = sum(row.count for row in physicals.values())
    volumes = [
        replace(_volume(key, value, physicals, extent, room), id=_identifier(value))
        for key, value in logicals.items()
        if "VISIBLE" in _words(value, "status")
    ]
    taken = sum(_taken(segment) for value in logicals.values() for segment in _segments(value))
    return Group(
        name=name,
        id=_identifier(body),
        serial=_number(body, "seqno"),
        physicals=tuple(row.id for row in physicals.values()),
        free_extents=max(0, room - taken),
        volumes=tuple(volumes),
    )


@dataclass(frozen=True)
class _Row:
    """The extents of a physical volume."""

    id: str
    start: int
    count: int

    @classmethod
    def of(cls, section: Mapping[str, Any], extent: int) -> _Row:
        start = _number(section, "pe_start") * SECTOR
        count = _number(section, "pe_count")
        if count * extent > _LARGEST_NUMBER * SECTOR:
            raise GoldsmithError("the LVM metadata claims more extents than any disk has")
        return cls(_identifier(section), start, count)


def _identifier(section: Mapping[str, Any]) -> str:
    """Return an identifier as the device mapper has it, without hyphens."""
    return str(section.get("id", "")).replace("-", "")


def _volume(
    name: str, section: Mapping[str, Any], physicals: Mapping[str, _Row], extent: int, room: int
) -> FoundVolume:
    if not is_group_name(name):
        raise GoldsmithError(f"the LVM metadata has the name {name!r}, which is none of a logical volume")
    segments = _segments(section)
    if not 1 <= len(segments) <= _MOST_SEGMENTS:
        return FoundVolume(name, trouble=f"has {len(segments)} segments; from 1 to {_MOST_SEGMENTS} can be read")
    pieces: list[Piece] = []
    place = 0
    for segment in segments:
        kind = segment.get("type")
        if kind != "striped":
            return FoundVolume(name, trouble=f"is of the type {kind}, only linear ones can be read")
        stripes = segment.get("stripes")
        if segment.get("stripe_count") != 1 or not isinstance(stripes, list) or len(stripes) != 2:
            return FoundVolume(name, trouble="is striped, only linear ones can be read")
        row = physicals.get(str(stripes[0]))
        first, count = stripes[1], _number(segment, "extent_count", low=1)
        if _number(segment, "start_extent") != place or row is None or not isinstance(first, int):
            return FoundVolume(name, trouble="has segments that do not fit together")
        place += count
        if first < 0 or first + count > row.count or place > room:
            return FoundVolume(name, trouble="lies outside of its physical volume")
        piece = Piece(row.id, row.start + first * extent, count * extent)
        if pieces and pieces[-1].physical == row.id and pieces[-1].start + pieces[-1].size == piece.start:
            last = pieces.pop()
            piece = Piece(row.id, last.start, last.size + piece.size)
        pieces.append(piece)
    return FoundVolume(name, tuple(pieces))


def _segments(section: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    named = [(key, value) for key, value in section.items() if key.startswith("segment") and isinstance(value, dict)]
    return [value for _key, value in sorted(named, key=lambda item: (len(item[0]), item[0]))]


def _taken(segment: Mapping[str, Any]) -> int:
    """Return how many extents a segment has of physical volumes; other kinds lie on hidden volumes, which count."""
    return _number(segment, "extent_count") if segment.get("type") == "striped" else 0


def _sections(body: Mapping[str, Any], key: str) -> dict[str, Mapping[str, Any]]:
    value = body.get(key, {})
    if not isinstance(value, dict) or not all(isinstance(section, dict) for section in value.values()):
        raise GoldsmithError(f"the LVM metadata is damaged: {key} is no list of sections")
    return value


def _words(section: Mapping[str, Any], key: str) -> list[object]:
    value = section.get(key, [])
    return value if isinstance(value, list) else [value]


def _number(section: Mapping[str, Any], key: str, *, low: int = 0) -> int:
    value = section.get(key)
    if not isinstance(value, int) or not low <= value <= _LARGEST_NUMBER:
        raise GoldsmithError(f"the LVM metadata is damaged: {key} is {value!r}")
    return value
