# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Partition tables as sfdisk takes and prints them."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.runners import RecordingRunner

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import partitions
from ansible_collections.goldsmith.openstack.plugins.module_utils._image.partitions import Partition, Table

MIB = 1 << 20
RECORDED = """{"partitiontable": {"label": "%s", "id": "%s", "device": "%s", "unit": "sectors", "sectorsize": 512,
 "partitions": [%s]}}"""


def test_the_script_of_an_mbr() -> None:
    table = Table("dos", "0x1234abcd", (Partition(1, MIB, 10 * MIB, bootable=True, uuid="X", name="root"),))
    assert table.script().splitlines() == [
        "label: dos",
        "label-id: 0x1234abcd",
        "unit: sectors",
        "1 : start=2048, size=20480, type=83, bootable",
    ]


def test_the_script_of_a_gpt() -> None:
    table = Table("gpt", "ID", (Partition(14, MIB, MIB, partitions.BIOS_BOOT, uuid="U", name="bios", bootable=True),))
    assert table.script().splitlines()[-2:] == [
        "first-lba: 34",
        '14 : start=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649, uuid=U, name="bios"',
    ]


@pytest.mark.parametrize("device", ["/a/disk.img", "/a/disk1", "/a/my disk.raw"])
def test_numbers_are_told_apart_from_names(device: str) -> None:
    between = "p" if device[-1].isdigit() else ""
    node = f'{{"node": "{device}{between}15", "start": 2048, "size": 100, "type": "ef"}}'
    table = partitions.parse_table(RECORDED % ("dos", "0x1", device, node))
    assert table.partitions == (Partition(15, MIB, 51200, partitions.ESP),)


def test_types_that_have_no_name_stay_codes() -> None:
    node = '{"node": "/d1", "start": 1, "size": 1, "type": "0FC63DAF-8483-4772-8E79-3D69D8477DE5", "name": "x"}'
    assert partitions.parse_table(RECORDED % ("gpt", "I", "/d", node)).partitions[0].type.endswith("DE5")
    assert partitions.parse_table(RECORDED % ("gpt", "I", "/d", "")).partitions == ()


def test_a_large_sector() -> None:
    text = (RECORDED % ("gpt", "I", "/d", '{"node": "/d1", "start": 256, "size": 10, "type": "x"}')).replace(
        "512", "4096"
    )
    part = partitions.parse_table(text).partitions[0]
    assert (part.start, part.size, part.end) == (MIB, 40960, MIB + 40960)


def test_no_table() -> None:
    runner = RecordingRunner(lambda argv: (1, "", "sfdisk: /d: does not contain a recognized partition table"))
    assert partitions.read_table(runner, "/d") is None


@pytest.mark.parametrize("label", ["dos", "gpt"])
def test_what_is_written_is_read(tmp_path: Path, label: str) -> None:
    path = tmp_path / "disk.img"
    with open(path, "wb") as file:
        file.truncate(20 * MIB)
        file.seek(5 * MIB)
        file.write(b"kept")
    uuid = "11111111-2222-3333-4444-55555555AAAA"
    gpt = {"uuid": uuid, "name": "root"} if label == "gpt" else {"bootable": True}
    parts = (Partition(2, MIB, 2 * MIB, partitions.ESP), Partition(1, 4 * MIB, 10 * MIB, **gpt))
    identity = uuid if label == "gpt" else "0xcafe0001"
    partitions.write_table(Runner(), str(path), Table(label, identity, parts))
    table = partitions.read_table(Runner(), str(path))
    assert table
    assert (table.label, table.id) == (label, identity)
    found = {part.number: part for part in table.partitions}
    assert found[1] == parts[1]
    assert (found[2].start, found[2].size, found[2].type) == (MIB, 2 * MIB, partitions.ESP)
    assert path.read_bytes()[5 * MIB : 5 * MIB + 4] == b"kept"


@pytest.mark.parametrize("label", ["sun", "sgi"])
def test_a_table_of_another_kind_is_one_line(tmp_path: Path, label: str) -> None:
    path = tmp_path / "disk.img"
    with open(path, "wb") as file:
        file.truncate(200 * MIB)
    Runner().run(["sfdisk", "-q", path], stdin=f"label: {label}\n")
    with pytest.raises(GoldsmithError, match=f"^{path} has a partition table of the kind {label}; only dos and gpt"):
        partitions.read_table(Runner(), str(path))
