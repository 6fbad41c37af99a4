# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A layout becomes a disk or file system image: planned, shown, then written without privileges. Floor 3."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from ansible_collections.goldsmith.openstack.plugins.module_utils import (
    _ext,
    _fat,
    _grub,
    _namespaces,
    _partitions,
    _tree,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._digests import seeded_uuid
from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._run import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._scratch import scratch_folder
from ansible_collections.goldsmith.openstack.plugins.module_utils._sizes import MIB, align_up

NONE, MBR, GPT = "none", "mbr", "gpt"
ROOT_LABEL = "cloudimg-rootfs"
ESP_SIZE = 64 * MIB
_BIOS = ("bios", "hybrid")
_UEFI = ("uefi", "hybrid")


@dataclass(frozen=True)
class Volume:
    """A partition, or the whole of an unpartitioned image. *size* None: as the tree needs, or the rest of the disk."""

    name: str
    type: str = _partitions.LINUX
    filesystem: str | None = "ext4"
    size: int | None = None
    label: str = ""
    number: int = 1

    @property
    def is_root(self) -> bool:
        """Whether the tree goes here."""
        return self.name == "root"


@dataclass(frozen=True)
class Layout:
    """What the image shall be. *size* None: as the volumes need. *free*: share of the root file system left free."""

    label: str
    volumes: tuple[Volume, ...]
    seed: str
    firmware: str = "none"
    size: int | None = None
    tree: str | None = None
    free: float = 0.05
    kernel_args: str = ""
    title: str = "Linux"
    epoch: int | None = None  # None: as the tree says


@dataclass(frozen=True)
class Placed:
    """A volume with its place in the file, in bytes, and the uuid of its file system."""

    volume: Volume
    start: int
    size: int
    uuid: str

    def describe(self) -> dict[str, object]:
        """Return the volume as a playbook sees it."""
        return {
            "number": self.volume.number,
            "name": self.volume.name,
            "start": self.start,
            "size": self.size,
            "type": self.volume.type,
            "filesystem": self.volume.filesystem,
            "label": self.volume.label,
            "uuid": self.uuid,
        }


@dataclass(frozen=True)
class Plan:
    """A layout with every byte in its place."""

    layout: Layout
    volumes: tuple[Placed, ...]
    size: int
    kernel: _tree.Kernel | None
    epoch: int

    @property
    def root(self) -> Placed | None:
        """The root file system, if the layout has one."""
        return next((placed for placed in self.volumes if placed.volume.is_root), None)

    def describe(self) -> dict[str, object]:
        """Return the plan as a playbook sees it."""
        return {
            "label": self.layout.label,
            "size": self.size,
            "partitions": [placed.describe() for placed in self.volumes],
            "kernel": self.kernel.version if self.kernel else None,
            "epoch": self.epoch,
        }

    def table(self) -> _partitions.Table | None:
        """Return the partition table, None for an unpartitioned image."""
        if self.layout.label == NONE:
            return None
        identity = seeded_uuid(self.layout.seed, "disk")
        is_mbr = self.layout.label == MBR
        return _partitions.Table(
            label="dos" if is_mbr else "gpt",
            id=f"0x{identity[:8]}" if is_mbr else identity.upper(),
            partitions=tuple(
                _partitions.Partition(
                    number=placed.volume.number,
                    start=placed.start,
                    size=placed.size,
                    type=placed.volume.type,
                    uuid=seeded_uuid(self.layout.seed, f"partition-{placed.volume.name}").upper(),
                    name=placed.volume.name,
                    bootable=placed.volume.is_root,
                )
                for placed in self.volumes
            ),
        )


def default_volumes(label: str, firmware: str, filesystem: str) -> tuple[Volume, ...]:
    """Return the volumes of an image for one system: the root is number 1 and lies last, so that it can grow."""
    root = Volume("root", filesystem=filesystem, label=ROOT_LABEL)
    before = []
    if label == GPT and firmware in _BIOS:
        before.append(Volume("bios", _partitions.BIOS_BOOT, None, MIB, number=14))
    if label == GPT and firmware in _UEFI:
        before.append(Volume("efi", _partitions.ESP, "vfat", ESP_SIZE, "ESP", number=15))
    return (*before, root)


