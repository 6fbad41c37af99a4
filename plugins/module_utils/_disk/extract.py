# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Root file system, kernel and initrd out of a disk image, as files or as a tree, without a mount."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import extract_plan, extract_tree
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import os_release
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import TreeFiles, shown
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.volume_walker import files_of
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.walker import GuestFiles
from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.files import (
    file_error,
    replace_if_different,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.progress import Progress
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.records import read_record, write_record
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


@dataclass(frozen=True)
class Outputs:
    """Host paths to write to; None: not wanted. *tree* is a folder, the others are files."""

    root: str | None
    kernel: str | None
    ramdisk: str | None
    tree: str | None = None


@dataclass(frozen=True)
class Request:
    """Which file system is the root, and what may be done to it.

    *root_source* is what the fstab of a tree shall mount on /, a *root_filesystem*; empty: its fstab is left as it is.
    """

    partition: int | None = None
    volume: str | None = None
    repair: bool = False
    root_source: str = ""
    root_filesystem: str = "ext4"


def extract(
    runner: Runner,
    source: str,
    outputs: Outputs,
    request: Request = Request(),
    *,
    format: str | None = None,
    check_mode: bool,
) -> dict[str, Any]:
    """Write the parts of a disk; files that hold the same bytes already, and a tree of the same disk, are kept.

    *format* None: as its first bytes say.
    """
    if not os.path.isfile(source):
        raise OptionError("src", source, "is not a file")
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
    return {"filesystems": done, "left_out": left_out, "warnings": _warnings(done, left_out)}


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
        warnings = _warnings(facts.get("filesystems", ()), facts.get("left_out", ()))
        if rewritten := facts.get("rewritten"):
            warnings.append(f"{', '.join(map(shown, rewritten))}: the kernel gets its new root, and no volume of the old")
        if warnings:
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
        runner, record = self._disk.runner, f"{tree}.json"
        definition = self._fingerprint()
        found = read_record(record)
        if found.get("definition") == definition and os.path.isdir(tree):
            return False, found["facts"]
        if os.path.lexists(tree) and (os.path.islink(tree) or not os.path.isdir(tree)):
            raise OptionError("tree", tree, "is not a folder", hint="name a new or an empty one")
        if os.path.isdir(tree) and os.listdir(tree) and not found:
            raise OptionError("tree", tree, "is a folder with other content", hint="choose one that is empty")
        require_privacy("tree", tree)
        todo = extract_plan.plan(self._disk, self._root)
        left_out = todo.describe_left_out(rewritten=bool(self._choice.root_source))
        if self._check_mode:
            parts = [{"mountpoint": part.mountpoint, "area": part.area.name} for part in todo.parts]
            return True, {"filesystems": parts, "left_out": left_out}
        namespaces.check(runner)
        prefix, made = namespaces.prefix(), f"{os.path.abspath(tree)}.partial"
        rootfs.remove(runner, made, prefix)
        try:
            os.makedirs(made, mode=0o700)
            request = self._choice
            done = extract_tree.write(
                self._disk,
                self._root,
                todo,
                made,
                repair=request.repair,
                root_source=request.root_source,
                root_filesystem=request.root_filesystem,
            )
            rewritten = extract_tree.rewrite_boot(made, request.root_source) if request.root_source else []
            files = TreeFiles(made)
            kernel = rootfs.kernel_of(files, self._disk.image.path)
            system = os_release.parse(next((text for path in os_release.PATHS if (text := files.text(path))), ""))
            facts = {"filesystems": done, "left_out": left_out, "kernel_version": kernel.version, "os": system}
            facts["rewritten"] = rewritten
            # A run that is killed from here on leaves a folder that is known to be ours, and is made again.
            write_record(record, {"definition": None})
            rootfs.remove(runner, tree, prefix)
            os.rename(made, tree)
        except BaseException:
            rootfs.remove(runner, made, prefix)
            raise
        write_record(record, {"definition": definition, "facts": facts})
        return True, facts

    def _fingerprint(self) -> str:
        path, request = self._disk.image.path, self._choice
        status = os.stat(path)
        values = [os.path.realpath(path), status.st_size, status.st_mtime_ns, self._root.area.name]
        values += [request.repair, request.root_source, request.root_filesystem]
        return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def require_privacy(option: str, tree: str) -> None:
    """Raise OptionError where other accounts get to a tree of foreign files, among them setuid programs and devices."""
    folder = os.path.realpath(os.path.dirname(os.path.abspath(tree)))
    while not os.path.isdir(folder) or not _is_closed(os.stat(folder)):
        if folder == "/":
            raise OptionError(
                option,
                tree,
                "other accounts of this host could start the setuid programs of the disk there",
                hint="put it below a folder of your own with mode 0700",
            )
        folder = os.path.dirname(folder)


def _is_closed(status: os.stat_result) -> bool:
    # Where there is an ACL, the bits of the group bound what it gives to others.
    return status.st_uid in (0, os.geteuid()) and not status.st_mode & 0o011


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


def _warnings(filesystems: Sequence[Mapping[str, Any]], left_out: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what a user has to know of what could not be made."""
    said = []
    for part in filesystems:
        counts = dict(part.get("attributes_left_out", {}))
        if part.get("devices_left_out"):
            counts["device files"] = part["devices_left_out"]
        listed = ", ".join(f"{name}: {count}" for name, count in sorted(counts.items()))
        if listed:
            said.append(f"left out of {part['mountpoint']}, because only root can make them: {listed}")
    return [*said, *(line for left in left_out if (line := _said_of(left)))]


def _said_of(left: Mapping[str, Any]) -> str:
    source, reason = left["source"], left["reason"]
    if reason == extract_plan.NOT_MOUNTED:
        return f"{source} holds a file system that fstab does not mount; it is left out"
    if left.get("dropped"):
        return f"{extract_plan.FSTAB} loses {source} on {left['mountpoint']}: {reason}"
    return ""


def _raw(path: str) -> qemu_img.Image:
    size = os.path.getsize(path)
    return qemu_img.Image(path, qemu_img.RAW, size, size)
