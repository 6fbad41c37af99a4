# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image shall be: its partitions, volume groups and volumes, and whether that can be."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._ext import e2fs
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import volume as fs_volume
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import MIB, parse_size
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import partitions
from ansible_collections.goldsmith.openstack.plugins.module_utils._lvm import naming

NONE, MBR, GPT = "none", "mbr", "gpt"
# The label of the root, and that where this is too long: xfs has room for 12 bytes.
ROOT_LABEL, SHORT_ROOT_LABEL = "cloudimg-rootfs", "rootfs"
ESP_SIZE = 64 * MIB
_LONGEST_LABELS = {"ext3": 16, "ext4": 16, "vfat": 11, **fs_volume.LONGEST_LABELS}
_HOLD_TREES = (*e2fs.FEATURES, *fs_volume.SMALLEST)
_LABELS = {"none": NONE, "bios": MBR, "uefi": GPT, "hybrid": GPT}
BIOS = ("bios", "hybrid")
UEFI = ("uefi", "hybrid")


@dataclass(frozen=True)
class LayoutVolume:
    """A partition, a logical volume, or the whole of an unpartitioned image.

    *size* None: as the tree needs, or the rest of the disk, or of the group. *number* is that of a partition.
    """

    name: str
    type: str = partitions.LINUX
    filesystem: str | None = "ext4"
    size: int | None = None
    label: str = ""
    number: int = 1

    @property
    def is_root(self) -> bool:
        """Whether the tree goes here."""
        return self.name == "root" and self.type != partitions.LVM


@dataclass(frozen=True)
class Group:
    """A volume group in the partition of the type lvm that is named *partition*."""

    name: str
    volumes: tuple[LayoutVolume, ...]
    partition: str


@dataclass(frozen=True)
class Layout:
    """What the image shall be. *size* None: as the volumes need. *free*: share of the root file system left free."""

    label: str
    volumes: tuple[LayoutVolume, ...]
    seed: str
    firmware: str = "none"
    size: int | None = None
    tree: str | None = None
    free: float = 0.05
    kernel_args: str = ""
    title: str = "Linux"
    epoch: int | None = None  # None: as the tree says
    groups: tuple[Group, ...] = ()
    new_ids: bool = False  # each instance gives the root file system an id of its own

    def group_in(self, partition: LayoutVolume) -> Group | None:
        """Return the volume group that lies in a partition."""
        found = (group for group in self.groups if group.partition == partition.name)
        return next(found, None) if partition.type == partitions.LVM else None


def root_label(filesystem: str | None) -> str:
    """Return the label of a root file system."""
    return SHORT_ROOT_LABEL if _LONGEST_LABELS.get(filesystem, 99) < len(ROOT_LABEL) else ROOT_LABEL


def default_volumes(
    label: str, firmware: str, filesystem: str, groups: tuple[Group, ...] = ()
) -> tuple[LayoutVolume, ...]:
    """Return the partitions of an image for one system: the root is number 1 and lies last, so that it can grow.

    Where there are volume groups, the partition of the first takes the place of the root.
    """
    root = LayoutVolume("root", filesystem=filesystem, label=root_label(filesystem))
    if groups:
        root = LayoutVolume(groups[0].partition, partitions.LVM, None)
    before = []
    if label == GPT and firmware in BIOS:
        before.append(LayoutVolume("bios", partitions.BIOS_BOOT, None, MIB, number=14))
    if label == GPT and firmware in UEFI:
        before.append(LayoutVolume("efi", partitions.ESP, "vfat", ESP_SIZE, "ESP", number=15))
    return (*before, root)


def parse(params: Mapping[str, Any]) -> Layout:
    """Return the layout that the options of loop_image describe."""
    groups = _groups(params)
    label = params["label"] or (GPT if groups and params["firmware"] == "none" else _LABELS[params["firmware"]])
    if not 0 <= params["free"] < 90:
        raise OptionError("free", params["free"], "is not a share of a file system", hint="write a percentage below 90")
    epoch = params["epoch"]
    if epoch is None and (text := os.environ.get("SOURCE_DATE_EPOCH")):
        if not text.isdigit():
            raise OptionError("SOURCE_DATE_EPOCH", text, "is no number of seconds")
        epoch = int(text)
    return Layout(
        label=label,
        volumes=_listed(params, label, groups),
        seed=params["seed"] or os.path.basename(params["path"]),
        firmware=params["firmware"],
        size=None if params["size"] == "auto" else parse_size(params["size"], "size"),
        tree=os.path.realpath(params["tree"]) if params["tree"] else None,
        free=params["free"] / 100,
        kernel_args=params["kernel_args"],
        title=params["title"],
        epoch=epoch,
        groups=groups,
        new_ids=params["new_ids"],
    )