def make_plan(runner: Runner, layout: Layout) -> Plan:
    """Place every volume; raise OptionError or GoldsmithError where the layout cannot be."""
    _check(layout)
    kernel = _tree.find_kernel(layout.tree) if layout.tree and layout.firmware != "none" else None
    place = 0 if layout.label == NONE else _partitions.ALIGNMENT
    tail = _partitions.GPT_TAIL if layout.label == GPT else 0
    volumes = []
    for index, volume in enumerate(layout.volumes):
        size = None if volume.size is None else align_up(volume.size, MIB)
        if size == 0:
            raise OptionError("partitions.size", 0, f"is no size for {volume.name}")
        if size is None and layout.size is not None:
            behind = sum(align_up(other.size or 0, MIB) for other in layout.volumes[index + 1 :])
            size = layout.size - place - behind - tail
        elif size is None:
            size = _root_size(runner, layout)
        if size < MIB:
            raise OptionError("size", layout.size, f"leaves no room for the volume {volume.name}")
        size = size // MIB * MIB
        volumes.append(Placed(volume, place, size, seeded_uuid(layout.seed, volume.name)))
        place += size
    if layout.size is not None and place + tail > layout.size:
        raise OptionError("size", layout.size, f"is less than the {place + tail} bytes that the partitions need")
    epoch = layout.epoch
    if epoch is None:
        epoch = _tree.epoch_of(runner, layout.tree, _namespaces.prefix()) if layout.tree else 0
    return Plan(layout, tuple(volumes), layout.size or place + tail, kernel, epoch)


def write(runner: Runner, plan: Plan, path: str) -> None:
    """Write the image into the file *path*, which is empty. The same plan and tree give the same bytes."""
    layout = plan.layout
    environment = _ext.tool_environment(plan.epoch)
    os.truncate(path, plan.size)
    if table := plan.table():
        _partitions.write_table(runner, path, table)
    if layout.tree:
        _tree.clamp_times(runner, layout.tree, plan.epoch, _namespaces.prefix())
    for placed in plan.volumes:
        _write_volume(runner, plan, placed, path, environment)
    if layout.firmware in _BIOS and plan.root and layout.tree:
        bios = next((p for p in plan.volumes if p.volume.type == _partitions.BIOS_BOOT), None)
        place = (bios.start, bios.size) if bios else None
        _grub.install_bios(runner, path, layout.tree, plan.root.uuid, bios_boot=place)


def mismatch(runner: Runner, plan: Plan, path: str) -> str | None:
    """Return how an existing image differs from the plan in its layout, None when it does not."""
    if os.path.getsize(path) != plan.size:
        return f"its size is {os.path.getsize(path)} bytes, not {plan.size}"
    table = _partitions.read_table(runner, path)
    wanted = plan.table()
    if (table is None) != (wanted is None):
        return "it has a partition table" if table else "it has no partition table"
    if table and wanted and _shape(table) != _shape(wanted):
        return "its partitions are others"
    for placed in plan.volumes:
        block = _ext.read_superblock(path, placed.start)
        if placed.volume.filesystem in _ext.FEATURES and (block is None or block.fstype != placed.volume.filesystem):
            return f"its volume {placed.volume.name} holds no {placed.volume.filesystem}"
    return None


def _check(layout: Layout) -> None:
    if sum(volume.size is None for volume in layout.volumes) > 1:
        raise OptionError("partitions", "", "more than one has no size", hint="give all but one a size")
    if layout.label == NONE and len(layout.volumes) != 1:
        raise OptionError("label", layout.label, "an unpartitioned image has one volume", hint="set label=mbr or gpt")
    _check_volumes(layout)
    if layout.firmware != "none":
        types = [volume.type for volume in layout.volumes]
        if not layout.tree:
            raise OptionError("firmware", layout.firmware, "a boot loader comes from a tree", hint="set tree")
        if layout.label == NONE:
            raise OptionError("firmware", layout.firmware, "an unpartitioned image has no boot loader")
        if layout.firmware in _UEFI and _partitions.ESP not in types:
            raise OptionError("firmware", layout.firmware, "there is no EFI system partition", hint="set label=gpt")
        if layout.firmware in _BIOS and layout.label == GPT and _partitions.BIOS_BOOT not in types:
            raise OptionError("firmware", layout.firmware, "there is no partition of type bios_boot", hint="add one")
    if layout.tree and not any(volume.is_root for volume in layout.volumes):
        raise OptionError("tree", layout.tree, "no volume is named root, so it has no place")
    if layout.tree and not os.path.isdir(layout.tree):
        raise OptionError("tree", layout.tree, "is not a folder")


