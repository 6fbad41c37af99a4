# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables after their last partition moved its end. sfdisk judges them in the integration tests."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import partition_end

MIB = 1 << 20
SECTORS = 8 * MIB // 512


def mbr(path: Path, boot_code: bytes = b"\xeb\x63") -> str:
    sector = bytearray(512)
    sector[: len(boot_code)] = boot_code
    sector[446:462] = struct.pack("<B3sB3sII", 0x80, b"", 0x83, b"", 2048, SECTORS - 2048)
    sector[510:] = b"\x55\xaa"
    path.write_bytes(bytes(sector).ljust(8 * MIB, b"\0"))
    return str(path)


def gpt(path: Path) -> str:
    entries = bytearray(128 * 128)
    struct.pack_into("<16s16sQQ", entries, 0, b"t" * 16, b"u" * 16, 2048, SECTORS - 34)
    fields = [
        b"EFI PART",
        0x10000,
        92,
        0,
        0,
        1,
        SECTORS - 1,
        34,
        SECTORS - 34,
        b"g" * 16,
        2,
        128,
        128,
        zlib.crc32(entries),
    ]
    header = struct.pack("<8sIIIIQQQQ16sQIII", *fields)
    fields[3] = zlib.crc32(header)
    disk = bytearray(8 * MIB)
    disk[446:462] = struct.pack("<B3sB3sII", 0, b"", 0xEE, b"", 1, SECTORS - 1)
    disk[512:604] = struct.pack("<8sIIIIQQQQ16sQIII", *fields)
    disk[1024 : 1024 + len(entries)] = entries
    path.write_bytes(disk)
    return str(path)


def test_an_mbr_disk_ends_with_its_partition_and_keeps_its_boot_code(tmp_path: Path) -> None:
    path = mbr(tmp_path / "disk")
    before = Path(path).read_bytes()
    partition_end.move(path, "dos", 1, 5 * MIB)
    after = Path(path).read_bytes()
    assert len(after) == 5 * MIB
    assert struct.unpack_from("<II", after, 454) == (2048, (5 * MIB - 2048 * 512) // 512)
    assert after[:454] == before[:454]
    assert after[462:] == before[462 : 5 * MIB]


def test_both_headers_of_a_gpt_describe_the_smaller_disk(tmp_path: Path) -> None:
    path = gpt(tmp_path / "disk")
    partition_end.move(path, "gpt", 1, 5 * MIB)
    disk = Path(path).read_bytes()
    assert len(disk) == 6 * MIB
    last = 6 * MIB // 512 - 1
    for own, other, table in ((1, last, 2), (last, 1, last - 32)):
        header = bytearray(disk[own * 512 : own * 512 + 92])
        fields = struct.unpack("<8sIIIIQQQQ16sQIII", header)
        assert fields[5:9] == (own, other, 34, last - 33)
        assert fields[10] == table
        entries = disk[table * 512 : table * 512 + 128 * 128]
        assert fields[13] == zlib.crc32(entries)
        header[16:20] = bytes(4)
        assert fields[3] == zlib.crc32(header)
        assert struct.unpack_from("<QQ", entries, 32) == (2048, 5 * MIB // 512 - 1)
    assert struct.unpack_from("<I", disk, 458)[0] == last


def test_what_cannot_be_cut(tmp_path: Path) -> None:
    with pytest.raises(GoldsmithError, match="logical"):
        partition_end.move(mbr(tmp_path / "a"), "dos", 5, 5 * MIB)
    with pytest.raises(GoldsmithError, match="of the kind sun"):
        partition_end.move(mbr(tmp_path / "b"), "sun", 1, 5 * MIB)
    with pytest.raises(GoldsmithError, match="damaged"):
        partition_end.move(mbr(tmp_path / "c"), "gpt", 1, 5 * MIB)
