# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A layout becomes a disk or file system image: planned, shown, then written without privileges."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import fat, grub
from ansible_collections.goldsmith.openstack.plugins.module_utils._disk.disk_layout import (
    BIOS,
    GPT,
    MBR,
    NONE,
    UEFI,
    Group,
    Layout,
    LayoutVolume,
    check,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._ext import e2fs
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import volume as fs_volume
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.volume_walker import files_of
from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.digests import seeded_uuid
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.scratch import scratch_folder
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import MIB, align_up
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import disk_areas, partitions
from ansible_collections.goldsmith.openstack.plugins.module_utils._lvm import naming, pv_label
from ansible_collections.goldsmith.openstack.plugins.module_utils._lvm.naming import Stretch
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import rootfs, selinux


@dataclass(frozen=True)
class Placed:
    """A volume with its place in the file, in bytes, and the uuid of its file system.

    *group* is that of a logical volume; *volumes* are those in a partition of the type lvm.
    """

    volume: LayoutVolume
    start: int
    size: int
    uuid: str
    group: Group | None = None
    volumes: tuple[Placed, ...] = ()

    @property
    def holds_root(self) -> bool:
        """Whether the tree goes here, or into a volume in it."""
        return self.volume.is_root or any(placed.volume.is_root for placed in self.volumes)

    def describe(self) -> dict[str, object]:
        """Return the volume as a playbook sees it."""
        facts: dict[str, object] = {
            "name": self.volume.name,
            "start": self.start,
            "size": self.size,
            "filesystem": self.volume.filesystem,
            "label": self.volume.label,
            "uuid": self.uuid,
        }
        if self.group:
            return {**facts, "device": naming.device(self.group.name, self.volume.name)}
        facts |= {"number": self.volume.number, "type": self.volume.type}
        if self.volume.type == partitions.LVM:
            facts["volumes"] = [placed.describe() for placed in self.volumes]
        return facts


@dataclass(frozen=True)
class DiskPlan:
    """A layout with every byte in its place."""

    layout: Layout
    volumes: tuple[Placed, ...]
    size: int
    kernel: rootfs.Kernel | None
    epoch: int

    @property
    def filesystems(self) -> tuple[Placed, ...]:
        """All that can hold a file system: partitions and logical volumes."""
        return tuple(part for placed in self.volumes for part in (placed.volumes or (placed,)))

    @property
    def root(self) -> Placed | None:
        """The root file system, if the layout has one."""
        return next((placed for placed in self.filesystems if placed.volume.is_root), None)

    @property
    def target(self) -> grub.Target:
        """The root file system as GRUB has to find it."""
        root = self.root
        if root.group:
            mapped, seed = naming.mapped_name(root.group.name, root.volume.name), self.layout.seed
            group, volume = pv_label.group_id(seed, root.group.name), pv_label.volume_id(seed, root.group.name, "root")
            ids = f"{naming.shown_id(group)}/{naming.shown_id(volume)}"
            return grub.Target(root.uuid, mapped, root.volume.filesystem or "", volume_id=ids)
        table = "gpt" if self.layout.label == GPT else "msdos"
        partition = f"{table}{root.volume.number}" if self.layout.new_ids else ""
        return grub.Target(root.uuid, None, root.volume.filesystem or "", partition)

    def describe(self) -> dict[str, object]:
        """Return the plan as a playbook sees it."""
        return {
            "label": self.layout.label,
            "size": self.size,
            "partitions": [placed.describe() for placed in self.volumes],
            "kernel": self.kernel.version if self.kernel else None,
            "epoch": self.epoch,
        }

    def table(self) -> partitions.Table | None:
        """Return the partition table, None for an unpartitioned image."""
        if self.layout.label == NONE:
            return None
        identity = seeded_uuid(self.layout.seed, "disk")
        is_mbr = self.layout.label == MBR
        return partitions.Table(
            label="dos" if is_mbr else "gpt",
            id=f"0x{identity[:8]}" if is_mbr else identity.upper(),
            partitions=tuple(
                partitions.Partition(
                    number=placed.volume.number,
                    start=placed.start,
                    size=placed.size,
                    type=placed.volume.type,
                    uuid=seeded_uuid(self.layout.seed, f"partition-{placed.volume.name}").upper(),
                    name=placed.volume.name,
                    bootable=placed.holds_root,
                )
                for placed in self.volumes
            ),
        )


def make_plan(runner: Runner, layout: Layout) -> DiskPlan:
    """Place every volume; raise OptionError or GoldsmithError where the layout cannot be."""
    check(layout)
    kernel = rootfs.find_kernel(layout.tree) if layout.tree and layout.firmware != "none" else None
    place = 0 if layout.label == NONE else partitions.ALIGNMENT
    tail = partitions.GPT_TAIL if layout.label == GPT else 0
    volumes = []
    for index, volume in enumerate(layout.volumes):
        group = layout.group_in(volume)
        size = None if volume.size is None else align_up(volume.size, MIB)
        if size is None and layout.size is not None:
            behind = sum(align_up(other.size or 0, MIB) for other in layout.volumes[index + 1 :])
            size = layout.size - place - behind - tail
        elif size is None and group:
            size = naming.FIRST_EXTENT + sum(_extents(runner, layout, group, None)) * naming.EXTENT
        elif size is None:
            size = _root_size(runner, layout)
        if size < MIB:
            raise OptionError("size", layout.size, f"leaves no room for the volume {volume.name}")
        size = size // MIB * MIB
        if group:
            extents = _extents(runner, layout, group, size)
            volumes.append(_place_group(layout, volume, group, extents, Stretch(place, size)))
        else:
            volumes.append(Placed(volume, place, size, seeded_uuid(layout.seed, volume.name)))
        place += size
    if layout.size is not None and place + tail > layout.size:
        raise OptionError("size", layout.size, f"is less than the {place + tail} bytes that the partitions need")
    epoch = layout.epoch
    if epoch is None:
        epoch = rootfs.epoch_of(runner, layout.tree, namespaces.prefix()) if layout.tree else 0
    return DiskPlan(layout, tuple(volumes), layout.size or place + tail, kernel, epoch)


def write(runner: Runner, plan: DiskPlan, path: str) -> None:
    """Write the image into the file *path*, which is empty. The same plan and tree give the same bytes."""
    layout = plan.layout
    environment = e2fs.tool_environment(plan.epoch)
    os.truncate(path, plan.size)
    if table := plan.table():
        partitions.write_table(runner, path, table)
    if layout.tree:
        rootfs.clamp_times(runner, layout.tree, plan.epoch, namespaces.prefix())
    for placed in plan.volumes:
        if placed.volumes:
            pv_label.write(path, _metadata(plan, placed), offset=placed.start, size=placed.size)
    for placed in plan.filesystems:
        _write_volume(runner, plan, placed, path, environment)
    if layout.firmware in BIOS and plan.root and layout.tree:
        bios = next((p for p in plan.volumes if p.volume.type == partitions.BIOS_BOOT), None)
        place = (bios.start, bios.size) if bios else None
        grub.install_bios(runner, path, layout.tree, plan.target, bios_boot=place)


def mismatch(runner: Runner, plan: DiskPlan, path: str) -> str | None:
    """Return how an existing image differs from the plan in its layout, None when it does not."""
    if os.path.getsize(path) != plan.size:
        return f"its size is {os.path.getsize(path)} bytes, not {plan.size}"
    table = partitions.read_table(runner, path)
    wanted = plan.table()
    if (table is None) != (wanted is None):
        return "it has a partition table" if table else "it has no partition table"
    if table and wanted and _shape(table) != _shape(wanted):
        return "its partitions are others"
    areas = disk_areas.of_raw(runner, path).areas
    for placed in plan.volumes:
        volumes = {f"{part.group.name}/{part.volume.name}": (part.start, part.size) for part in placed.volumes}
        found = {area.volume: (area.start, area.size) for area in areas if area.number == placed.volume.number}
        if volumes and found != volumes:
            return f"its volumes in {placed.volume.name} are others"
    for placed in plan.filesystems:
        wanted = placed.volume.filesystem
        if wanted in (*e2fs.FEATURES, *fs_volume.SMALLEST) and _fstype(path, placed.start) != wanted:
            return f"its volume {placed.volume.name} holds no {placed.volume.filesystem}"
    return None


def _extents(runner: Runner, layout: Layout, group: Group, size: int | None) -> list[int]:
    """Return how many extents each volume of a group has; *size* is that of its partition, None: as they need."""
    option = "volume_groups.volumes.size"
    room = None if size is None else max(0, size - naming.FIRST_EXTENT) // naming.EXTENT
    needed = [None if volume.size is None else naming.extents(volume.size) for volume in group.volumes]
    taken = sum(count or 0 for count in needed)
    rest = None if room is None else room - taken
    if None in needed:
        volume = group.volumes[needed.index(None)]
        if rest is None and not volume.is_root:
            raise OptionError(option, "", f"{volume.name} has none, and only the root is measured on a tree")
        rest = naming.extents(_root_size(runner, layout)) if rest is None else rest
        if rest < 1:
            raise OptionError(option, "", f"nothing is left for {volume.name}", hint="make the partition larger")
        needed = [rest if count is None else count for count in needed]
    elif rest is not None and rest < 0:
        raise OptionError(
            option,
            taken * naming.EXTENT,
            f"is more than the {room * naming.EXTENT} bytes of the group {group.name}",
            hint="make its partition larger",
        )
    return needed


def _place_group(layout: Layout, partition: LayoutVolume, group: Group, extents: list[int], where: Stretch) -> Placed:
    volumes = []
    place = where.start + naming.FIRST_EXTENT
    for volume, count in zip(group.volumes, extents, strict=True):
        uuid = seeded_uuid(layout.seed, f"{group.name}/{volume.name}")
        volumes.append(Placed(volume, place, count * naming.EXTENT, uuid, group))
        place += count * naming.EXTENT
    identity = naming.shown_id(pv_label.physical_id(layout.seed, group.name))
    return Placed(partition, where.start, where.size, identity, volumes=tuple(volumes))


def _metadata(plan: DiskPlan, partition: Placed) -> pv_label.Group:
    group = plan.layout.group_in(partition.volume)
    volumes = tuple(pv_label.NewVolume(part.volume.name, part.size // naming.EXTENT) for part in partition.volumes)
    return pv_label.Group(group.name, volumes, plan.layout.seed, plan.epoch, partition.volume.number)


def _root_size(runner: Runner, layout: Layout) -> int:
    if not layout.tree:
        raise OptionError("size", "auto", "is measured on a tree, and none is given", hint="set tree or a size")
    extent = rootfs.measure(runner, layout.tree, namespaces.prefix())
    # The boot loader's files are added to those of the tree.
    boot = 4 * MIB if layout.firmware in BIOS else MIB
    root = next(placed for placed in _all_volumes(layout) if placed.is_root)
    if root.filesystem in fs_volume.SMALLEST:
        return fs_volume.needed_size(root.filesystem, extent.data + boot, extent.files + 400, layout.free)
    return e2fs.needed_size(extent.data + boot, extent.files + 400, layout.free)


def _all_volumes(layout: Layout) -> list[LayoutVolume]:
    return [*layout.volumes, *(volume for group in layout.groups for volume in group.volumes)]


def _write_volume(runner: Runner, plan: DiskPlan, placed: Placed, path: str, environment: dict[str, str]) -> None:
    volume, layout = placed.volume, plan.layout
    if volume.filesystem in e2fs.FEATURES:
        tree = layout.tree if volume.is_root else None
        e2fs.make(
            runner,
            path,
            fstype=volume.filesystem,
            size=placed.size,
            label=volume.label,
            uuid=placed.uuid,
            offset=placed.start,
            tree=tree,
            new_ids=layout.new_ids and volume.is_root,
            prefix=namespaces.prefix() if tree else (),
            environment=environment,
        )
        if volume.is_root and plan.kernel:
            _add_boot_files(runner, plan, placed, path, environment)
        e2fs.fix_times(runner, path, plan.epoch, offset=placed.start, environment=environment)
    elif volume.filesystem in fs_volume.SMALLEST:
        tree = layout.tree if volume.is_root else None
        with _boot_files(plan, placed) as (files, folders):
            fs_volume.make(
                runner,
                path,
                fstype=volume.filesystem,
                size=placed.size,
                label=volume.label,
                uuid=placed.uuid,
                epoch=plan.epoch,
                offset=placed.start,
                tree=tree,
                files=files if tree else {},
                labels=_labels(runner, plan, files, folders) if tree else {},
                prefix=namespaces.prefix() if tree else (),
            )
    elif volume.filesystem == "vfat":
        fat.make(runner, path, offset=placed.start, size=placed.size, label=volume.label, environment=environment)
        if volume.type == partitions.ESP and layout.firmware in UEFI and plan.root:
            with scratch_folder("image") as folder:
                platform = grub.efi_platform(layout.tree)
                name = grub.EFI_PROGRAMS[platform]
                program = os.path.join(folder, name)
                grub.make_core(runner, layout.tree, platform, plan.target, program)
                os.utime(program, (plan.epoch, plan.epoch))
                files = {f"/EFI/BOOT/{name}": program}
                fat.copy_in(runner, path, files, offset=placed.start, environment=environment)


def _add_boot_files(runner: Runner, plan: DiskPlan, root: Placed, path: str, environment: dict[str, str]) -> None:
    with _boot_files(plan, root) as (files, folders):
        exists = files_of("ext4", path, root.start, path).exists
        e2fs.put_files(runner, path, files, exists=exists, folders=folders, offset=root.start, environment=environment)
        found = _labels(runner, plan, files, [*folders, "/lost+found"])
        values = {name: label.encode() + b"\0" for name, label in found.items()}
        e2fs.put_attributes(runner, path, values, selinux.NAME, offset=root.start, environment=environment)


def _labels(runner: Runner, plan: DiskPlan, files: Iterable[str], folders: Iterable[str]) -> dict[str, str]:
    """Return the labels of SELinux of what the tree does not have."""
    kinds = {**dict.fromkeys(files, "file"), **dict.fromkeys(folders, "dir")}
    return selinux.labels(runner, plan.layout.tree, kinds) if plan.layout.tree else {}


@contextmanager
def _boot_files(plan: DiskPlan, root: Placed) -> Iterator[tuple[dict[str, str], list[str]]]:
    """Yield what the boot loader has in a root file system: host files by their names inside, and their folders."""
    layout = plan.layout
    if not plan.kernel or not root.volume.is_root:
        yield {}, []
        return
    platforms = [grub.BIOS] * (layout.firmware in BIOS)
    platforms += [grub.efi_platform(layout.tree)] * (layout.firmware in UEFI)
    serial = all(grub.has_serial(layout.tree, platform) for platform in platforms)
    reader = grub.entries_reader(layout.tree, platforms)
    text = grub.configuration(grub.Root(plan.target, plan.kernel, layout.kernel_args, layout.title, serial, reader))
    boot = grub.boot_folder(layout.tree)
    with scratch_folder("image") as folder:
        configuration = folder / "grub.cfg"
        configuration.write_text(text, encoding="utf-8")
        files = {f"{boot}/grub.cfg": str(configuration)}
        for platform in platforms:
            files |= grub.module_files(layout.tree, platform)
        yield files, [boot, *(f"{boot}/{platform}" for platform in platforms)]


def _fstype(path: str, offset: int) -> str | None:
    block = e2fs.read_superblock(path, offset) or fs_volume.read_file(path, offset)
    return block.fstype if block else None


def _shape(table: partitions.Table) -> list[tuple[int, int, int, str]]:
    return sorted((p.number, p.start, p.size, p.type) for p in table.partitions)