def _listed(params: Mapping[str, Any], label: str, groups: tuple[Group, ...]) -> tuple[LayoutVolume, ...]:
    if not params["partitions"]:
        return default_volumes(label, params["firmware"], params["filesystem"], groups)
    return tuple(
        _volume(item, "partitions.size", type=item["type"], number=item["number"] or index)
        for index, item in enumerate(params["partitions"], start=1)
    )


def _groups(params: Mapping[str, Any]) -> tuple[Group, ...]:
    return tuple(
        Group(
            name=item["name"],
            volumes=tuple(_volume(volume, "volume_groups.volumes.size") for volume in item["volumes"]),
            partition=item["partition"] or item["name"],
        )
        for item in params["volume_groups"] or ()
    )


def _volume(
    item: Mapping[str, Any], size_option: str, *, type: str = partitions.LINUX, number: int = 0
) -> LayoutVolume:
    has_none = item["filesystem"] == "none" or type == partitions.LVM
    return LayoutVolume(
        name=item["name"],
        type=type,
        filesystem=None if has_none else item["filesystem"],
        size=parse_size(item["size"], size_option) if item["size"] else None,
        label=item["label"] or (root_label(item["filesystem"]) if item["name"] == "root" and not has_none else ""),
        number=number,
    )


def check(layout: Layout) -> None:
    """Raise OptionError where the layout cannot be, whatever the sizes."""
    if layout.label == NONE and layout.groups:
        raise OptionError("label", layout.label, "a volume group lies in a partition", hint="set label=mbr or gpt")
    if layout.label == NONE and len(layout.volumes) != 1:
        raise OptionError("label", layout.label, "an unpartitioned image has one volume", hint="set label=mbr or gpt")
    _check_partitions(layout)
    _check_groups(layout)
    if layout.firmware != "none":
        _check_firmware(layout)
    filesystems = [*layout.volumes, *(volume for group in layout.groups for volume in group.volumes)]
    roots = [volume for volume in filesystems if volume.is_root]
    if len(roots) > 1:
        raise OptionError("tree", layout.tree, "two volumes are named root", hint="name one of them otherwise")
    if layout.tree and not roots:
        raise OptionError("tree", layout.tree, "no volume is named root, so it has no place")
    if layout.tree and roots[0].filesystem not in _HOLD_TREES:
        option = "partitions.filesystem" if roots[0] in layout.volumes else "volume_groups.volumes.filesystem"
        raise OptionError(option, roots[0].filesystem, "cannot hold a tree", hint="use ext4, ext3, xfs or btrfs")
    if layout.new_ids and not any(volume.is_root and volume.filesystem == "ext4" for volume in layout.volumes):
        reason = "only an ext4 named root, in a partition of its own, can be given another id"
        raise OptionError("new_ids", layout.new_ids, reason, hint="set new_ids=false")
    if layout.tree and not os.path.isdir(layout.tree):
        raise OptionError("tree", layout.tree, "is not a folder")


def _check_firmware(layout: Layout) -> None:
    types = [volume.type for volume in layout.volumes]
    if not layout.tree:
        raise OptionError("firmware", layout.firmware, "a boot loader comes from a tree", hint="set tree")
    if layout.label == NONE:
        raise OptionError("firmware", layout.firmware, "an unpartitioned image has no boot loader")
    if layout.firmware in UEFI and partitions.ESP not in types:
        raise OptionError("firmware", layout.firmware, "there is no EFI system partition", hint="set label=gpt")
    if layout.firmware in BIOS and layout.label == GPT and partitions.BIOS_BOOT not in types:
        raise OptionError("firmware", layout.firmware, "there is no partition of type bios_boot", hint="add one")


