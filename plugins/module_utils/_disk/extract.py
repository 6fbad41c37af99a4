# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Root file system, kernel and initrd out of a disk image, as files or as a tree, without a mount."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import (
    extract_plan,
    extract_tree,
    files_source,
    lay_tree,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._disk.lay_tree import Outputs, Request
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import TreeFiles
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.volume_walker import files_of
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.walker import GuestFiles
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.files import (
    file_error,
    replace_if_different,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.progress import Progress
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.scratch import scratch_folder
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import (
    checked_filesystem,
    disk_areas,
    qemu_img,
    recognition,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import rootfs

_LARGEST_PART = 1 << 30
_BY_ITSELF = Request()


def extract(
    runner: Runner,
    source: str,
    outputs: Outputs,
    request: Request = _BY_ITSELF,
    *,
    format: str | None = None,
    check_mode: bool,
) -> dict[str, Any]:
    """Write the parts of a disk; files that hold the same bytes already, and a tree of the same disk, are kept.

    *format* None: as its first bytes say.
    """
    if format is None and (kind := files_source.kind_of(source)):
        return files_source.extract(runner, source, kind, outputs, request, check_mode=check_mode)
    if not os.path.isfile(source):
        raise OptionError("src", source, "is neither a file nor a folder")
    wanted = (source, outputs.root, outputs.kernel, outputs.ramdisk, outputs.tree)
    paths = [os.path.realpath(path) for path in wanted if path]
    if len(set(paths)) != len(paths):
        raise OptionError("src", source, "root, kernel, ramdisk and tree must be different files")
    with scratch_folder("extract") as folder:
        disk = _open(runner, source, format, str(folder))
        try:
            root = _find_root(disk, request)
            facts = {"format": disk.image.format, "virtual_size": disk.image.virtual_size, "start": root.start}
            facts |= {"partition": root.number or None, "volume": root.volume or None}
            return facts | _Extraction(disk, root, outputs, request, check_mode=check_mode).run()
        except OSError as error:
            raise file_error(error.filename or outputs.tree or str(folder), error) from error


def lay_out(runner: Runner, source: str, folder: str) -> dict[str, Any]:
    """Lay the system of a disk image out in an empty folder, its fstab as it is.

    Return C(filesystems) and C(left_out), and C(warnings) where something could not be made.
    """
    with scratch_folder("extract") as scratch:
        disk = _open(runner, source, None, str(scratch))
        root = checked_filesystem.take(disk, _find_root(disk, Request()), repair=False)
        todo = extract_plan.plan(disk, root)
        done = extract_tree.write(disk, root, todo, folder, repair=False, root_source="", root_filesystem="")
    left_out = todo.describe_left_out(rewritten=False)
    facts = {"filesystems": done, "left_out": left_out}
    return facts | {"warnings": lay_tree.warnings(facts)}


def _open(runner: Runner, source: str, format: str | None, folder: str) -> disk_areas.Disk:
    recognition.require_unused(source)
    image = qemu_img.inspect(runner, source, format)
    if image.format == qemu_img.QCOW2:
        qemu_img.require_whole(runner, image)
    return disk_areas.Disk(runner, image, folder)


class _Extraction:
    """The parts of one disk on their way out."""

    def __init__(
        self, disk: disk_areas.Disk, root: disk_areas.Area, outputs: Outputs, request: Request, *, check_mode: bool
    ) -> None:
        self._disk, self._outputs, self._choice, self._check_mode = disk, outputs, request, check_mode
        self._seconds: dict[str, float] = {}
        self._began = time.monotonic()
        self._root = checked_filesystem.take(disk, root, repair=request.repair, check=bool(outputs.tree))
        self._passed("check")

    def run(self) -> dict[str, Any]:
        """Write what is wanted; return the facts of it."""
        changed: list[str] = []
        facts: dict[str, Any] = {"root_size": self._root.size, "repaired": self._root.repaired, "kernel_version": None}
        boot_files = self._outputs.kernel or self._outputs.ramdisk
        if boot_files and not self._outputs.tree:
            different, facts["kernel_version"] = self._boot_files()
            changed += different
            self._passed("kernel")
        # The copy that the root may lie in is gone once the tree is made.
        if self._outputs.root:
            changed += [self._outputs.root] if self._replace(self._outputs.root, self._write_root) else []
            self._passed("root")
        if self._outputs.tree:
            different, more = self._tree(self._outputs.tree)
            facts |= more
            changed += [self._outputs.tree] if different else []
            self._passed("tree")
        if boot_files and self._outputs.tree:
            different, facts["kernel_version"] = self._boot_files()
            changed += different
            self._passed("kernel")
        if warnings := lay_tree.warnings(facts):
            facts["warnings"] = warnings
        diff = {"before": "", "after": "".join(f"{path}\n" for path in changed)}
        return {"changed": bool(changed), **facts, "seconds": self._seconds, "diff": diff}

    def _passed(self, step: str) -> None:
        now = time.monotonic()
        self._seconds[step] = round(now - self._began, 2)
        self._began = now

    def _replace(self, path: str, make: Any) -> bool:
        return replace_if_different(path, make, check_mode=self._check_mode)

    def _write_root(self, path: str) -> None:
        progress = Progress("root file system", 100, "%")
        root = self._root
        if root.repaired:
            nodes = [qemu_img.region(_raw(root.path), root.offset, root.size)]
        else:
            nodes = list(self._disk.nodes(root.area, root.size))
        qemu_img.convert(self._disk.runner, nodes, path, format=qemu_img.RAW, on_percent=progress)

    def _boot_files(self) -> tuple[list[str], str | None]:
        there = self._outputs.tree and os.path.isdir(self._outputs.tree) and os.listdir(self._outputs.tree)
        if there:
            return self._boot_files_of(TreeFiles(self._outputs.tree), self._outputs.tree)
        if self._outputs.tree:
            # In check mode nothing was joined yet.
            return [path for path in (self._outputs.kernel, self._outputs.ramdisk) if path], None
        where = checked_filesystem.described(self._disk, self._root.area)
        fstype, path, offset = self._root.block.fstype, self._root.path, self._root.offset
        subvolume = extract_plan.root_subvolume(fstype, path, offset, where)
        files = files_of(fstype, path, offset, where, subvolume)
        return self._boot_files_of(files, self._disk.image.path)

    def _boot_files_of(self, files: GuestFiles, where: str) -> tuple[list[str], str]:
        if not files.names("/boot"):
            raise GoldsmithError(
                f"{where} has no files in /boot",
                hint="is its kernel in another file system? With tree, those that its fstab mounts are joined to it",
            )
        kernel = rootfs.kernel_of(files, where)
        different = []
        for output, name in ((self._outputs.kernel, kernel.image), (self._outputs.ramdisk, kernel.ramdisk)):
            if output and self._replace(output, partial(files.copy_out, name, limit=_LARGEST_PART)):
                different.append(output)
        return different, kernel.version

    def _tree(self, tree: str) -> tuple[bool, dict[str, Any]]:
        source = _DiskSource(self._disk, self._root, self._choice)
        return lay_tree.lay(self._disk.runner, source, tree, self._choice, check_mode=self._check_mode)


@dataclass(frozen=True)
class _DiskSource:
    """The root of a disk, and what its fstab mounts, as what a tree is made of."""

    disk: disk_areas.Disk
    root: checked_filesystem.Filesystem
    request: Request

    @property
    def path(self) -> str:
        return self.disk.image.path

    def identity(self) -> list[Any]:
        status = os.stat(self.path)
        return [os.path.realpath(self.path), status.st_size, status.st_mtime_ns, self.root.area.name]

    def plan(self) -> extract_plan.ExtractPlan:
        return extract_plan.plan(self.disk, self.root)

    def parts(self, todo: extract_plan.ExtractPlan) -> list[dict[str, Any]]:
        return [{"mountpoint": part.mountpoint, "area": part.area.name} for part in todo.parts]

    def write(self, todo: extract_plan.ExtractPlan, folder: str) -> list[dict[str, Any]]:
        request = self.request
        return extract_tree.write(
            self.disk,
            self.root,
            todo,
            folder,
            repair=request.repair,
            root_source=request.root_source,
            root_filesystem=request.root_filesystem,
        )


def _find_root(disk: disk_areas.Disk, request: Request) -> disk_areas.Area:
    areas = disk_areas.choose(disk, partition=request.partition, volume=request.volume)
    found = [area for area in areas if disk.fstype(area)]
    if len(found) > 1:
        # Of several the one that looks like a root.
        found = [area for area in found if _holds_system(disk, area)] or found
    if len(found) == 1:
        return found[0]
    path = disk.image.path
    trouble = disk.trouble()
    if disk.table is None and not found:
        raise OptionError(
            "src", path, f"has neither a partition table nor a known file system{f': {trouble}' if trouble else ''}"
        )
    option, value = ("volume", request.volume) if request.volume else ("partition", request.partition)
    if found:
        hint = f"name the partition or volume, one of {', '.join(area.name for area in found)}"
    else:
        hint = trouble or "only ext2, ext3, ext4, xfs and btrfs can be taken out"
    raise OptionError(option, value, f"selects {len(found)} file systems of {path}, not one", hint=hint)


def _holds_system(disk: disk_areas.Disk, area: disk_areas.Area) -> bool:
    path, start = disk.place(area)
    fstype = disk.fstype(area) or ""
    try:
        where = checked_filesystem.described(disk, area)
        subvolume = extract_plan.root_subvolume(fstype, path, start, where)
        return bool(files_of(fstype, path, start, where, subvolume).names("/etc"))
    except GoldsmithError:
        return False


def _raw(path: str) -> qemu_img.Image:
    size = os.path.getsize(path)
    return qemu_img.Image(path, qemu_img.RAW, size, size)
