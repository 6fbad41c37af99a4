# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The root file system of a disk as a folder, together with the others that its fstab mounts."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import extract_plan
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import disk_settings, fstab
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import TreeFiles
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.walker import Entry
from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.program import program
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.progress import Progress
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import checked_filesystem, disk_areas


def write(
    disk: disk_areas.Disk,
    root: checked_filesystem.Filesystem,
    todo: extract_plan.ExtractPlan,
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
        # An fstab that stays goes on naming them.
        unwanted = todo.unwanted_in(part.mountpoint) if root_source else []
        facts = _unpack_one(disk, source, tree, part, todo.hidden(part.mountpoint), unwanted)
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
        rewrite_fstab(tree, todo, root_source, root_filesystem)
    return done


def _unpack_one(
    disk: disk_areas.Disk,
    source: checked_filesystem.Filesystem,
    tree: str,
    part: extract_plan.Part,
    hidden: Sequence[str],
    unwanted: Sequence[str],
) -> dict[str, Any]:
    request = {
        "path": source.path,
        "offset": source.offset,
        "fstype": source.block.fstype,
        "subvolume": part.subvolume,
        "mountpoint": part.mountpoint,
        "hidden": list(hidden),
        "unwanted": list(unwanted),
    }
    return unpack(disk.runner, f"the file system in {checked_filesystem.described(disk, source.area)}", tree, request)


def unpack(runner: Runner, what: str, tree: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Write files into a tree, as the program of C(unpack) takes a request; return what it says that it made."""
    progress = Progress(f"files of {request['mountpoint']}", 100, "%")
    heard: dict[str, Any] = {}

    def hear(line: str) -> None:
        said = json.loads(line)
        if said.get("total"):
            progress(100 * said["done"] / said["total"])
        else:
            heard.update(said)

    words = {**request, "tree": os.path.abspath(tree)}
    argv, stdin = program(*checked_filesystem.UNPACKER, request=words)
    result = runner.run([*namespaces.prefix(), *argv], check=False, stdin=stdin, on_line=hear)
    if "damaged" in heard:
        raise GoldsmithError(f"{what} cannot be unpacked: {heard['damaged']}")
    if "failed" in heard:
        raise GoldsmithError(f"cannot write {heard['name'] or tree} below {tree}: {heard['failed']}")
    if "unpacked" not in heard:
        raise GoldsmithError(f"{what} cannot be unpacked: {result.last_line}")
    return heard["unpacked"]


def rewrite_fstab(tree: str, todo: extract_plan.ExtractPlan, root_source: str, root_filesystem: str) -> None:
    """Have the fstab of a tree mount its new root, and nothing that has no meaning any more."""
    files = TreeFiles(tree)
    found = files.find(extract_plan.FSTAB)
    if found and found.is_file:
        _edit(tree, files, found, lambda text: fstab.rewritten(text, root_source, root_filesystem, drop=todo.drops))


def rewrite_boot(tree: str, root_source: str) -> list[str]:
    """Have the settings of the boot loader start the system from its new root; return the paths of those that change.

    Kernels that lay in a file system of their own, or in a subvolume, are in /boot of the root now.
    """
    files = TreeFiles(tree)

    def place(path: str) -> str:
        names = path.strip("/").split("/")
        below = ("/".join(names[start:]) for start in range(len(names)))
        places = (f"{folder}/{name}" for name in below for folder in ("", "/boot"))
        return next((one for one in places if (found := files.find(one)) and found.is_file), path)

    def with_root(text: str) -> str:
        return disk_settings.root_arguments(text, root_source)

    edits: list[tuple[str, Callable[[str], str]]] = [(pattern, with_root) for pattern in disk_settings.ROOT_FILES]
    edits.append((disk_settings.BOOT_ENTRIES, lambda text: disk_settings.boot_entry(with_root(text), place)))
    done = []
    for pattern, change in edits:
        for path in files.glob(pattern):
            found = files.find(path)
            if found and found.is_file and found.path not in done and _edit(tree, files, found, change):
                done.append(found.path)
    return done


def _edit(tree: str, files: TreeFiles, found: Entry, change: Callable[[str], str]) -> bool:
    """Change the text of a file; its path is a real one inside the tree, and nobody else writes there yet."""
    text = files.text(found.path)
    if text is None or len(text.encode("utf-8", "surrogateescape")) < found.size:
        raise GoldsmithError(f"{found.path} of {found.size} bytes is too big to be rewritten")
    new = change(text)
    if new == text:
        return False
    descriptor = os.open(tree + found.path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    with open(descriptor, "r+b") as file:
        status = os.fstat(descriptor)
        file.truncate()
        file.write(new.encode("utf-8", "surrogateescape"))
        file.flush()
        # Its age is not that of this run: the same disk gives the same tree.
        os.utime(descriptor, ns=(status.st_atime_ns, status.st_mtime_ns))
    return True
