# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The root file system of a disk as a folder, together with the others that its fstab mounts."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import volume as fs_volume
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import fstab
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import TreeFiles
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.volume_walker import files_of
from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.foreign import Damaged
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.program import program
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.progress import Progress
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import checked_filesystem, disk_areas
from ansible_collections.goldsmith.openstack.plugins.module_utils._lvm import naming

FSTAB = "/etc/fstab"
NOT_MOUNTED = "fstab does not mount it"
# Without these a system does not start, or is not the one that was captured.
_NEEDED = ("/boot", "/usr", "/var")
_OF_THE_KERNEL = ("/dev", "/proc", "/run", "/sys")
_MADE_ANEW = ("vfat", fstab.SWAP)
# Where snapper keeps them
_SNAPSHOTS = ".snapshots"


@dataclass(frozen=True)
class LeftOut:
    """A line of fstab that is not followed; *reason* says why. *gone*: nothing of an image could mount it."""

    line: fstab.Line
    reason: str
    gone: bool

    def describe(self) -> dict[str, str]:
        """Return it as a playbook sees it."""
        return {"source": self.line.source, "mountpoint": self.line.mountpoint, "reason": self.reason}


@dataclass(frozen=True)
class Part:
    """What lies in an area of the disk, of a btrfs in one of its subvolumes, and where it is mounted."""

    mountpoint: str
    area: disk_areas.Area
    subvolume: str = ""


@dataclass(frozen=True)
class ExtractPlan:
    """What is laid into the tree, outer mount points first."""

    parts: tuple[Part, ...]
    left_out: tuple[LeftOut, ...] = ()
    merged: tuple[fstab.Line, ...] = field(default=())
    unmounted: tuple[disk_areas.Area, ...] = ()

    def describe_left_out(self) -> list[dict[str, str]]:
        """Return what is not in the tree, as a playbook sees it."""
        forgotten = [{"source": area.name, "mountpoint": "", "reason": NOT_MOUNTED} for area in self.unmounted]
        return [*(left.describe() for left in self.left_out), *forgotten]

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
    homes = [(area, _home(disk, area)) for area in disk.areas if not area.trouble]
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
            is_device = line.source.startswith("/dev/") or "=" in line.source
            gone = is_device and line.by_itself and (bool(meant) or "nofail" not in line.options)
            left_out.append(LeftOut(line, reason, gone))
        elif meant and line.mountpoint not in parts:
            parts[line.mountpoint] = Part(line.mountpoint, meant[0], line.subvolume)
            merged.append(line)
    ordered = sorted(
        parts.values(), key=lambda part: (part.mountpoint != "/", part.mountpoint.count("/"), part.mountpoint)
    )
    unmounted = [area for area, _home in homes if area not in (root.area, *known) and disk.fstype(area)]
    return ExtractPlan(tuple(ordered), tuple(left_out), tuple(merged), tuple(unmounted))


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


def write(
    disk: disk_areas.Disk,
    root: checked_filesystem.Filesystem,
    todo: ExtractPlan,
    tree: str,
    *,
    repair: bool,
    root_source: str,
    root_filesystem: str,
) -> list[dict[str, Any]]:
    """Fill the empty folder *tree*; return what was laid into it, the root first."""
    done = []
    source = root
    for part in todo.parts:
        area = part.area
        # What lies in a copy that was made for it is used up before the next one is made.
        if area is not source.area:
            source = checked_filesystem.take(disk, area, repair=repair)
        facts = _unpack_one(disk, source, tree, part, todo.hidden(part.mountpoint))
        done.append(
            {
                "mountpoint": part.mountpoint,
                "partition": area.number or None,
                "volume": area.volume or None,
                "subvolume": part.subvolume or None,
                "filesystem": source.block.fstype,
                "uuid": source.block.uuid,
                "label": source.block.label,
                "size_of_filesystem": source.size,
                "repaired": source.repaired,
                **facts,
            }
        )
    if root_source:
        _rewrite_fstab(tree, todo, root_source, root_filesystem)
    return done


