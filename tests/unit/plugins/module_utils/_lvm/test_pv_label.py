# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bytes of a physical volume; lvm2 judges them in an integration test."""

from __future__ import annotations

import struct
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._lvm import naming, pv_label
from ansible_collections.goldsmith.openstack.plugins.module_utils._lvm.pv_label import Group, NewVolume

MIB = 1 << 20
GROUP = Group("my-vg", (NewVolume("root", 3), NewVolume("var", 2)), "seed", epoch=1600000000, partition=3)


def test_label_and_metadata_area(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(b"old" * MIB)
    old = disk.read_bytes()
    pv_label.write(str(disk), GROUP, offset=4096, size=2 * MIB)
    new = disk.read_bytes()
    assert (new[:4096], new[4096 + MIB :]) == (old[:4096], old[4096 + MIB :]), "nothing else is written"
    part = new[4096 : 4096 + MIB]
    label = part[512:1024]
    assert label[:8] == b"LABELONE"
    assert struct.unpack_from("<QII8s", label, 8) == (1, naming.checksum(label[20:]), 32, b"LVM2 001")
    assert label[32:64].decode() == pv_label.physical_id("seed", "my-vg")
    assert struct.unpack_from("<9Q", label, 64) == (2 * MIB, MIB, 0, 0, 0, 4096, MIB - 4096, 0, 0)
    assert struct.unpack_from("<IIQQ", label, 136) == (2, 1, 0, 0)
    area = part[4096:]
    crc, magic, version, start, size = struct.unpack_from("<I16sIQQ", area)
    assert (crc, magic) == (naming.checksum(area[4:512]), b" LVM2 x[5A%r0N*>")
    assert (version, start, size) == (1, 4096, MIB - 4096)
    place, length, text_crc, flags = struct.unpack_from("<QQII", area, 40)
    content = area[place : place + length]
    assert (place, flags, text_crc) == (512, 0, naming.checksum(content))
    assert content == pv_label.text(GROUP, 2 * MIB).encode() + b"\0"
    assert not any(area[512 + length :])


def test_volumes_follow_each_other() -> None:
    text = pv_label.text(GROUP, 22 * MIB)
    assert text.startswith("my-vg {\n")
    assert 'stripes = ["pv0", 0]' in text
    assert 'stripes = ["pv0", 3]' in text
    assert 'device = "/dev/vda3"' in text
    assert "pe_start = 2048\npe_count = 5\n" in text
    assert text.count("creation_time = 1600000000\n") == 3
    assert text.count("{") == text.count("}")


def test_another_seed_gives_other_identifiers() -> None:
    def ids(group: Group) -> set[str]:
        return {line for line in pv_label.text(group, 22 * MIB).splitlines() if line.startswith("id = ")}

    assert len(ids(GROUP)) == 4
    assert ids(GROUP) == ids(GROUP)
    assert not ids(GROUP) & ids(Group("my-vg", GROUP.volumes, "other"))
