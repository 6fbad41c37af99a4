# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layouts: where every volume lies, which identifiers it has, and what cannot be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import disk_layout, writer
from ansible_collections.goldsmith.openstack.plugins.module_utils._disk.disk_layout import Group, Layout, LayoutVolume
from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import partitions
from ansible_collections.goldsmith.openstack.plugins.module_utils._lvm import naming

MIB = 1 << 20


@pytest.fixture(autouse=True)
def no_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespaces, "prefix", list)


@pytest.fixture
def tree(tmp_path: Path) -> str:
    (tmp_path / "tree" / "boot").mkdir(parents=True)
    for name in ("vmlinuz-6.12", "initrd.img-6.12"):
        (tmp_path / "tree" / "boot" / name).write_bytes(b"x" * MIB)
    return str(tmp_path / "tree")


def plan(label: str, volumes: tuple[LayoutVolume, ...], **more: Any) -> writer.DiskPlan:
    return writer.make_plan(Runner(), Layout(label=label, volumes=volumes, seed="seed", **more))


def places(made: writer.DiskPlan) -> list[tuple[str, float, float]]:
    return [(placed.volume.name, placed.start / MIB, placed.size / MIB) for placed in made.volumes]


DATA = LayoutVolume("data")


def test_a_bare_file_system_fills_the_file() -> None:
    made = plan("none", (DATA,), size=100 * MIB)
    assert places(made) == [("data", 0, 100)]
    assert (made.size, made.table()) == (100 * MIB, None)


def test_volumes_without_a_size_take_the_rest() -> None:
    first, last = LayoutVolume("first", size=10 * MIB, number=2), LayoutVolume("last", size=20 * MIB + 1, number=3)
    assert places(plan("gpt", (first, DATA), size=100 * MIB)) == [("first", 1, 10), ("data", 11, 88)]
    assert places(plan("mbr", (first, DATA), size=100 * MIB)) == [("first", 1, 10), ("data", 11, 89)]
    assert places(plan("gpt", (DATA, first), size=100 * MIB)) == [("data", 1, 88), ("first", 89, 10)]
    middle = plan("gpt", (first, DATA, last), size=100 * MIB)
    assert places(middle) == [("first", 1, 10), ("data", 11, 67), ("last", 78, 21)]


def test_without_a_size_the_disk_is_as_large_as_its_volumes() -> None:
    made = plan("gpt", (LayoutVolume("a", size=10 * MIB), LayoutVolume("b", size=3, number=2)))
    assert places(made) == [("a", 1, 10), ("b", 11, 1)]
    assert made.size == 13 * MIB, "the backup table lies behind"


@pytest.mark.parametrize("firmware", ["bios", "uefi", "hybrid"])
def test_the_root_lies_last_and_is_number_one(tree: str, firmware: str) -> None:
    label = "mbr" if firmware == "bios" else "gpt"
    made = plan(label, disk_layout.default_volumes(label, firmware, "ext4"), tree=tree, firmware=firmware)
    assert made.root is made.volumes[-1]
    assert made.root.volume.number == 1
    assert made.root.start + made.root.size + (MIB if label == "gpt" else 0) == made.size
    types = [placed.volume.type for placed in made.volumes[:-1]]
    assert (
        types
        == {
            "bios": [],
            "uefi": [partitions.ESP],
            "hybrid": [partitions.BIOS_BOOT, partitions.ESP],
        }[firmware]
    )
    assert made.kernel
    assert made.kernel.version == "6.12"
    assert made.describe()["kernel"] == "6.12"


def test_identifiers_follow_from_the_seed_alone() -> None:
    volumes = (LayoutVolume("a", size=MIB), LayoutVolume("b", number=2))
    one, same, other = (plan("gpt", volumes, size=20 * MIB), plan("gpt", volumes, size=50 * MIB), None)
    other = writer.make_plan(Runner(), replace(one.layout, seed="other"))
    assert [placed.uuid for placed in one.volumes] == [placed.uuid for placed in same.volumes]
    assert one.table().id == same.table().id
    table, others = one.table(), other.table()
    uuids = {one.volumes[0].uuid, one.volumes[1].uuid, table.id, *(part.uuid for part in table.partitions)}
    assert len(uuids) == 5
    assert not uuids & {other.volumes[0].uuid, others.id, others.partitions[0].uuid}
    mbr = plan("mbr", volumes, size=20 * MIB).table()
    assert mbr.id.startswith("0x")
    assert len(mbr.id) == 10


def test_the_time_of_the_tree_unless_told(tree: str) -> None:
    root = disk_layout.default_volumes("none", "none", "ext4")
    newest = max(int(path.stat().st_mtime) for path in Path(tree).rglob("*") if path.is_file())
    assert plan("none", root, tree=tree).epoch == newest
    assert plan("none", root, tree=tree, epoch=5).epoch == 5
    assert plan("none", (DATA,), size=20 * MIB).epoch == 0


