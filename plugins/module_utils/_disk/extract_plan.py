# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fstab of a root puts together from the areas of its disk, and what an image does without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import volume as fs_volume
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import fstab
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.volume_walker import files_of
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.walker import GuestFiles
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.foreign import Damaged
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import (
    checked_filesystem,
    disk_areas,
    recognition,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._lvm import naming

FSTAB = "/etc/fstab"
NOT_MOUNTED = "fstab does not mount it"
_NOT_HERE = "not on this disk"
_SWAP_FILE = "a swap file: what was in memory"
_MADE_ANEW = "vfat, made anew where it is needed"
# Where systemd starts swap without fstab
_SWAP_UNITS = "/etc/systemd/system/*.swap"
# Without these a system does not start, or is not the one that was captured.
_NEEDED = ("/boot", "/usr", "/var")
_OF_THE_KERNEL = ("/dev", "/proc", "/run", "/sys")
_ENCRYPTED = (recognition.NAMES["luks"], recognition.NAMES["bitlocker"])
# The firmware's own; the boot loader in it is written with the new disk.
_FOR_FIRMWARE = ("/boot/efi", "/efi")
# Where snapper keeps them
_SNAPSHOTS = ".snapshots"


@dataclass(frozen=True)
class LeftOut:
    """A line of fstab that is not followed; *reason* says why. *gone*: nothing of an image could mount it."""

    line: fstab.Line
    reason: str
    gone: bool

    def describe(self, *, rewritten: bool) -> dict[str, Any]:
        """Return it as a playbook sees it; only an fstab that is *rewritten* loses lines."""
        line = self.line
        dropped = self.gone and rewritten
        return {"source": line.source, "mountpoint": line.mountpoint, "reason": self.reason, "dropped": dropped}


@dataclass(frozen=True)
class Part:
    """What lies in an area of the disk, of a btrfs in one of its subvolumes, and where it is mounted."""

    mountpoint: str
    area: disk_areas.Area
    subvolume: str = ""


@dataclass(frozen=True)
class ExtractPlan:
    """What is laid into the tree, outer mount points first, without the files *unwanted*."""

    parts: tuple[Part, ...]
    left_out: tuple[LeftOut, ...] = ()
    merged: tuple[fstab.Line, ...] = field(default=())
    unmounted: tuple[disk_areas.Area, ...] = ()
    unwanted: tuple[str, ...] = ()

    def describe_left_out(self, *, rewritten: bool) -> list[dict[str, Any]]:
        """Return what is not in the tree, or is in no line of an fstab that is *rewritten*, as a playbook sees it."""
        forgotten = [
            {"source": area.name, "mountpoint": "", "reason": NOT_MOUNTED, "dropped": False} for area in self.unmounted
        ]
        return [*(left.describe(rewritten=rewritten) for left in self.left_out), *forgotten]

    def unwanted_in(self, mountpoint: str) -> list[str]:
        """Return the files of a part that are not to be in the tree, by their paths in it."""
        homes = [part.mountpoint for part in self.parts]
        found = []
        for path in self.unwanted:
            home = max((other for other in homes if path.startswith(f"{other.rstrip('/')}/")), key=len)
            found += [path[len(home.rstrip("/")) :]] if home == mountpoint else []
        return found

    def hidden(self, mountpoint: str) -> list[str]:
        """Return the folders of a part that another part covers, and /dev: only the kernel fills that."""
        own = mountpoint.rstrip("/")
        others = [part.mountpoint for part in self.parts]
        below = [other for other in others if other.startswith(own + "/") and other != mountpoint]
        return [*(["/dev"] if mountpoint == "/" else []), *(other[len(own) :] for other in below)]

    def drops(self, line: fstab.Line) -> bool:
        """Return whether a line of fstab has no meaning any more."""
        return line in self.merged or any(left.gone and left.line == line for left in self.left_out)


def plan(disk: disk_areas.Disk, root: checked_filesystem.Filesystem) -> ExtractPlan:
    """Return what the root's fstab puts together from this disk; raise GoldsmithError where a part cannot be had."""
    where = checked_filesystem.described(disk, root.area)
    subvolume = root_subvolume(root.block.fstype, root.path, root.offset, where)
    files = files_of(root.block.fstype, root.path, root.offset, where, subvolume)
    lines = fstab.parse(files.text(FSTAB) or "")
    own_name = _disk_name(lines, root.area)
    homes = [(area, _home(disk, area, own_name)) for area in disk.areas]
    parts = {"/": Part("/", root.area, subvolume)}
    left_out, merged = [], []
    known = [area for area, home in homes if any(home.is_meant(line.source) for line in lines)]
    for line in lines:
        if line.mountpoint == "/" and line.fstype != fstab.SWAP:
            continue
        meant = [area for area, home in homes if home.is_meant(line.source)]
        if len(meant) > 1:
            names = ", ".join(area.name for area in meant)
            raise GoldsmithError(f"{FSTAB} mounts {line.source} on {line.mountpoint}, which is each of {names}")
        if reason := _not_taken(disk, line, meant):
            is_gone = line.names_device and line.by_itself and (bool(meant) or "nofail" not in line.options)
            left_out.append(LeftOut(line, reason, is_gone or line.fstype == fstab.SWAP))
        elif meant and line.mountpoint not in parts:
            parts[line.mountpoint] = Part(line.mountpoint, meant[0], line.subvolume)
            merged.append(line)
    _require_told(disk, left_out, [area for area, _home in homes if area not in (root.area, *known)])
    joined = [part.area for part in parts.values()]
    unmounted = [area for area, _home in homes if area not in joined and disk.fstype(area)]
    left_out = _without_ground(left_out)
    units, unwanted = _unwanted(files, lines)
    left_out += units
    ordered = sorted(
        parts.values(), key=lambda part: (part.mountpoint != "/", part.mountpoint.count("/"), part.mountpoint)
    )
    return ExtractPlan(tuple(ordered), tuple(left_out), tuple(merged), tuple(unmounted), unwanted)


def plan_of_files(files: GuestFiles, where: str) -> ExtractPlan:
    """Return the same for files that lie in no file system of their own: what its fstab mounts is there, or it is not.

    *where* is for the error.
    """
    left_out, merged = [], []
    for line in fstab.parse(files.text(FSTAB) or ""):
        if line.fstype == fstab.SWAP:
            left_out.append(LeftOut(line, _SWAP_FILE if _is_file(line) else "swap", gone=True))
        elif line.mountpoint == "/" or line.binds or not line.names_device:
            continue
        elif files.names(line.mountpoint):
            merged.append(line)
        elif line.fstype == "vfat" and line.mountpoint in _FOR_FIRMWARE:
            left_out.append(LeftOut(line, _MADE_ANEW, gone=True))
        elif line.by_itself and "nofail" not in line.options:
            if line.mountpoint in _NEEDED:
                raise GoldsmithError(
                    f"{line.mountpoint} is mounted from {line.source}, and its files are not in {where}",
                    hint="put them there, or add nofail in its fstab",
                )
            left_out.append(LeftOut(line, "its files are not there", gone=True))
    units, unwanted = _unwanted(files, [left.line for left in left_out])
    return ExtractPlan((), (*left_out, *units), tuple(merged), unwanted=unwanted)


def root_subvolume(fstype: str, path: str, offset: int, where: str) -> str:
    """Return the subvolume of a btrfs that holds the system; empty: the one that is mounted where none is named.

    Empty for other file systems. Raises GoldsmithError where several might be it.
    """
    if fstype != "btrfs" or files_of(fstype, path, offset, where).names("/etc"):
        return ""
    try:
        names = [name for name, _number in fs_volume.reader(fstype, path, offset).subvolumes if name]
    except Damaged as error:
        raise GoldsmithError(f"the file system in {where} cannot be read: {error}") from None
    found = [name for name in names if files_of(fstype, path, offset, where, name).names("/etc")]
    # Older states of it.
    found = [name for name in found if _SNAPSHOTS not in name.split("/")] or found
    if len(found) > 1:
        raise GoldsmithError(
            f"the file system in {where} has {len(found)} subvolumes with a system: {', '.join(sorted(found))}",
            hint="make one of them its default: btrfs subvolume set-default",
        )
    return found[0] if found else ""


def _not_taken(disk: disk_areas.Disk, line: fstab.Line, meant: Sequence[disk_areas.Area]) -> str:
    """Return why a line is not followed, empty where it is; raise GoldsmithError where the system would lack it."""
    must = line.by_itself and "nofail" not in line.options
    if line.fstype == fstab.SWAP:
        return _SWAP_FILE if _is_file(line) else "swap"
    if line.mountpoint in _OF_THE_KERNEL or line.mountpoint.startswith(tuple(f"{top}/" for top in _OF_THE_KERNEL)):
        return "the kernel's own"
    if line.binds:
        return "shows a folder in a second place"
    if line.fstype == "vfat" and line.mountpoint in _FOR_FIRMWARE:
        return _MADE_ANEW
    if must and line.fstype == "vfat" and line.mountpoint == "/boot":
        raise GoldsmithError(
            f"/boot is mounted from {line.source}, which is FAT, as systemd-boot has it; images start by GRUB",
            hint="copy kernel and initramfs into /boot of the root on the machine, and remove the line from its fstab",
        )
    if not meant:
        if must and line.mountpoint in _NEEDED:
            raise GoldsmithError(
                f"{line.mountpoint} is mounted from {line.source}, which is not on the disk {disk.image.path}",
                hint="a system on one disk can be captured; move it there, or add nofail in its fstab",
            )
        return _NOT_HERE if line.names_device else "on no disk"
    if not line.by_itself:
        return "noauto"
    if meant[0].trouble or disk.fstype(meant[0]) is None:
        what = meant[0].trouble or f"holds {disk_areas.holds(disk, meant[0])}"
        raise GoldsmithError(
            f"{line.mountpoint} lies in {checked_filesystem.described(disk, meant[0])}, which {what}",
            hint="only ext2, ext3, ext4, xfs and btrfs can be taken out",
        )
    if _SNAPSHOTS in line.mountpoint.split("/"):
        return "older states of the system"
    if not line.plain:
        raise GoldsmithError(f"{FSTAB} has the mount point {line.mountpoint!r}, which is no plain path")
    return ""


def _require_told(
    disk: disk_areas.Disk,
    left_out: Sequence[LeftOut],
    unknown: Sequence[disk_areas.Area],
) -> None:
    """Raise GoldsmithError where a line may mean what no other does: its files would be missing without a word."""
    plain = [area for area in unknown if disk.fstype(area)]
    locked = [area for area in unknown if disk_areas.holds(disk, area) in _ENCRYPTED]
    for line in (left.line for left in left_out if left.reason == _NOT_HERE):
        if not line.by_itself or "nofail" in line.options:
            continue
        possible = [*(locked if line.tagged or not line.exact else ()), *(() if line.exact else plain)]
        if possible:
            found = ", ".join(checked_filesystem.described(disk, area) for area in possible)
            what = ", which is encrypted" if possible[0] in locked else ""
            hint = "copy it into the root" if what else f"name it by UUID in {FSTAB}"
            raise GoldsmithError(
                f"{FSTAB} mounts {line.source} on {line.mountpoint}, which may be {found}{what}",
                hint=f"{hint}, or add nofail there if it is to be left out",
            )


def _without_ground(left_out: Sequence[LeftOut]) -> list[LeftOut]:
    """Return the same; what shows folders of a file system that is not there goes with it."""
    missing = tuple(f"{left.line.mountpoint}/" for left in left_out if left.reason == _NOT_HERE and left.gone)
    return [
        LeftOut(left.line, "shows a folder of what is not on this disk", gone=True)
        if left.line.binds and f"{left.line.source}/".startswith(missing)
        else left
        for left in left_out
    ]


def _unwanted(files: GuestFiles, lines: Sequence[fstab.Line]) -> tuple[list[LeftOut], tuple[str, ...]]:
    """Return the units that swap, and the files that go with all swap: its files, and those of the units."""
    units, swap_files = _swap_units(files)
    swap_files += [line.source for line in lines if line.fstype == fstab.SWAP and _is_file(line)]
    # A folder on the way may be a link.
    places = (found.path if (found := files.find(path)) else path for path in swap_files)
    unwanted = [*places, *(unit for left in units for unit in _names_of_unit(files, left.line.text))]
    return units, tuple(dict.fromkeys(unwanted))


def _swap_units(files: GuestFiles) -> tuple[list[LeftOut], list[str]]:
    """Return the units of systemd that swap, each with its path as the text of a line, and the files they swap to."""
    units, paths = [], []
    for entry in files.matches(_SWAP_UNITS):
        found = [line.partition("=")[2].strip() for line in files.lines(entry.path) if line.startswith("What=")]
        if entry.is_file and found:
            line = fstab.Line(found[-1], "none", fstab.SWAP, (), entry.path)
            paths += [line.source] if _is_file(line) else []
            units.append(LeftOut(line, f"{_SWAP_FILE if _is_file(line) else fstab.SWAP}, by {entry.path}", gone=True))
    return units, paths


def _names_of_unit(files: GuestFiles, unit: str) -> list[str]:
    """Return a unit and the links that start it."""
    name = unit.rpartition("/")[2]
    links = (files.matches(f"/etc/systemd/system/*.{kind}/{name}") for kind in ("wants", "requires"))
    return [unit, *(entry.path for found in links for entry in found if entry.is_link)]


def _is_file(line: fstab.Line) -> bool:
    """Return whether a swap is a file."""
    return line.source.startswith("/") and not line.names_device


def _disk_name(lines: Sequence[fstab.Line], root: disk_areas.Area) -> str:
    """Return what fstab calls the disk, where its line of the root says it; empty: it does not."""
    for line in lines:
        disk, number = fstab.partition_of(line.source)
        if line.mountpoint == "/" and line.fstype != fstab.SWAP and number == root.number and not root.volume:
            return disk
    return ""


def _home(disk: disk_areas.Disk, area: disk_areas.Area, name: str) -> fstab.Home:
    block = disk.superblock(area) or disk.fs_superblock(area)
    uuid, label = (block.uuid, block.label) if block else ("", "")
    if area.volume:
        group, _slash, volume = area.volume.partition("/")
        device = naming.device(group, volume)
        by_id = (f"dm-uuid-{area.volume_id}", f"dm-name-{device.rpartition('/')[2]}")
        names = (device, f"/dev/{area.volume}", *(f"/dev/disk/by-id/{one}" for one in by_id))
        return fstab.Home(uuid, label, devices=names)
    entries = disk.table.partitions if disk.table else ()
    entry = next((entry for entry in entries if entry.number == area.number), None)
    if entry is None or disk.table is None:
        return fstab.Home(uuid, label)
    if disk.table.label == "dos":
        partition_uuid = f"{disk.table.id.removeprefix('0x')}-{area.number:02x}"
    else:
        partition_uuid = entry.uuid or ""
    return fstab.Home(uuid, label, partition_uuid, entry.name or "", area.number, disk=name)
