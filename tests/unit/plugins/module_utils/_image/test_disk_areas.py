# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The areas of disks with real partition tables, ours and hostile ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from helpers import written

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import disk_areas
from ansible_collections.goldsmith.openstack.plugins.module_utils._image.disk_areas import Area
from ansible_collections.goldsmith.openstack.plugins.module_utils._lvm import metadata, pv_label
from ansible_collections.goldsmith.openstack.plugins.module_utils._lvm.metadata import FoundVolume, Group, Piece
from ansible_collections.goldsmith.openstack.plugins.module_utils._lvm.naming import Stretch

MIB = 1 << 20


def write_group(path: Path, name: str, offset: int, size: int, volumes: dict[str, int]) -> None:
    listed = tuple(pv_label.NewVolume(volume, extents) for volume, extents in volumes.items())
    pv_label.write(str(path), pv_label.Group(name, listed, "seed"), offset=offset, size=size)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "disk"
    path.touch()
    os.truncate(path, 64 * MIB)
    script = "label: dos\n1 : start=2048, size=20480, type=83\n2 : start=22528, size=59392, type=8e\n"
    Runner().run(["sfdisk", "-q", path], stdin=script)
    return path


def disk(path: Path) -> disk_areas.Disk:
    return disk_areas.of_raw(Runner(), str(path))


def test_the_bytes_of_an_area() -> None:
    area = Area(1, (Stretch(100, 10), Stretch(200, 20), Stretch(50, 5)))
    assert (area.start, area.size, area.name) == (100, 35, "1")
    assert area.part(Stretch(0, 99)) == area.pieces
    assert area.part(Stretch(5, 6)) == (Stretch(105, 5), Stretch(200, 1))
    assert area.part(Stretch(12, 3)) == (Stretch(202, 3),)
    assert area.part(Stretch(35, 1)) == ()


def test_volumes_take_the_place_of_their_partition(path: Path) -> None:
    assert [area.name for area in disk(path).areas] == ["1", "2"]
    write_group(path, "vg", 11 * MIB, 29 * MIB, {"root": 2, "var": 3})
    areas = disk(path).areas
    assert areas == (
        Area(1, (Stretch(MIB, 10 * MIB),)),
        Area(2, (Stretch(12 * MIB, 8 * MIB),), "vg/root", 2),
        Area(2, (Stretch(20 * MIB, 12 * MIB),), "vg/var", 2),
    )