def _check_volumes(layout: Layout) -> None:
    for attribute in ("name", "number"):
        values = [getattr(volume, attribute) for volume in layout.volumes]
        if len(set(values)) != len(values):
            raise OptionError("partitions", values, f"two have the same {attribute}")
    for volume in layout.volumes:
        if not re.fullmatch(r"[\w.+-]{1,36}", volume.name):
            raise OptionError("partitions.name", volume.name, "is not a name", hint="use letters, digits and . + -")
        if not 1 <= volume.number <= (4 if layout.label == MBR else 128):
            raise OptionError(
                "partitions.number", volume.number, f"is no number of a partition with label={layout.label}"
            )
        if layout.label != GPT and volume.type == _partitions.BIOS_BOOT:
            raise OptionError("partitions.type", volume.type, "belongs to a GPT", hint="set label=gpt")
        if volume.is_root and layout.tree and volume.filesystem not in _ext.FEATURES:
            raise OptionError("partitions.filesystem", volume.filesystem, "cannot hold a tree", hint="use ext4 or ext3")
        if volume.type == _partitions.ESP and layout.firmware in _UEFI and volume.filesystem != "vfat":
            raise OptionError("partitions.filesystem", volume.filesystem, "UEFI reads FAT only", hint="use vfat")


def _root_size(runner: Runner, layout: Layout) -> int:
    if not layout.tree:
        raise OptionError("size", "auto", "is measured on a tree, and none is given", hint="set tree or a size")
    extent = _tree.measure(runner, layout.tree, _namespaces.prefix())
    # The boot loader's files are added to those of the tree.
    boot = 4 * MIB if layout.firmware in _BIOS else MIB
    return _ext.needed_size(extent.data + boot, extent.files + 400, layout.free)


def _write_volume(runner: Runner, plan: Plan, placed: Placed, path: str, environment: dict[str, str]) -> None:
    volume, layout = placed.volume, plan.layout
    if volume.filesystem in _ext.FEATURES:
        tree = layout.tree if volume.is_root else None
        _ext.make(
            runner,
            path,
            fstype=volume.filesystem,
            size=placed.size,
            label=volume.label,
            uuid=placed.uuid,
            offset=placed.start,
            tree=tree,
            prefix=_namespaces.prefix() if tree else (),
            environment=environment,
        )
        if volume.is_root and plan.kernel:
            _add_boot_files(runner, plan, placed, path, environment)
        _ext.fix_times(runner, path, plan.epoch, offset=placed.start, environment=environment)
    elif volume.filesystem == "vfat":
        _fat.make(runner, path, offset=placed.start, size=placed.size, label=volume.label, environment=environment)
        if volume.type == _partitions.ESP and layout.firmware in _UEFI and plan.root:
            with scratch_folder("image") as folder:
                program = os.path.join(folder, "BOOTX64.EFI")
                _grub.make_core(runner, layout.tree, _grub.UEFI, plan.root.uuid, program)
                os.utime(program, (plan.epoch, plan.epoch))
                files = {"/EFI/BOOT/BOOTX64.EFI": program}
                _fat.copy_in(runner, path, files, offset=placed.start, environment=environment)


def _add_boot_files(runner: Runner, plan: Plan, root: Placed, path: str, environment: dict[str, str]) -> None:
    layout = plan.layout
    platforms = [_grub.BIOS] * (layout.firmware in _BIOS) + [_grub.UEFI] * (layout.firmware in _UEFI)
    text = _grub.configuration(_grub.Root(root.uuid, plan.kernel, layout.kernel_args, layout.title))
    with scratch_folder("image") as folder:
        configuration = folder / "grub.cfg"
        configuration.write_text(text, encoding="utf-8")
        files = {"/boot/grub/grub.cfg": str(configuration)}
        for platform in platforms:
            files |= _grub.module_files(layout.tree, platform)
        folders = ["/boot/grub", *(f"/boot/grub/{platform}" for platform in platforms)]
        _ext.put_files(runner, path, files, folders=folders, offset=root.start, environment=environment)


def _shape(table: _partitions.Table) -> list[tuple[int, int, int, str]]:
    return sorted((p.number, p.start, p.size, p.type) for p in table.partitions)