def _check_partitions(layout: Layout) -> None:
    open_ended = [volume for volume in layout.volumes if volume.size is None]
    if layout.size is None:
        # Those are as large as their volumes.
        open_ended = [volume for volume in open_ended if volume.type != partitions.LVM]
    if len(open_ended) > 1:
        raise OptionError("partitions", "", "more than one has no size", hint="give all but one a size")
    for attribute in ("name", "number"):
        _check_unique("partitions", attribute, (getattr(volume, attribute) for volume in layout.volumes))
    for volume in layout.volumes:
        if not re.fullmatch(r"[\w.+-]{1,36}", volume.name):
            raise OptionError("partitions.name", volume.name, "is not a name", hint="use letters, digits and . + -")
        if not 1 <= volume.number <= (4 if layout.label == MBR else 128):
            raise OptionError(
                "partitions.number", volume.number, f"is no number of a partition with label={layout.label}"
            )
        _check_size("partitions.size", volume)
        _check_label("partitions.label", volume)
        if layout.label != GPT and volume.type == partitions.BIOS_BOOT:
            raise OptionError("partitions.type", volume.type, "belongs to a GPT", hint="set label=gpt")
        if volume.type == partitions.LVM and not layout.group_in(volume):
            raise OptionError(
                "partitions.type",
                volume.type,
                f"no volume group lies in {volume.name}",
                hint="list one in volume_groups",
            )
        if volume.type == partitions.ESP and layout.firmware in UEFI and volume.filesystem != "vfat":
            raise OptionError("partitions.filesystem", volume.filesystem, "UEFI reads FAT only", hint="use vfat")


def _check_groups(layout: Layout) -> None:
    _check_unique("volume_groups", "name", (group.name for group in layout.groups))
    _check_unique("volume_groups", "partition", (group.partition for group in layout.groups))
    homes = [volume.name for volume in layout.volumes if volume.type == partitions.LVM]
    for group in layout.groups:
        if not naming.is_group_name(group.name):
            raise OptionError("volume_groups.name", group.name, "is no name of a volume group", hint=_NAME_HINT)
        if group.partition not in homes:
            raise OptionError(
                "volume_groups.partition",
                group.partition,
                "is no partition of the type lvm",
                hint=f"the layout has {', '.join(homes) or 'none'}; list it in partitions",
            )
        if not group.volumes:
            raise OptionError("volume_groups.volumes", "[]", f"the group {group.name} has none")
        _check_volumes(group)


def _check_volumes(group: Group) -> None:
    option = "volume_groups.volumes"
    _check_unique(option, "name", (volume.name for volume in group.volumes))
    open_ended = [volume.name for volume in group.volumes if volume.size is None]
    if len(open_ended) > 1:
        raise OptionError(option, ", ".join(open_ended), "more than one has no size", hint="give all but one a size")
    for volume in group.volumes:
        if not naming.is_volume_name(volume.name):
            raise OptionError(f"{option}.name", volume.name, "is no name of a logical volume", hint=_NAME_HINT)
        if not naming.is_short(group.name, volume.name):
            raise OptionError(f"{option}.name", volume.name, f"is too long together with the group {group.name}")
        _check_size(f"{option}.size", volume)
        _check_label(f"{option}.label", volume)


def _check_size(option: str, volume: LayoutVolume) -> None:
    if volume.size is None:
        return
    if volume.size == 0:
        raise OptionError(option, 0, f"is no size for {volume.name}")
    least = fs_volume.SMALLEST.get(volume.filesystem, 0)
    if volume.size < least:
        raise OptionError(option, volume.size, f"is too small for {volume.filesystem}", hint=f"give it {least} or more")


def _check_label(option: str, volume: LayoutVolume) -> None:
    # mke2fs would cut it, and what looks for it by its label would not find it.
    longest = _LONGEST_LABELS.get(volume.filesystem, 0)
    if volume.filesystem and len(volume.label.encode()) > longest:
        raise OptionError(option, volume.label, f"is too long; {volume.filesystem} has room for {longest} bytes")


_NAME_HINT = "use letters, digits and _ . + -, no hyphen first, and none of the words that lvm2 reserves"


def _check_unique(option: str, attribute: str, values: Iterable[object]) -> None:
    listed = list(values)
    if len(set(listed)) != len(listed):
        raise OptionError(option, listed, f"two have the same {attribute}")