def test_a_disk_without_a_table(tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.write_bytes(bytes(16 * MIB))
    assert disk(bare).areas == (Area(0, (Stretch(0, 16 * MIB),)),)
    write_group(bare, "vg", 0, 16 * MIB, {"a": 1})
    assert disk(bare).areas == (Area(0, (Stretch(MIB, 4 * MIB),), "vg/a", 2),)
    assert disk_areas.choose(disk(bare), partition=0, volume=None)[0].volume == "vg/a"


def test_one_is_chosen_by_number_or_name(path: Path) -> None:
    write_group(path, "vg", 11 * MIB, 29 * MIB, {"root": 2, "var": 3})
    there = disk(path)

    def names(partition: int | None, volume: str | None) -> list[str]:
        return [area.name for area in disk_areas.choose(there, partition=partition, volume=volume)]

    assert names(None, None) == ["1", "vg/root", "vg/var"]
    assert names(1, None) == ["1"]
    assert names(2, None) == ["vg/root", "vg/var"]
    assert names(None, "vg/var") == names(None, "var") == names(2, "var") == ["vg/var"]
    for partition, volume, said in (
        (7, None, "partition=7: is missing; there are 1, vg/root, vg/var"),
        (None, "x", "volume=x: names 0 logical volumes, not one of 1, vg/root, vg/var"),
        (1, "var", "volume=var: names 0 logical volumes"),
    ):
        with pytest.raises(OptionError, match=said):
            names(partition, volume)


def grouped(monkeypatch: pytest.MonkeyPatch, *physicals: metadata.Physical | str | None) -> None:
    """Let the partitions hold these; a text is an error."""
    todo = list(physicals)

    def read(reader: object, size: int) -> metadata.Physical | None:
        found = todo.pop(0)
        if isinstance(found, str):
            raise GoldsmithError(found)
        return found

    monkeypatch.setattr(metadata, "read", read)


def test_a_group_on_two_partitions_of_one_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = FoundVolume("root", (Piece("B", MIB, 8 * MIB), Piece("A", MIB, 4 * MIB)))
    old = Group("vg", "id", 3, ("A",), 0, (FoundVolume("root", (Piece("A", MIB, 4 * MIB),)),))
    new = Group("vg", "id", 4, ("A", "B"), 5, (root,))
    grouped(monkeypatch, metadata.Physical("A", old), metadata.Physical("B", new))
    assert disk(path).areas == (Area(2, (Stretch(12 * MIB, 8 * MIB), Stretch(2 * MIB, 4 * MIB)), "vg/root", 5),)


@pytest.mark.parametrize(
    ("volume", "trouble"),
    [
        (
            FoundVolume("x", (Piece("A", MIB, MIB), Piece("gone", 0, MIB))),
            "in part on a physical volume that is not on this",
        ),
        (FoundVolume("x", (Piece("A", 9 * MIB, 2 * MIB),)), "lies outside of its partition"),
        (FoundVolume("x", (Piece("A", 0, 9 * MIB), Piece("A", 0, 9 * MIB))), "claims the same extents several times"),
        (FoundVolume("x", (), "is of the type thin"), "is of the type thin"),
    ],
)
def test_a_volume_whose_bytes_cannot_be_had(
    path: Path, monkeypatch: pytest.MonkeyPatch, volume: FoundVolume, trouble: str
) -> None:
    group = Group("vg", "id", 1, ("A", "gone"), 0, (volume, FoundVolume("y", (Piece("A", MIB, MIB),))))
    grouped(monkeypatch, metadata.Physical("A", group), "the label is odd")
    there = disk(path)
    odd, one, other = there.areas
    assert (odd.name, odd.trouble) == ("2", "cannot be read: the label is odd")
    assert trouble in one.trouble
    assert (other.name, other.trouble) == ("vg/y", "")
    assert f"vg/x {one.trouble}" in there.trouble()
    assert there.superblock(one) is None
    with pytest.raises(OptionError, match=f"volume=x: {one.trouble}"):
        disk_areas.choose(there, partition=None, volume="x")


def test_a_copy_of_a_physical_volume_is_not_taken_for_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    group = Group("vg", "id", 1, ("A",), 0, (FoundVolume("y", (Piece("A", MIB, MIB),)),))
    grouped(monkeypatch, metadata.Physical("A", group), metadata.Physical("A", group))
    assert [(area.name, area.start, area.trouble) for area in disk(path).areas] == [
        ("2", 11 * MIB, "is a copy of another physical volume"),
        ("vg/y", 2 * MIB, ""),
    ]


def test_a_partition_behind_the_end_of_the_disk(path: Path) -> None:
    os.truncate(path, 30 * MIB)
    assert [area.trouble for area in disk(path).areas] == ["", "ends behind the disk"]


def test_encryption_is_named(path: Path) -> None:
    with open(path, "r+b") as file:
        file.seek(11 * MIB)
        file.write(b"LUKS\xba\xbe")
    assert disk(path).trouble() == "2 holds an encrypted volume (LUKS)"


def test_roots_that_cannot_be_read_are_named(path: Path) -> None:
    with open(path, "r+b") as file:
        file.seek(MIB)
        file.write(b"XFSB")
        file.seek(11 * MIB + 0x10040)
        file.write(b"_BHRfS_M")
    said = disk(path).trouble()
    assert said == "1 holds xfs; 2 holds btrfs"


@pytest.mark.parametrize("kind", written.KINDS)
def test_other_file_systems_are_known_by_their_superblocks(tmp_path: Path, kind: str) -> None:
    image = written.write(kind, tmp_path / "disk", None)
    found = disk_areas.of_raw(Runner(), str(image))
    (area,) = found.areas
    assert found.superblock(area) is None and found.fstype(area) == kind
    assert found.fs_superblock(area).uuid == written.UUID
    # One that does not lie in its area whole is none.
    with open(image, "r+b") as file:
        file.truncate(100 * MIB)
    found = disk_areas.of_raw(Runner(), str(image))
    assert found.fstype(found.areas[0]) is None


def test_a_disk_whose_gpt_was_cut_off(path: Path) -> None:
    Runner().run(["sfdisk", "-q", path], stdin="label: dos\nstart=1, type=ee\n")
    assert disk(path).trouble() == "its GPT is missing: the image is incomplete"
