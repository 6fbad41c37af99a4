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

from ansible_collections.goldsmith.openstack.plugins.module_utils import _ext, _partitions, _qemu_img, _tree
from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._files import replace_if_different
from ansible_collections.goldsmith.openstack.plugins.module_utils._progress import Progress
from ansible_collections.goldsmith.openstack.plugins.module_utils._run import Runner


@dataclass(frozen=True)
class Outputs:
    """Host paths to write to; None: not wanted."""

    root: str | None
    kernel: str | None
    ramdisk: str | None


def extract(
    runner: Runner, source: str, outputs: Outputs, *, partition: int | None, check_mode: bool
) -> dict[str, Any]:
    """Write the parts of a raw disk into files; those that hold the same bytes already are kept."""
    if not os.path.isfile(source):
        raise OptionError("src", source, "is not a file")
    paths = [os.path.realpath(path) for path in (source, outputs.root, outputs.kernel, outputs.ramdisk) if path]
    if len(set(paths)) != len(paths):
        raise OptionError("src", source, "root, kernel and ramdisk must be different files")
    disk = _qemu_img.inspect(runner, source)
    if disk.format != _qemu_img.RAW:
        raise OptionError("src", source, f"is {disk.format}", hint="convert it with disk_convert format=raw first")
    start, size = _find_root(runner, source, disk.virtual_size, partition)
    kernel = _find_kernel(runner, source, start) if outputs.kernel or outputs.ramdisk else None
    node = _qemu_img.region(disk, start, size)
    progress = Progress("root file system", 100, "%")
    parts = [(outputs.root, partial(_qemu_img.convert, runner, node, format=_qemu_img.RAW, on_percent=progress))]
    if kernel:
        for path, name in ((outputs.kernel, kernel.image), (outputs.ramdisk, kernel.ramdisk)):
            parts.append((path, partial(_ext.read_out, runner, source, name, offset=start)))
    changed = [path for path, make in parts if path and replace_if_different(path, make, check_mode=check_mode)]
    return {
        "changed": bool(changed),
        "start": start,
        "root_size": size,
        "kernel_version": kernel.version if kernel else None,
        "diff": {"before": "", "after": "".join(f"{path}\n" for path in changed)},
    }


def _find_root(runner: Runner, path: str, size: int, number: int | None) -> tuple[int, int]:
    table = _partitions.read_table(runner, path)
    if table is None:
        block = _ext.read_superblock(path)
        if block is None:
            raise OptionError("src", path, "has neither a partition table nor an ext file system")
        return 0, min(block.size, size)
    found = []
    for part in table.partitions:
        block = _ext.read_superblock(path, part.start)
        if block and (number in (None, part.number)):
            # The file system may be smaller than its partition; what lies behind it is not part of it.
            found.append((part.start, min(block.size, part.size)))
    if len(found) != 1:
        raise OptionError(
            "partition", number, f"selects {len(found)} ext file systems of {path}, not one", hint="name its number"
        )
    return found[0]


def _find_kernel(runner: Runner, path: str, start: int) -> _tree.Kernel:
    entries = _ext.list_folders(runner, path, ["/boot"], offset=start).get("/boot", [])
    names = [entry.name for entry in entries if stat.S_ISREG(entry.mode)]
    if not names:
        raise GoldsmithError(f"{path} has no files in /boot", hint="is its kernel in another file system?")
    return _tree.newest_kernel(names, path)
