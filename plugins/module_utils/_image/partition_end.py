# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of the last partition, and of the disk behind it, moved; all else in the tables stays.

sfdisk cannot do it: it takes a GPT whose backup lies behind the end of the file as damaged.
"""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import MIB, SECTOR, align_up

_MBR_TABLE, _MBR_ENTRY = 446, 16
_HEADER = struct.Struct("<8sIIIIQQQQ16sQIII")
_BACKUP_SECTORS = 33


def disk_size(label: str, end: int) -> int:
    """Return the size of the smallest disk whose last partition ends at byte *end*."""
    # The size of a GPT disk stays a multiple of 1 MiB, so that it can be stored anywhere.
    return align_up(end + _BACKUP_SECTORS * SECTOR, MIB) if label == "gpt" else end


def move(path: str, label: str, number: int, end: int) -> None:
    """Let partition *number* end at byte *end*, write the tables to match, and cut or extend the file."""
    size = disk_size(label, end)
    with open(path, "r+b") as file:
        file.truncate(size)
        if label == "gpt":
            _move_gpt(file, number, end, size)
        elif label == "dos":
            _move_mbr(file, number, end)
        else:
            raise GoldsmithError(f"{path} has a partition table of the kind {label}", hint="usable are mbr and gpt")


def _move_mbr(file: BinaryIO, number: int, end: int) -> None:
    if not 1 <= number <= 4:
        raise GoldsmithError(f"partition {number} is a logical one", hint="only primary partitions can be cut")
    file.seek(_MBR_TABLE + (number - 1) * _MBR_ENTRY + 8)
    start = struct.unpack("<I", file.read(4))[0]
    file.write(struct.pack("<I", end // SECTOR - start))


def _move_gpt(file: BinaryIO, number: int, end: int, size: int) -> None:
    sectors = size // SECTOR
    file.seek(SECTOR)
    header = list(_HEADER.unpack(file.read(_HEADER.size)))
    entry_size, count = header[12], header[11]
    if header[0] != b"EFI PART" or not 128 <= entry_size <= 4096 or not number <= count <= 1024:
        raise GoldsmithError("the partition table is damaged", hint="repair it, for example with sgdisk")
    file.seek(header[10] * SECTOR)
    entries = bytearray(file.read(entry_size * count))
    struct.pack_into("<Q", entries, (number - 1) * entry_size + 40, end // SECTOR - 1)
    table_sectors = align_up(len(entries), SECTOR) // SECTOR
    header[8] = sectors - table_sectors - 2  # last usable
    if end // SECTOR > header[8] + 1:
        raise GoldsmithError("the partition table has more entries than the usual 128")
    header[13] = zlib.crc32(entries)
    for own, other, table in ((1, sectors - 1, header[10]), (sectors - 1, 1, sectors - 1 - table_sectors)):
        header[5], header[6], header[10] = own, other, table
        header[3] = 0
        header[3] = zlib.crc32(_HEADER.pack(*header))
        file.seek(own * SECTOR)
        file.write(_HEADER.pack(*header).ljust(SECTOR, b"\0"))
        file.seek(table * SECTOR)
        file.write(entries)
    # The protective entry of the MBR covers the disk; others belong to a hybrid MBR and stay.
    for index in range(4):
        file.seek(_MBR_TABLE + index * _MBR_ENTRY)
        entry = bytearray(file.read(_MBR_ENTRY))
        if entry[4] == 0xEE:
            start = struct.unpack_from("<I", entry, 8)[0]
            struct.pack_into("<I", entry, 12, min(sectors - start, 0xFFFFFFFF))
            file.seek(-_MBR_ENTRY, 1)
            file.write(entry)