def _unpack_one(
    disk: disk_areas.Disk,
    source: checked_filesystem.Filesystem,
    tree: str,
    part: Part,
    hidden: Sequence[str],
) -> dict[str, Any]:
    progress = Progress(f"files of {part.mountpoint}", 100, "%")
    heard: dict[str, Any] = {}

    def hear(line: str) -> None:
        said = json.loads(line)
        if said.get("total"):
            progress(100 * said["done"] / said["total"])
        else:
            heard.update(said)

    request = {
        "path": source.path,
        "offset": source.offset,
        "fstype": source.block.fstype,
        "subvolume": part.subvolume,
        "tree": os.path.abspath(tree),
        "mountpoint": part.mountpoint,
        "hidden": list(hidden),
    }
    argv, stdin = program(*checked_filesystem.UNPACKER, request=request)
    result = disk.runner.run([*namespaces.prefix(), *argv], check=False, stdin=stdin, on_line=hear)
    where = checked_filesystem.described(disk, source.area)
    if "damaged" in heard:
        raise GoldsmithError(f"the file system in {where} cannot be unpacked: {heard['damaged']}")
    if "failed" in heard:
        raise GoldsmithError(f"cannot write {heard['name'] or tree} below {tree}: {heard['failed']}")
    if "unpacked" not in heard:
        raise GoldsmithError(f"the file system in {where} cannot be unpacked: {result.last_line}")
    return heard["unpacked"]


def _rewrite_fstab(tree: str, todo: ExtractPlan, root_source: str, root_filesystem: str) -> None:
    files = TreeFiles(tree)
    found, text = files.find(FSTAB), files.text(FSTAB)
    if not found or not found.is_file or text is None:
        return
    if len(text.encode("utf-8", "surrogateescape")) < found.size:
        raise GoldsmithError(f"{FSTAB} of {found.size} bytes is too big to be rewritten")
    new = fstab.rewritten(text, root_source, root_filesystem, drop=todo.drops)
    if new == text:
        return
    # The path is a real one inside the tree, and nobody else writes there yet.
    descriptor = os.open(tree + found.path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    with open(descriptor, "r+b") as file:
        status = os.fstat(descriptor)
        file.truncate()
        file.write(new.encode("utf-8", "surrogateescape"))
        file.flush()
        # Its age is not that of this run: the same disk gives the same tree.
        os.utime(descriptor, ns=(status.st_atime_ns, status.st_mtime_ns))


def _not_taken(disk: disk_areas.Disk, line: fstab.Line, meant: Sequence[disk_areas.Area]) -> str:
    """Return why a line is not followed, empty where it is; raise GoldsmithError where the system would lack it."""
    must = line.by_itself and "nofail" not in line.options
    if line.fstype == fstab.SWAP:
        return "swap"
    if line.mountpoint in _OF_THE_KERNEL or line.mountpoint.startswith(tuple(f"{top}/" for top in _OF_THE_KERNEL)):
        return "the kernel's own"
    if not meant:
        if must and line.mountpoint in _NEEDED and "bind" not in line.options:
            raise GoldsmithError(
                f"{line.mountpoint} is mounted from {line.source}, which is not on the disk {disk.image.path}",
                hint="a system on one disk can be captured; move it there, or add nofail in its fstab",
            )
        return "not on this disk"
    if not line.by_itself:
        return "noauto"
    if line.fstype in _MADE_ANEW:
        return f"{line.fstype}, made anew where it is needed"
    if disk.fstype(meant[0]) is None:
        raise GoldsmithError(
            f"{line.mountpoint} lies in {checked_filesystem.described(disk, meant[0])}, which holds "
            f"{disk_areas.holds(disk, meant[0])}",
            hint="only ext2, ext3, ext4, xfs and btrfs can be taken out",
        )
    if _SNAPSHOTS in line.mountpoint.split("/"):
        return "older states of the system"
    if not line.plain:
        raise GoldsmithError(f"{FSTAB} has the mount point {line.mountpoint!r}, which is no plain path")
    return ""


def _home(disk: disk_areas.Disk, area: disk_areas.Area) -> fstab.Home:
    block = disk.superblock(area) or disk.fs_superblock(area)
    uuid, label = (block.uuid, block.label) if block else ("", "")
    if area.volume:
        group, _slash, volume = area.volume.partition("/")
        return fstab.Home(uuid, label, devices=(naming.device(group, volume), f"/dev/{area.volume}"))
    entries = disk.table.partitions if disk.table else ()
    entry = next((entry for entry in entries if entry.number == area.number), None)
    if entry is None or disk.table is None:
        return fstab.Home(uuid, label)
    if disk.table.label == "dos":
        partition_uuid = f"{disk.table.id.removeprefix('0x')}-{area.number:02x}"
    else:
        partition_uuid = entry.uuid or ""
    return fstab.Home(uuid, label, partition_uuid, entry.name or "", area.number)
