# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image or a tree held against every rule, without a mount."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit import (
    boot_ramdisk,
    instance_ids,
    leftovers,
    requirements,
    resize_cloud_init,
    resize_lvm,
    resize_xen,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.rule import (
    FAIL,
    RULES,
    Finding,
    Guest,
    LogicalVolume,
    Rule,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import TreeFiles
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.volume_walker import files_of
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.walker import GuestFiles
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.scratch import scratch_folder
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import disk_areas, qemu_img
from ansible_collections.goldsmith.openstack.plugins.module_utils._lvm.naming import Stretch

# These files enter their rules into RULES when they are imported.
RULE_FILES = (resize_cloud_init, resize_lvm, resize_xen, requirements, boot_ramdisk, instance_ids, leftovers)
STRATEGIES = tuple(dict.fromkeys(entry.resize for entry in RULES if entry.resize))


@dataclass(frozen=True)
class Request:
    """What the image shall be: the strategy of its growth, its account, and what of the site's it may hold.

    *rules* are the ids of those that count; none: all.
    """

    resize: str = "cloud_init"
    user: str | None = None
    proxy: tuple[str, ...] = ()
    authorized_keys: tuple[str, ...] = ()
    properties: Mapping[str, Any] = field(default_factory=dict)
    rules: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.resize not in STRATEGIES:
            raise OptionError("resize", self.resize, f"is not known; one of {', '.join(STRATEGIES)}")
        known = dict.fromkeys(entry.id for entry in RULES)
        for name in self.rules:
            if name not in known:
                raise OptionError("rules", name, f"is not known; of {', '.join(known)}")


@dataclass(frozen=True)
class Result:
    """A rule and what it found."""

    rule: Rule
    finding: Finding

    def describe(self) -> dict[str, object]:
        """Return the result as a playbook sees it."""
        return {
            "id": self.rule.id,
            "title": self.rule.title,
            "verdict": self.finding.verdict,
            "evidence": list(self.finding.evidence),
        }


@dataclass(frozen=True)
class Root:
    """Where the root file system is, and what the disk around it is made of."""

    files: GuestFiles
    filesystem: str | None = None
    partitions: tuple[str, ...] | None = None
    partition_numbers: tuple[int, ...] | None = None
    volume: LogicalVolume | None = None


def run(runner: Runner, path: str, request: Request) -> list[Result]:
    """Hold the system at *path* against every rule that is for its strategy."""
    with open_root(runner, path) as root:
        guest = Guest(
            files=root.files,
            resize=request.resize,
            user=request.user,
            proxy=request.proxy,
            authorized_keys=request.authorized_keys,
            filesystem=root.filesystem,
            partitions=root.partitions,
            volume=root.volume,
            partition_numbers=root.partition_numbers,
            properties=request.properties,
            runner=runner,
        )
        # What OpenStack asks for first; its ids begin with a capital.
        rules = [entry for entry in RULES if entry.resize in (None, request.resize)]
        rules = [entry for entry in rules if not request.rules or entry.id in request.rules]
        return [Result(entry, entry.judge(guest)) for entry in sorted(rules, key=lambda entry: entry.id[0].islower())]


def broken(results: list[Result]) -> list[str]:
    """Return the ids of the rules that are broken."""
    return [result.rule.id for result in results if result.finding.verdict == FAIL]


@contextmanager
def open_root(runner: Runner, path: str) -> Iterator[Root]:
    """Yield the root file system of a tree, of a file system image or of a disk image."""
    if os.path.isdir(path):
        files = TreeFiles(path)
        if not files.exists("/etc"):
            raise OptionError("path", path, "is a folder without etc", hint="name the root of a tree")
        yield Root(files)
        return
    if not os.path.isfile(path):
        raise OptionError("path", path, "is neither a file nor a folder")
    image = qemu_img.inspect(runner, path)
    with scratch_folder("audit") as folder:
        yield _root(disk_areas.Disk(runner, image, str(folder)))


def _root(disk: disk_areas.Disk) -> Root:
    """Find the root file system by its content, the largest first; no more than it is unpacked."""
    whole = disk_areas.Area(0, (Stretch(0, disk.image.virtual_size),))
    is_bare = disk.fstype(whole) is not None
    for area in [whole] if is_bare else sorted(disk.areas, key=lambda area: -area.size):
        if fstype := disk.fstype(area):
            files = files_of(fstype, *disk.place(area), disk.image.path)
            if is_bare or files.exists("/etc"):
                parts = () if is_bare or disk.table is None else disk.table.partitions
                types = tuple(part.type for part in parts)
                numbers = None if is_bare else tuple(part.number for part in parts)
                return Root(files, fstype, types, numbers, _volume(area))
    raise GoldsmithError(
        f"{disk.image.path} holds no root file system of the kind ext2, ext3, ext4, xfs or btrfs",
        hint=disk.trouble() or "others cannot be read without a mount; audit the tree instead",
    )


def _volume(area: disk_areas.Area) -> LogicalVolume | None:
    group, _slash, name = area.volume.partition("/")
    return LogicalVolume(group, name, area.free_extents) if name else None
