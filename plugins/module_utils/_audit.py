# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image or a tree held against every rule, without a mount. Floor 3."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ansible_collections.goldsmith.openstack.plugins.module_utils import (
    _audit_leftovers,
    _audit_requirements,
    _audit_resize_cloud_init,
    _audit_resize_lvm,
    _audit_resize_xen,
    _ext,
    _partitions,
    _qemu_img,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._audit_rule import FAIL, RULES, Finding, Guest, Rule
from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest_files import ExtFiles, GuestFiles, TreeFiles
from ansible_collections.goldsmith.openstack.plugins.module_utils._run import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._scratch import scratch_folder
from ansible_collections.goldsmith.openstack.plugins.module_utils._sizes import MIB

# These files enter their rules into RULES when they are imported.
RULE_FILES = (_audit_resize_cloud_init, _audit_resize_lvm, _audit_resize_xen, _audit_requirements, _audit_leftovers)
STRATEGIES = tuple(dict.fromkeys(entry.resize for entry in RULES if entry.resize))


@dataclass(frozen=True)
class Wanted:
    """What the image shall be: the strategy of its growth, its account, and what of the site's it may hold."""

    resize: str = "cloud_init"
    user: str | None = None
    proxy: str | None = None
    authorized_keys: tuple[str, ...] = ()


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


def run(runner: Runner, path: str, wanted: Wanted) -> list[Result]:
    """Hold the system at *path* against every rule that is for its strategy."""
    if wanted.resize not in STRATEGIES:
        raise OptionError("resize", wanted.resize, f"is not known; one of {', '.join(STRATEGIES)}")
    with open_root(runner, path) as root:
        guest = Guest(
            files=root.files,
            resize=wanted.resize,
            user=wanted.user,
            proxy=wanted.proxy,
            authorized_keys=wanted.authorized_keys,
            filesystem=root.filesystem,
            partitions=root.partitions,
            partition_numbers=root.partition_numbers,
            runner=runner,
        )
        # What OpenStack asks for first; its ids begin with a capital.
        rules = [entry for entry in RULES if entry.resize in (None, wanted.resize)]
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
    image = _qemu_img.inspect(runner, _ext.host_path(path))
    if image.format == _qemu_img.RAW:
        yield _raw_root(runner, path)
        return
    with scratch_folder("audit") as folder:
        yield _packed_root(runner, image, str(folder))


def _raw_root(runner: Runner, path: str) -> Root:
    if block := _ext.read_superblock(path):
        return Root(ExtFiles(runner, path), block.fstype, ())
    table = _partitions.read_table(runner, path)
    for partition in _by_size(table, path):
        if block := _ext.read_superblock(path, partition.start):
            files = ExtFiles(runner, _ext.target(path, partition.start))
            if files.exists("/etc"):
                return Root(files, block.fstype, _types(table), _numbers(table))
    raise _no_root(path)


def _packed_root(runner: Runner, image: _qemu_img.Image, folder: str) -> Root:
    """Unpack no more than the root file system, with holes where nothing is."""
    head, root = os.path.join(folder, "head"), os.path.join(folder, "root")
    _take(runner, image, 0, min(MIB, image.virtual_size), head)
    if block := _ext.read_superblock(head):
        _take(runner, image, 0, image.virtual_size, root)
        return Root(ExtFiles(runner, root), block.fstype, ())
    # sfdisk wants the disk in its full size.
    os.truncate(head, image.virtual_size)
    table = _partitions.read_table(runner, head)
    for partition in _by_size(table, image.path):
        if partition.end > image.virtual_size or partition.size < MIB:
            continue
        _take(runner, image, partition.start, MIB, root)
        if block := _ext.read_superblock(root):
            _take(runner, image, partition.start, partition.size, root)
            files = ExtFiles(runner, root)
            if files.exists("/etc"):
                return Root(files, block.fstype, _types(table), _numbers(table))
    raise _no_root(image.path)


def _take(runner: Runner, image: _qemu_img.Image, start: int, size: int, dest: str) -> None:
    _qemu_img.convert(runner, _qemu_img.region(image, start, size), dest, _qemu_img.RAW)


def _by_size(table: _partitions.Table | None, path: str) -> list[_partitions.Partition]:
    if table is None:
        raise _no_root(path)
    return sorted(table.partitions, key=lambda partition: -partition.size)


def _types(table: _partitions.Table) -> tuple[str, ...]:
    return tuple(partition.type for partition in table.partitions)


def _numbers(table: _partitions.Table) -> tuple[int, ...]:
    return tuple(partition.number for partition in table.partitions)


def _no_root(path: str) -> GoldsmithError:
    return GoldsmithError(
        f"{path} holds no root file system of the kind ext2, ext3 or ext4",
        hint="others, and LVM, cannot be read without a mount; audit the tree instead",
    )
