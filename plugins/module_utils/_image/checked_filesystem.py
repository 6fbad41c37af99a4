# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file system of a disk image, found whole; one of ext may be mended in a copy."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ansible_collections.goldsmith.openstack.plugins.module_utils._ext import e2fs, inodes
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import volume as fs_volume
from ansible_collections.goldsmith.openstack.plugins.module_utils._host import foreign
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.foreign import Damaged
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import disk_areas, qemu_img, unpack

# The program that writes out a file system, in the order of its imports
UNPACKER = (foreign, inodes, *fs_volume.READERS, unpack)
_REPAIR = "repair=true, which mends a copy of it"


@dataclass(frozen=True)
class Filesystem:
    """The file system of an area: *size* bytes at *offset* of a file. *repaired*: that file is a copy, and mended."""

    area: disk_areas.Area
    block: e2fs.Superblock | fs_volume.Volume
    path: str
    offset: int
    repaired: bool

    @property
    def size(self) -> int:
        """Its size in bytes; what lies behind it in its area is not part of it."""
        return self.block.size


def take(disk: disk_areas.Disk, area: disk_areas.Area, *, repair: bool, check: bool = True) -> Filesystem:
    """Return the file system of an area; raise GoldsmithError where it is not whole and not to be repaired.

    Without *check* only the superblock is looked at. The source is never written to. The next one that is taken may
    overwrite the copy that this one lies in.
    """
    where = described(disk, area)
    block = disk.superblock(area)
    if block is None and (other := disk.fs_superblock(area)):
        return _taken(disk, area, other)
    if block is None:
        raise GoldsmithError(f"there is no ext, xfs or btrfs file system in {where}")
    if block.size > area.size:
        raise GoldsmithError(f"the file system in {where} is bigger than its place", hint="the image is incomplete")
    if not block.clean and not repair:
        raise GoldsmithError(
            f"the file system in {where} is not clean: the guest was not shut down cleanly",
            hint=f"shut the guest down in an orderly way, or set {_REPAIR}",
        )
    path, offset = disk.place(area)
    if block.clean and not (check or repair):
        return Filesystem(area, block, path, offset, repaired=False)
    fault = _fault(disk, path, offset) if block.clean else "it waits for its journal"
    if fault and not repair:
        raise GoldsmithError(f"the file system in {where} has errors ({fault})", hint=f"set {_REPAIR}")
    if not fault:
        return Filesystem(area, block, path, offset, repaired=False)
    if path == disk.image.path:
        path, offset = os.path.join(disk.folder, "repaired"), 0
        qemu_img.convert(disk.runner, disk.nodes(area, area.size), path, qemu_img.RAW)
    environment = {**e2fs.tool_environment(_written(path, offset)), "E2FSCK_TIME": str(_written(path, offset))}
    try:
        e2fs.check(disk.runner, path, offset=offset, repair=True, environment=environment)
    except GoldsmithError:
        raise GoldsmithError(f"the file system in {where} cannot be repaired", hint="its image is lost") from None
    mended = e2fs.read_superblock(path, offset)
    if mended is None or not mended.clean:
        raise GoldsmithError(f"the file system in {where} cannot be repaired", hint="its image is lost")
    return Filesystem(area, mended, path, offset, repaired=True)


def _taken(disk: disk_areas.Disk, area: disk_areas.Area, block: fs_volume.Volume) -> Filesystem:
    """Return an xfs or a btrfs. Their own tools repair them, and when they are mounted so does the kernel."""
    path, offset = disk.place(area)
    try:
        is_clean = fs_volume.reader(block.fstype, path, offset).is_clean
    except Damaged as error:
        raise GoldsmithError(f"the file system in {described(disk, area)} cannot be read: {error}") from None
    if not is_clean:
        raise GoldsmithError(
            f"the file system in {described(disk, area)} is not clean: the guest was not shut down cleanly",
            hint="shut the guest down in an orderly way",
        )
    return Filesystem(area, block, path, offset, repaired=False)


def described(disk: disk_areas.Disk, area: disk_areas.Area) -> str:
    """Return what a user calls an area, with its disk."""
    kind = "volume" if area.volume else "partition"
    return f"{kind} {area.name} of {disk.image.path}" if area.number or area.volume else disk.image.path


def _fault(disk: disk_areas.Disk, path: str, offset: int) -> str:
    result = disk.runner.run(["e2fsck", "-fn", e2fs.target(path, offset)], check=False)
    if result.rc == 0:
        return ""
    said = [line.strip() for line in result.stdout.splitlines() if line.strip() and not line.startswith("Pass ")]
    # The last line is a summary, and names our own copy.
    return next(iter(said), result.last_line).replace(path, "it")


def _written(path: str, offset: int) -> int:
    """Return when the file system was written last: the repair gets that time, so it gives the same bytes each time."""
    with open(path, "rb") as file:
        file.seek(offset + 1024 + 48)
        return int.from_bytes(file.read(4), "little")