@pytest.mark.parametrize("free", [0.0, 0.5])
def test_auto_has_room_for_the_tree_and_what_stays_free(tree: str, free: float) -> None:
    made = plan("none", disk_layout.default_volumes("none", "none", "ext4"), tree=tree, free=free)
    assert made.size % MIB == 0
    assert (2 * MIB) / (1 - free) < made.size < 40 * MIB


ROOT = LayoutVolume("root")
ESP = LayoutVolume("efi", partitions.ESP, "vfat", 64 * MIB, number=15)
BIOS = LayoutVolume("bios", partitions.BIOS_BOOT, None, MIB, number=14)


@pytest.mark.parametrize(
    ("label", "volumes", "more", "said"),
    [
        ("gpt", (DATA, LayoutVolume("b", number=2)), {"size": MIB}, "partitions=.*more than one has no size"),
        ("none", (DATA, LayoutVolume("b", size=1, number=2)), {}, "label=none: an unpartitioned image has one volume"),
        ("gpt", (DATA, LayoutVolume("b", size=1)), {}, "two have the same number"),
        ("gpt", (DATA, LayoutVolume("data", size=1, number=2)), {}, "two have the same name"),
        ("gpt", (LayoutVolume('a"b'),), {"size": 9 * MIB}, 'partitions.name=a"b: is not a name'),
        ("gpt", (LayoutVolume("a\nb"),), {"size": 9 * MIB}, "is not a name"),
        ("mbr", (LayoutVolume("a", number=5),), {"size": 9 * MIB}, "partitions.number=5: is no number of a partition"),
        ("gpt", (LayoutVolume("a", number=-1),), {"size": 9 * MIB}, "partitions.number=-1"),
        ("mbr", (replace(BIOS, number=1),), {}, "partitions.type=bios_boot: belongs to a GPT; set label=gpt"),
        ("gpt", (DATA,), {}, "size=auto: is measured on a tree"),
        ("gpt", (LayoutVolume("a", size=0),), {}, "partitions.size=0: is no size for a"),
        ("gpt", (DATA,), {"size": 2 * MIB}, "size=2097152: leaves no room for the volume data"),
        (
            "gpt",
            (LayoutVolume("a", size=90 * MIB),),
            {"size": 50 * MIB},
            "size=52428800: is less than the 96468992 bytes",
        ),
        ("gpt", (ROOT,), {"firmware": "uefi"}, "firmware=uefi: a boot loader comes from a tree; set tree"),
        ("none", (ROOT,), {"firmware": "bios", "tree": "TREE"}, "an unpartitioned image has no boot loader"),
        ("gpt", (ROOT,), {"firmware": "uefi", "tree": "TREE"}, "there is no EFI system partition"),
        ("gpt", (ESP, ROOT), {"firmware": "hybrid", "tree": "TREE"}, "there is no partition of type bios_boot"),
        ("gpt", (replace(ESP, filesystem="ext4"), ROOT), {"firmware": "uefi", "tree": "TREE"}, "UEFI reads FAT only"),
        ("gpt", (DATA,), {"tree": "TREE"}, "no volume is named root"),
        ("gpt", (replace(ROOT, filesystem="vfat"),), {"tree": "TREE"}, "filesystem=vfat: cannot hold a tree"),
        ("gpt", (replace(ROOT, filesystem=None),), {"tree": "TREE"}, "cannot hold a tree"),
        ("none", (ROOT,), {"tree": "/no/such/folder"}, "tree=/no/such/folder: is not a folder"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_written(
    tree: str, label: str, volumes: tuple[LayoutVolume, ...], more: dict[str, Any], said: str
) -> None:
    more = {name: tree if value == "TREE" else value for name, value in more.items()}
    with pytest.raises(OptionError, match=said):
        plan(label, volumes, **more)


def test_a_boot_loader_wants_a_kernel(tree: str) -> None:
    Path(tree, "boot/initrd.img-6.12").unlink()
    with pytest.raises(GoldsmithError, match="has no kernel with an initramfs"):
        plan("mbr", (ROOT,), tree=tree, firmware="bios")
    assert plan("mbr", (ROOT,), tree=tree).kernel is None


def logical(made: writer.DiskPlan) -> list[tuple[str, float, float]]:
    return [(part.volume.name, part.start / MIB, part.size / MIB) for part in made.filesystems if part.group]


PV = LayoutVolume("system", partitions.LVM, None)


def test_a_group_is_as_large_as_its_volumes() -> None:
    group = Group("system", (LayoutVolume("a", size=1), LayoutVolume("b", size=9 * MIB)), "system")
    made = plan("mbr", (PV,), groups=(group,))
    # One MiB for label and metadata, then extents of four.
    assert logical(made) == [("a", 2, 4), ("b", 6, 12)]
    assert places(made) == [("system", 1, 17)]
    assert made.size == 18 * MIB
    assert made.table().partitions[0].type == partitions.LVM
    assert made.table().partitions[0].bootable is False
    assert plan("gpt", (PV,), groups=(group,)).size == 19 * MIB


@pytest.mark.parametrize(("partition", "size"), [(None, 102 * MIB), (100 * MIB, None), (100 * MIB, 200 * MIB)])
def test_a_volume_without_a_size_takes_the_rest_of_its_group(partition: int | None, size: int | None) -> None:
    group = Group(
        "system", (LayoutVolume("a", size=8 * MIB), LayoutVolume("b"), LayoutVolume("c", size=4 * MIB)), "system"
    )
    made = plan("gpt", (replace(PV, size=partition),), groups=(group,), size=size)
    # 99 MiB are 24 extents and a rest that is lost.
    assert logical(made) == [("a", 2, 8), ("b", 10, 84), ("c", 94, 4)]
    assert places(made) == [("system", 1, 100)]


def test_the_root_of_a_group_is_as_large_as_the_tree_needs(tree: str) -> None:
    group = Group("system", (LayoutVolume("root"), LayoutVolume("var", size=4 * MIB)), "system")
    volumes = disk_layout.default_volumes("gpt", "hybrid", "ext4", (group,))
    assert [(volume.name, volume.type, volume.number) for volume in volumes] == [
        ("bios", "bios_boot", 14),
        ("efi", "esp", 15),
        ("system", "lvm", 1),
    ]
    made = plan("gpt", volumes, groups=(group,), tree=tree, firmware="hybrid")
    bare = plan("gpt", disk_layout.default_volumes("gpt", "hybrid", "ext4"), tree=tree, firmware="hybrid")
    assert made.root.volume.name == "root"
    assert made.root.size == naming.extents(bare.root.size) * naming.EXTENT
    assert made.volumes[-1].size == MIB + made.root.size + 4 * MIB
    assert made.table().partitions[-1].bootable is True
    assert made.target.volume == "system-root"
    assert bare.target.volume is None


def test_identifiers_of_groups_follow_from_the_seed() -> None:
    group = Group("system", (LayoutVolume("a", size=MIB), LayoutVolume("b", size=MIB)), "system")
    one = plan("gpt", (PV,), groups=(group,)).describe()["partitions"][0]
    other = writer.make_plan(Runner(), Layout("gpt", (PV,), "other", groups=(group,))).describe()["partitions"][0]
    assert one == plan("gpt", (PV,), groups=(group,)).describe()["partitions"][0]
    assert len({one["uuid"], other["uuid"], *(v["uuid"] for v in (*one["volumes"], *other["volumes"]))}) == 6
    assert [volume["device"] for volume in one["volumes"]] == ["/dev/mapper/system-a", "/dev/mapper/system-b"]


@pytest.mark.parametrize(
    ("volumes", "more", "said"),
    [
        ((LayoutVolume("a"),), {}, "volume_groups.volumes.size=: a has none, and only the root is measured on a tree"),
        ((LayoutVolume("root"),), {}, "size=auto: is measured on a tree, and none is given"),
        ((LayoutVolume("a", size=8 * MIB), LayoutVolume("b")), {"size": 12 * MIB}, "nothing is left for b"),
        (
            (LayoutVolume("a", size=8 * MIB), LayoutVolume("b", size=MIB)),
            {"size": 13 * MIB},
            "volume_groups.volumes.size=12582912: is more than the 8388608 bytes of the group system; make its part",
        ),
    ],
)
def test_a_group_that_its_partition_cannot_hold(
    volumes: tuple[LayoutVolume, ...], more: dict[str, Any], said: str
) -> None:
    with pytest.raises(OptionError, match=said):
        plan("gpt", (PV,), groups=(Group("system", volumes, "system"),), **more)


def test_differences_from_the_plan_are_named(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    made = plan(
        "gpt", (LayoutVolume("a", size=12 * MIB), LayoutVolume("b", filesystem="ext3", number=2)), size=40 * MIB
    )
    path.touch()
    writer.write(Runner(), made, str(path))
    assert writer.mismatch(Runner(), made, str(path)) is None
    layout = made.layout
    for other, said in (
        (replace(layout, size=41 * MIB), "its size is 41943040 bytes, not 42991616"),
        (replace(layout, label="mbr"), "its partitions are others"),
        (
            replace(layout, volumes=(layout.volumes[0], replace(layout.volumes[1], number=3))),
            "its partitions are others",
        ),
        (replace(layout, volumes=(layout.volumes[0], replace(layout.volumes[1], filesystem="ext4"))), "holds no ext4"),
        (replace(layout, label="none", volumes=(DATA,)), "it has a partition table"),
    ):
        assert said in writer.mismatch(Runner(), writer.make_plan(Runner(), other), str(path))


@pytest.mark.parametrize(("label", "firmware", "name"), [("mbr", "bios", "msdos1"), ("gpt", "hybrid", "gpt1")])
def test_grub_is_told_the_partition_of_a_root_that_gets_another_id(
    tree: str, label: str, firmware: str, name: str
) -> None:
    volumes = disk_layout.default_volumes(label, firmware, "ext4")
    made = plan(label, volumes, tree=tree, firmware=firmware, new_ids=True)
    assert (made.target.partition, made.target.uuid) == (name, made.root.uuid)
    assert plan(label, volumes, tree=tree, firmware=firmware).target.partition == ""
