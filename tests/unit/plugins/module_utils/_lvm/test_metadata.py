# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volume groups read back from what we and lvm2 write, and from what is hostile."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._lvm import metadata, pv_label
from ansible_collections.goldsmith.openstack.plugins.module_utils._lvm.metadata import Piece
from ansible_collections.goldsmith.openstack.plugins.module_utils._lvm.naming import checksum
from ansible_collections.goldsmith.openstack.plugins.module_utils._lvm.pv_label import Group, NewVolume

MIB = 1 << 20
SIZE = 41 * MIB
GROUP = Group("vg-1", (NewVolume("root", 3), NewVolume("var", 2)), "seed")
PV = pv_label.physical_id("seed", "vg-1")
AREA = 4096


@pytest.fixture
def disk(tmp_path: Path) -> bytearray:
    path = tmp_path / "disk"
    path.write_bytes(bytes(2 * MIB))
    pv_label.write(str(path), GROUP, offset=0, size=SIZE)
    return bytearray(path.read_bytes())


def read(disk: bytes) -> metadata.Physical | None:
    def reader(start: int, size: int) -> bytes:
        assert start >= 0
        assert 0 < size <= 4 * MIB
        return bytes(disk[start : start + size])

    return metadata.read(reader, SIZE)


def seal_label(disk: bytearray) -> None:
    struct.pack_into("<I", disk, 512 + 16, checksum(disk[512 + 20 : 1024]))


def seal_area(disk: bytearray) -> None:
    struct.pack_into("<I", disk, AREA, checksum(disk[AREA + 4 : AREA + 512]))


def put_text(disk: bytearray, text: str, place: int = 512) -> None:
    """Write a text into the ring from *place* on, as lvm2 does."""
    content = text.encode() + b"\0"
    length = MIB - AREA
    for index, byte in enumerate(content):
        at = place + index
        disk[AREA + (at if at < length else at - length + 512)] = byte
    struct.pack_into("<QQII", disk, AREA + 40, place, len(content), checksum(content), 0)
    seal_area(disk)


def test_what_we_write_is_read_back(disk: bytearray) -> None:
    physical = read(disk)
    assert physical.id == PV
    group = physical.group
    assert (group.name, group.serial, group.physicals, group.free_extents) == ("vg-1", 1, (PV,), 5)
    assert [(volume.name, volume.pieces, volume.trouble) for volume in group.volumes] == [
        ("root", (Piece(PV, MIB, 12 * MIB),), ""),
        ("var", (Piece(PV, 13 * MIB, 8 * MIB),), ""),
    ]


def test_no_label_is_no_physical_volume() -> None:
    assert read(bytes(4096)) is None
    assert read(b"") is None
    assert read(b"LABELONE") is None


def test_the_label_may_lie_in_any_of_four_sectors(disk: bytearray) -> None:
    disk[3 * 512 : 4 * 512] = disk[512:1024]
    disk[512:1024] = bytes(512)
    struct.pack_into("<Q", disk, 3 * 512 + 8, 3)
    assert read(disk).group.name == "vg-1"
    struct.pack_into("<Q", disk, 3 * 512 + 8, 1)
    with pytest.raises(GoldsmithError, match="the LVM label is damaged: its checksum is wrong"):
        read(disk)


@pytest.mark.parametrize("place", [512, 4096, MIB - AREA - 100, MIB - AREA - 1])
def test_the_text_may_go_around_the_end_of_its_ring(disk: bytearray, place: int) -> None:
    disk[AREA + 512 : MIB] = b"x" * (MIB - AREA - 512)
    put_text(disk, pv_label.text(GROUP, SIZE).replace("seqno = 1", "seqno = 77"), place)
    assert read(disk).group.serial == 77


def test_a_physical_volume_of_no_group(disk: bytearray) -> None:
    struct.pack_into("<QQII", disk, AREA + 40, 0, 0, 0, 0)
    seal_area(disk)
    assert read(disk) == metadata.Physical(PV, None)
    put_text(disk, pv_label.text(GROUP, SIZE))
    struct.pack_into("<I", disk, AREA + 60, 1)  # ignored by lvm2
    seal_area(disk)
    assert read(disk).group is None


def test_segments_follow_each_other(disk: bytearray) -> None:
    text = pv_label.text(GROUP, SIZE)
    second = (
        'segment2 {\nstart_extent = 3\nextent_count = 2\ntype = "striped"\nstripe_count = 1\nstripes = ["pv0", 7]\n}\n'
    )
    third = (
        second.replace("segment2", "segment10")
        .replace("= 3", "= 5")
        .replace(", 7", ", 9")
        .replace("_count = 2", "_count = 1")
    )
    put_text(disk, text.replace("segment1 {", third + second + "segment1 {", 1))
    root = read(disk).group.volumes[0]
    # The last two are neighbours, so they are one piece.
    assert root.pieces == (Piece(PV, MIB, 12 * MIB), Piece(PV, 29 * MIB, 12 * MIB))
    assert read(disk).group.free_extents == 2


