# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks in parts."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.disks import MIB, tool

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit import disk_parts
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._image.disk_areas import Disk, of_raw

DOS = """label: dos
label-id: 0x1
2 : start=2048, size=2048, type=83, bootable
3 : start=6144, size=8192, type=5
5 : start=8192, size=2048, type=83
"""
GPT = "label: gpt\n1 : start=2048, size=2048, type=linux, name=root\n2 : start=4096, size=2048\n"


def disk(folder: Path, script: str) -> Disk:
    (folder / "disk").write_bytes(bytes(8 * MIB))
    if script:
        tool("sfdisk", "-q", folder / "disk", stdin=script)
    return of_raw(Runner(), str(folder / "disk"))


def named(found: list[disk_parts.Part]) -> dict[str, tuple[int, int]]:
    return {part.name: (part.area.start, part.area.start + part.area.size) for part in found}


def test_a_disk_with_an_extended_partition(tmp_path: Path) -> None:
    # The extended one is no part: it only holds others.
    assert named(disk_parts.parts(disk(tmp_path, DOS))) == {
        "boot code": (0, 440),
        "identifier of the disk": (440, 446),
        "partition table": (446, 512),
        "gap before partition 2": (512, MIB),
        "gap before partition 5": (2 * MIB, 4 * MIB),
        "gap behind the partitions": (5 * MIB, 8 * MIB),
        "partition 2": (MIB, 2 * MIB),
        "partition 5": (4 * MIB, 5 * MIB),
    }


@pytest.mark.parametrize("script", [DOS, GPT])
def test_the_parts_cover_the_disk(tmp_path: Path, script: str) -> None:
    end = 0
    for first, last in sorted(named(disk_parts.parts(disk(tmp_path, script))).values()):
        assert first == end
        end = last
    assert end == 8 * MIB


def test_a_gpt_has_a_copy_at_its_end(tmp_path: Path) -> None:
    found = named(disk_parts.parts(disk(tmp_path, GPT)))
    assert found["partition table (GPT)"] == (512, 34 * 512)
    assert found["copy of the partition table (GPT)"] == (8 * MIB - 33 * 512, 8 * MIB)
    assert "gap before partition 2" not in found


def test_a_disk_without_a_table_is_one_part(tmp_path: Path) -> None:
    assert named(disk_parts.parts(disk(tmp_path, ""))) == {"content": (0, 8 * MIB)}


def test_the_facts_of_a_table(tmp_path: Path) -> None:
    table = disk(tmp_path, DOS).table
    found = disk_parts.table_facts(table)
    assert (found["kind"], found["identifier"]) == ("dos", "0x00000001")
    assert (found["start of partition 2"], found["size of partition 2"]) == (str(MIB), str(MIB))
    assert (found["boot flag of partition 2"], found["boot flag of partition 5"]) == ("set", "not set")
    assert disk_parts.table_facts(None) == {"kind": "none"}


def test_a_disk_without_lvm_says_nothing_of_it(tmp_path: Path) -> None:
    assert disk_parts.lvm_facts(disk(tmp_path, GPT)) == {}


def test_a_broken_physical_volume_is_a_fact(tmp_path: Path) -> None:
    image = disk(tmp_path, GPT)
    with open(image.image.path, "r+b") as file:
        file.seek(MIB + 512)
        file.write(b"LABELONE")
    (reason,) = disk_parts.lvm_facts(image).values()
    assert reason.startswith("cannot be read: the LVM label is damaged")
    assert [part.area.trouble != "" for part in disk_parts.parts(image) if part.name == "partition 1"] == [True]
