# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree made of a disk, a folder or a tar: whole or not at all, made once, with settings for its new root."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import extract_plan, extract_tree
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import os_release
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import TreeFiles, shown
from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces, removal
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.records import read_record, write_record
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import rootfs


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


@dataclass(frozen=True)
class Outputs:
    """Host paths to write to; None: not wanted. *tree* is a folder, the others are files."""

    root: str | None
    kernel: str | None
    ramdisk: str | None
    tree: str | None = None


class Source(Protocol):
    """What a tree is made of."""

    @property
    def path(self) -> str:
        """Where it is on this host."""

    def identity(self) -> list[Any]:
        """What tells it from another, and from what it was before."""

    def plan(self) -> extract_plan.ExtractPlan:
        """What its fstab asks for."""

    def parts(self, todo: extract_plan.ExtractPlan) -> list[dict[str, Any]]:
        """What would be laid into the tree."""

    def write(self, todo: extract_plan.ExtractPlan, folder: str) -> list[dict[str, Any]]:
        """Fill an empty folder; return what was laid into it."""


def lay(
    runner: Runner, source: Source, tree: str, request: Request, *, check_mode: bool
) -> tuple[bool, dict[str, Any]]:
    """Make the tree; return whether that was needed, and its facts."""
    record = f"{tree}.json"
    values = [*source.identity(), request.repair, request.root_source, request.root_filesystem]
    definition = hashlib.sha256(json.dumps(values).encode()).hexdigest()
    found = read_record(record)
    if found.get("definition") == definition and os.path.isdir(tree):
        return False, found["facts"]
    if os.path.lexists(tree) and (os.path.islink(tree) or not os.path.isdir(tree)):
        raise OptionError("tree", tree, "is not a folder", hint="name a new or an empty one")
    if os.path.isdir(tree) and os.listdir(tree) and not found:
        raise OptionError("tree", tree, "is a folder with other content", hint="choose one that is empty")
    require_privacy("tree", tree)
    todo = source.plan()
    left_out = todo.describe_left_out(rewritten=bool(request.root_source))
    if check_mode:
        return True, {"filesystems": source.parts(todo), "left_out": left_out}
    namespaces.check(runner)
    prefix, made = namespaces.prefix(), f"{os.path.abspath(tree)}.partial"
    removal.remove(runner, made, prefix)
    try:
        os.makedirs(made, mode=0o700)
        done = source.write(todo, made)
        rewritten = extract_tree.rewrite_boot(made, request.root_source) if request.root_source else []
        files = TreeFiles(made)
        kernel = rootfs.kernel_of(files, source.path)
        system = os_release.parse(next((text for path in os_release.PATHS if (text := files.text(path))), ""))
        facts = {"filesystems": done, "left_out": left_out, "kernel_version": kernel.version, "os": system}
        facts["rewritten"] = rewritten
        # A run that is killed from here on leaves a folder that is known to be ours, and is made again.
        write_record(record, {"definition": None})
        removal.remove(runner, tree, prefix)
        os.rename(made, tree)
    except BaseException:
        removal.remove(runner, made, prefix)
        raise
    write_record(record, {"definition": definition, "facts": facts})
    return True, facts


def warnings(facts: Mapping[str, Any]) -> list[str]:
    """Return what a user has to know of what was left out or changed."""
    said = []
    for part in facts.get("filesystems", ()):
        counts = dict(part.get("attributes_left_out", {}))
        if part.get("devices_left_out"):
            counts["device files"] = part["devices_left_out"]
        listed = ", ".join(f"{name}: {count}" for name, count in sorted(counts.items()))
        if listed:
            said.append(f"left out of {part['mountpoint']}, because only root can make them: {listed}")
    said += [line for left in facts.get("left_out", ()) if (line := _said_of(left))]
    if rewritten := facts.get("rewritten"):
        said.append(f"{', '.join(map(shown, rewritten))}: the kernel gets its new root, and no volume of the old")
    return said


def _said_of(left: Mapping[str, Any]) -> str:
    source, reason = left["source"], left["reason"]
    if reason == extract_plan.NOT_MOUNTED:
        return f"{source} holds a file system that fstab does not mount; it is left out"
    if left.get("dropped"):
        return f"{extract_plan.FSTAB} loses {source} on {left['mountpoint']}: {reason}"
    return ""


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
