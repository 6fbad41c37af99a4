# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volume groups in a layout, and what cannot be; partitions are judged in the tests of plans."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import disk_layout
from ansible_collections.goldsmith.openstack.plugins.module_utils._disk.disk_layout import Group, Layout, LayoutVolume
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import partitions

MIB = 1 << 20
ROOT = LayoutVolume("root")
PV = LayoutVolume("system", partitions.LVM, None, number=1)
OTHER = LayoutVolume("other", partitions.LVM, None, 9 * MIB, number=2)
SYSTEM = Group("system", (ROOT,), "system")


def check(volumes: tuple[LayoutVolume, ...], groups: tuple[Group, ...], **more: Any) -> None:
    disk_layout.check(Layout(**{"label": "gpt", "volumes": volumes, "seed": "seed", "groups": groups, **more}))


def test_groups_that_can_be(tmp_path: Path) -> None:
    check((PV,), (SYSTEM,), tree=str(tmp_path))
    check((PV, OTHER), (SYSTEM, Group("data", (LayoutVolume("root-2"),), "other")))
    check((replace(PV, name="root"),), (replace(SYSTEM, name="root", partition="root"),), tree=str(tmp_path))
    check((PV, replace(OTHER, size=None)), (SYSTEM, Group("data", (LayoutVolume("x", size=1),), "other")))


def test_the_group_of_a_partition() -> None:
    layout = Layout("gpt", (PV, ROOT), "seed", groups=(SYSTEM, Group("root", (), "root")))
    assert layout.group_in(PV) is SYSTEM
    assert layout.group_in(ROOT) is None, "it is not of the type lvm"


@pytest.mark.parametrize(
    ("kind", "label"),
    [("ext3", "cloudimg-rootfs"), ("ext4", "cloudimg-rootfs"), ("xfs", "rootfs"), ("btrfs", "cloudimg-rootfs")],
)
def test_the_label_of_the_root_has_room(kind: str, label: str) -> None:
    (root,) = disk_layout.default_volumes("mbr", "bios", kind)
    assert root.label == disk_layout.root_label(kind) == label
    check((root,), ())


@pytest.mark.parametrize(
    ("kind", "size", "said"),
    [
        ("xfs", 299 * MIB, "partitions.size=313524224: is too small for xfs; give it 314572800 or more"),
        ("btrfs", 100 * MIB, "partitions.size=104857600: is too small for btrfs; give it 136314880 or more"),
    ],
)
def test_sizes_that_are_too_small_are_told_first(kind: str, size: int, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        check((replace(ROOT, filesystem=kind, size=size),), ())
    group = Group("system", (replace(ROOT, filesystem=kind, size=size),), "system")
    with pytest.raises(OptionError, match=said.replace("partitions", "volume_groups.volumes")):
        check((PV,), (group,))


@pytest.mark.parametrize("firmware", ["none", "bios"])
def test_the_partition_of_the_first_group_is_in_the_place_of_the_root(firmware: str) -> None:
    volumes = disk_layout.default_volumes("mbr", firmware, "ext3", (replace(SYSTEM, partition="pv"),))
    assert volumes == (LayoutVolume("pv", partitions.LVM, None),)
    assert disk_layout.default_volumes("mbr", firmware, "ext3")[0].filesystem == "ext3"


@pytest.mark.parametrize(
    ("volumes", "groups", "more", "said"),
    [
        ((PV,), (SYSTEM,), {"label": "none"}, "label=none: a volume group lies in a partition; set label=mbr or gpt"),
        ((PV,), (), {}, "partitions.type=lvm: no volume group lies in system; list one in volume_groups"),
        (
            (ROOT,),
            (SYSTEM,),
            {},
            "volume_groups.partition=system: is no partition of the type lvm; the layout has none",
        ),
        (
            (PV,),
            (SYSTEM, replace(SYSTEM, name="b", partition="b")),
            {},
            "volume_groups.partition=b: is no partition of the type lvm; the layout has system",
        ),
        ((PV, OTHER), (SYSTEM, replace(SYSTEM, partition="other")), {}, "volume_groups=.*two have the same name"),
        ((PV,), (SYSTEM, replace(SYSTEM, name="b")), {}, "volume_groups=.*two have the same partition"),
        (
            (PV,),
            (replace(SYSTEM, name="a b"),),
            {},
            "volume_groups.name=a b: is no name of a volume group; use letters",
        ),
        ((PV,), (replace(SYSTEM, volumes=()),), {}, "volume_groups.volumes=.*: the group system has none"),
        (
            (PV,),
            (replace(SYSTEM, volumes=(LayoutVolume("a", label="x" * 17),)),),
            {},
            "volume_groups.volumes.label=x*: is too long; ext4 has room for 16 bytes",
        ),
        (
            (PV, LayoutVolume("a", size=1, label="\u00e9" * 9, number=2)),
            (SYSTEM,),
            {},
            "partitions.label=.*is too long; ext4",
        ),
        (
            (PV,),
            (replace(SYSTEM, volumes=(LayoutVolume("-x"),)),),
            {},
            "volume_groups.volumes.name=-x: is no name of a log",
        ),
        ((PV,), (replace(SYSTEM, volumes=(LayoutVolume("a_tdata"),)),), {}, "none of the words that lvm2 reserves"),
        (
            (PV,),
            (replace(SYSTEM, volumes=(LayoutVolume("x" * 125),)),),
            {},
            "is too long together with the group system",
        ),
        (
            (PV,),
            (replace(SYSTEM, volumes=(LayoutVolume("a", size=0),)),),
            {},
            "volume_groups.volumes.size=0: is no size for a",
        ),
        (
            (PV,),
            (replace(SYSTEM, volumes=(LayoutVolume("a", size=1), LayoutVolume("a", size=1))),),
            {},
            "volume_groups.volumes=.*two have the same name",
        ),
        (
            (PV,),
            (replace(SYSTEM, volumes=(LayoutVolume("a"), LayoutVolume("b"))),),
            {},
            "volume_groups.volumes=a, b: more than one has no size; give all but one a size",
        ),
        ((PV, replace(OTHER, size=None)), (SYSTEM, Group("b", (ROOT,), "other")), {"size": 99 * MIB}, "more than one"),
        ((PV, replace(ROOT, number=2)), (SYSTEM,), {}, "two volumes are named root"),
        ((PV, OTHER), (SYSTEM, Group("b", (ROOT,), "other")), {}, "two volumes are named root"),
        ((PV,), (Group("system", (LayoutVolume("a"),), "system"),), {"tree": "/"}, "no volume is named root"),
        (
            (PV,),
            (Group("system", (replace(ROOT, filesystem=None),), "system"),),
            {"tree": "/"},
            "volume_groups.volumes.filesystem=None: cannot hold a tree; use ext4, ext3, xfs or btrfs",
        ),
    ],
)
def test_groups_that_cannot_be(
    volumes: tuple[LayoutVolume, ...], groups: tuple[Group, ...], more: dict[str, Any], said: str
) -> None:
    with pytest.raises(OptionError, match=said):
        check(volumes, groups, **more)


def test_only_an_ext4_in_a_partition_gets_another_id(tmp_path: Path) -> None:
    check((ROOT,), (), new_ids=True)
    for volumes, groups in (((replace(ROOT, filesystem="xfs", size=400 * MIB),), ()), ((PV,), (SYSTEM,))):
        with pytest.raises(OptionError, match="new_ids=True: only an ext4 named root, in a partition of its own"):
            check(volumes, groups, new_ids=True)
