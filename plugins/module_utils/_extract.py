# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Root file system, kernel and initrd out of a disk image, without a mount. Floor 3."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from functools import partial
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils import _areas, _ext, _qemu_img, _tree
from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._files import replace_if_different
from ansible_collections.goldsmith.openstack.plugins.module_utils._progress import Progress
from ansible_collections.goldsmith.openstack.plugins.module_utils._run import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._scratch import scratch_folder


@dataclass(frozen=True)
class Outputs:
    """Host paths to write to; None: not wanted."""

    root: str | None
    kernel: str | None
    ramdisk: str | None


def extract(
    runner: Runner,
    source: str,
    outputs: Outputs,
    *,
    partition: int | None = None,
    volume: str | None = None,
    check_mode: bool,
) -> dict[str, Any]:
    """Write the parts of a raw disk into files; those that hold the same bytes already are kept."""
    if not os.path.isfile(source):
        raise OptionError("src", source, "is not a file")
    paths = [os.path.realpath(path) for path in (source, outputs.root, outputs.kernel, outputs.ramdisk) if path]
    if len(set(paths)) != len(paths):
        raise OptionError("src", source, "root, kernel and ramdisk must be different files")
    image = _qemu_img.inspect(runner, source)
    if image.format != _qemu_img.RAW:
        raise OptionError("src", source, f"is {image.format}", hint="convert it with disk_convert format=raw first")
    with scratch_folder("extract") as folder:
        disk = _areas.Disk(runner, image, str(folder))
        return _extract(disk, _find_root(disk, partition, volume), outputs, check_mode=check_mode)


def _extract(disk: _areas.Disk, area: _areas.Area, outputs: Outputs, *, check_mode: bool) -> dict[str, Any]:
    # The file system may be smaller than its partition; what lies behind it is not part of it.
    size = min(disk.superblock(area).size, area.size)
    progress = Progress("root file system", 100, "%")
    nodes = disk.nodes(area, size)
    parts = [(outputs.root, partial(_qemu_img.convert, disk.runner, nodes, format=_qemu_img.RAW, on_percent=progress))]
    kernel = None
    if outputs.kernel or outputs.ramdisk:
        path, start = disk.place(area)
        kernel = _find_kernel(disk, path, start)
        for output, name in ((outputs.kernel, kernel.image), (outputs.ramdisk, kernel.ramdisk)):
            parts.append((output, partial(_ext.read_out, disk.runner, path, name, offset=start)))
    changed = [path for path, make in parts if path and replace_if_different(path, make, check_mode=check_mode)]
    return {
        "changed": bool(changed),
        "start": area.start,
        "root_size": size,
        "partition": area.number or None,
        "volume": area.volume or None,
        "kernel_version": kernel.version if kernel else None,
        "diff": {"before": "", "after": "".join(f"{path}\n" for path in changed)},
    }


def _find_root(disk: _areas.Disk, partition: int | None, volume: str | None) -> _areas.Area:
    areas = _areas.choose(disk, partition=partition, volume=volume)
    found = [area for area in areas if disk.superblock(area)]
    if len(found) > 1:
        # Of several the one that looks like a root.
        found = [area for area in found if _holds_system(disk, area)] or found
    if len(found) == 1:
        return found[0]
    path = disk.image.path
    if disk.table is None and not found:
        more = f": {trouble}" if (trouble := disk.trouble()) else ""
        raise OptionError("src", path, f"has neither a partition table nor an ext file system{more}")
    option, value = ("volume", volume) if volume else ("partition", partition)
    if found:
        hint = f"name the partition or volume, one of {', '.join(area.name for area in found)}"
    else:
        hint = disk.trouble() or "only ext2, ext3 and ext4 can be taken out"
    raise OptionError(option, value, f"selects {len(found)} ext file systems of {path}, not one", hint=hint)


def _holds_system(disk: _areas.Disk, area: _areas.Area) -> bool:
    path, start = disk.place(area)
    return bool(_ext.list_folders(disk.runner, path, ["/etc"], offset=start).get("/etc"))


def _find_kernel(disk: _areas.Disk, path: str, start: int) -> _tree.Kernel:
    entries = _ext.list_folders(disk.runner, path, ["/boot"], offset=start).get("/boot", [])
    names = [entry.name for entry in entries if stat.S_ISREG(entry.mode)]
    if not names:
        raise GoldsmithError(f"{disk.image.path} has no files in /boot", hint="is its kernel in another file system?")
    return _tree.newest_kernel(names, disk.image.path)