@pytest.mark.parametrize(
    ("old", "new", "trouble"),
    [
        ('type = "striped"', 'type = "thin"', "is of the type thin, only linear ones can be read"),
        ('type = "striped"', 'type = "cache"', "is of the type cache"),
        ('type = "striped"', 'type = "raid1"', "is of the type raid1"),
        ('type = "striped"', "x = 1", "is of the type None"),
        ("stripe_count = 1", "stripe_count = 2", "is striped, only linear ones can be read"),
        ('["pv0", 0]', '["pv0", 0, "pv0", 9]', "is striped"),
        ('["pv0", 0]', "7", "is striped"),
        ('["pv0", 0]', '["pv9", 0]', "has segments that do not fit together"),
        ('["pv0", 0]', '["pv0", "x"]', "has segments that do not fit together"),
        ("start_extent = 0", "start_extent = 1", "has segments that do not fit together"),
        ('["pv0", 0]', '["pv0", 8]', "lies outside of its physical volume"),
        ('["pv0", 0]', '["pv0", -1]', "lies outside of its physical volume"),
        ("extent_count = 3", "extent_count = 11", "lies outside of its physical volume"),
        ("segment1", "part1", "has 0 segments; from 1 to 256 can be read"),
    ],
)
def test_a_volume_that_cannot_be_read_stays_with_its_reason(disk: bytearray, old: str, new: str, trouble: str) -> None:
    put_text(disk, pv_label.text(GROUP, SIZE).replace(old, new, 1))
    root, var = read(disk).group.volumes
    assert trouble in root.trouble
    assert (root.pieces, var.trouble) == ((), "")


def test_hidden_volumes_are_left_out(disk: bytearray) -> None:
    put_text(disk, pv_label.text(GROUP, SIZE).replace('["READ", "WRITE", "VISIBLE"]', '["READ", "WRITE"]', 1))
    assert [volume.name for volume in read(disk).group.volumes] == ["var"]
    assert read(disk).group.free_extents == 5


def change(at: int, format: str, *values: int) -> Callable[[bytearray], None]:
    return lambda disk: struct.pack_into(format, disk, at, *values)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (change(512 + 100, "<B", 9), "the LVM label is damaged: its checksum is wrong"),
        (change(512 + 20, "<I", 9), "the LVM label is of a kind that is not known"),
        (change(512 + 20, "<I", 500), "the LVM label is of a kind that is not known"),
        (change(512 + 24, "<Q", 9), "the LVM label is of a kind that is not known"),
        (change(512 + 72, "<52Q", *[9] * 52), "the LVM label is damaged: its lists do not end"),
        (change(512 + 104, "<QQ", 1 << 62, 1 << 62), "a metadata area lies outside of the physical volume"),
        (change(512 + 104, "<QQ", SIZE, 4096), "a metadata area lies outside of the physical volume"),
        (change(512 + 104, "<QQ", 4096, 512), "a metadata area lies outside of the physical volume"),
        (change(512 + 104, "<QQ", 8192, 4096), "the LVM metadata area is damaged: its checksum is wrong"),
        (change(512 + 104, "<QQ", 4096, 8192), "the LVM metadata area is of a kind that is not known"),
        (change(AREA + 100, "<B", 9), "the LVM metadata area is damaged: its checksum is wrong"),
        (change(AREA + 4, "<B", 9), "the LVM metadata area is of a kind that is not known"),
        (change(AREA + 40, "<Q", 1 << 63), "the LVM metadata lies outside of its area"),
        (change(AREA + 40, "<Q", 8), "the LVM metadata lies outside of its area"),
        (change(AREA + 48, "<Q", 1 << 63), "the LVM metadata lies outside of its area"),
        (change(AREA + 48, "<Q", 0), "the LVM metadata lies outside of its area"),
        (change(AREA + 600, "<B", 9), "the LVM metadata is damaged: its checksum is wrong"),
    ],
)
def test_no_place_or_size_is_trusted(disk: bytearray, damage: Callable[[bytearray], None], said: str) -> None:
    damage(disk)
    # Whoever makes a hostile disk also makes its checksums right.
    if "label is damaged: its checksum" not in said:
        seal_label(disk)
    if "area is damaged" not in said:
        seal_area(disk)
    with pytest.raises(GoldsmithError, match=said):
        read(disk)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("vg-1 {", "vg-1/../x {", "has the name 'vg-1/../x', which is none of a volume group"),
        ("root {", "../root {", "has the name '../root', which is none of a logical volume"),
        ("extent_size = 8192", "extent_size = 0", "extent_size is 0"),
        ("extent_size = 8192", f"extent_size = {1 << 80}", "extent_size is '?1208925819614629174706176"),
        ("pe_start = 2048", "pe_start = -1", "pe_start is -1"),
        ("pe_count = 10", f"pe_count = {1 << 40}", "claims more extents than any disk has"),
        ("seqno = 1", "seqno = []", r"seqno is \[\]"),
        ("extent_count = 3", "extent_count = 0", "extent_count is 0"),
        ("physical_volumes {", "physical_volumes {\nx = 1", "physical_volumes is no list of sections"),
        ('contents = "Text Format Volume Group"', 'contents = "x"', "describes no volume group"),
        ("version = 1", "version = 2", "describes no volume group"),
        ("version = 1", "version = 1\nmore { }", "describes no volume group"),
        (f'"{PV[:6]}-', '"xxxxxx-', "the volume group vg-1 does not know its own physical volume"),
    ],
)
def test_no_word_of_the_text_is_trusted(disk: bytearray, old: str, new: str, said: str) -> None:
    text = pv_label.text(GROUP, SIZE)
    assert old in text
    put_text(disk, text.replace(old, new, 1))
    with pytest.raises(GoldsmithError, match=said):
        read(disk)


def test_any_flipped_byte_is_noticed_or_harmless(disk: bytearray) -> None:
    good = read(disk)
    for at in [*range(512, 1024, 3), *range(AREA, AREA + 512, 3), *range(AREA + 512, AREA + 1900, 7)]:
        damaged = bytearray(disk)
        damaged[at] ^= 0x55
        try:
            found = read(damaged)
        except GoldsmithError:
            continue
        assert found in (good, None), at
