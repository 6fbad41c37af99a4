# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What LVM calls things: names, identifiers, checksums and places."""

from __future__ import annotations

import hashlib
import re
import zlib
from dataclasses import dataclass

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import MIB, align_up

EXTENT = 4 * MIB
FIRST_EXTENT = MIB  # where the first extent begins in a partition; label and metadata lie before it

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ID_GROUPS = (6, 4, 4, 4, 4, 4, 6)
_CHECKSUM_START = 0xF597A6CF
_NAME = re.compile(r"[a-zA-Z0-9+_.][a-zA-Z0-9+_.-]{0,126}", re.ASCII)
# lvm2 keeps these for volumes that it makes itself (lib/misc/lvm-string.c).
_RESERVED_STARTS = ("snapshot", "pvmove")
_RESERVED_PARTS = (
    *("_cdata", "_cmeta", "_corig", "_cpool", "_cvol", "_wcorig", "_imeta", "_iorig", "_mimage", "_mlog", "_pmspare"),
    *("_rimage", "_rmeta", "_tdata", "_tmeta", "_vdata", "_vorigin"),
)
# The device's name in the device mapper, with hyphens doubled, may have 127 characters.
_LONGEST_DEVICE = 127


@dataclass(frozen=True)
class Stretch:
    """Bytes of a disk in one piece."""

    start: int
    size: int

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.start + self.size


def extents(size: int) -> int:
    """Return how many extents hold *size* bytes."""
    return align_up(size, EXTENT) // EXTENT


def is_group_name(name: str) -> bool:
    """Return whether lvm2 takes this as the name of a volume group."""
    return bool(_NAME.fullmatch(name)) and name not in (".", "..")


def is_volume_name(name: str) -> bool:
    """Return whether lvm2 takes this as the name of a logical volume that a user makes."""
    reserved = name.startswith(_RESERVED_STARTS) or any(part in name for part in _RESERVED_PARTS)
    return is_group_name(name) and not reserved


def mapped_name(group: str, volume: str) -> str:
    """Return the volume's name in the device mapper, and in GRUB: hyphens doubled, so that one can divide."""
    return "-".join(name.replace("-", "--") for name in (group, volume))


def is_short(group: str, volume: str) -> bool:
    """Return whether the device mapper takes the two names together."""
    return len(mapped_name(group, volume)) <= _LONGEST_DEVICE


def device(group: str, volume: str) -> str:
    """Return the volume's device in a running guest."""
    return f"/dev/mapper/{mapped_name(group, volume)}"


def seeded_id(seed: str, noun: str) -> str:
    """Return the same identifier for the same *seed* and *noun*, as LVM stores it: 32 characters, no hyphens."""
    number = int.from_bytes(hashlib.sha256(f"{seed}/{noun}".encode()).digest(), "big")
    characters = []
    for _place in range(sum(_ID_GROUPS)):
        number, index = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[index])
    return "".join(characters)


def shown_id(identifier: str) -> str:
    """Return an identifier as people and LVM's text see it, with hyphens."""
    parts, start = [], 0
    for length in _ID_GROUPS:
        parts.append(identifier[start : start + length])
        start += length
    return "-".join(parts)


def checksum(data: bytes) -> int:
    """Return LVM's checksum: the usual CRC-32 with another start and without the last inversion."""
    return zlib.crc32(data, _CHECKSUM_START ^ 0xFFFFFFFF) ^ 0xFFFFFFFF
