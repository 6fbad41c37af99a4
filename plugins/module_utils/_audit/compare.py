# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two images compared: which file, or else which region, is not the same. Nothing is mounted or changed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit import compare_ext, disk_parts
from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.differences import (
    BYTES,
    Difference,
    Differences,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._host import unlike
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.scratch import scratch_folder
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.unlike import FileRow
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import qemu_img, recognition
from ansible_collections.goldsmith.openstack.plugins.module_utils._image.disk_areas import Area, Disk, holds
from ansible_collections.goldsmith.openstack.plugins.module_utils._lvm.naming import Stretch

_FILE_SYSTEM, _DISK, _CONTENT = "file system", "disk", "content"


@dataclass(frozen=True)
class Comparison:
    """What came out. *same_content*: the disks in two files are the same, which may store them differently."""

    identical: bool
    same_content: bool
    one: Mapping[str, object]
    other: Mapping[str, object]
    differences: list[Difference]
    left_out: int
    summary: list[str]


@dataclass(frozen=True)
class _Side:
    """One of the two. *folder* is for what must be unpacked to be read."""

    runner: Runner
    option: str
    path: str
    image: qemu_img.Image
    folder: Path

    @cached_property
    def raw(self) -> str:
        """A file that holds the bytes of the disk as they are."""
        if self.image.format == qemu_img.RAW:
            return self.image.path
        path = str(self.folder / "disk")
        qemu_img.convert(self.runner, self.image, path, qemu_img.RAW)
        return path

    @cached_property
    def disk(self) -> Disk:
        """The disk in the image."""
        return Disk(self.runner, self.image, str(self.folder))

    @cached_property
    def kind(self) -> str:
        """What the bytes of the disk are: a file system, a disk with partitions or volumes, or just content."""
        kind = recognition.kind_of_file(self.raw)
        if kind == "ext":
            return _FILE_SYSTEM
        # The boot sector that a kernel begins with is no disk's.
        return _DISK if kind in ("disk", "lvm") and not recognition.is_kernel(self.raw) else _CONTENT

    @cached_property
    def parts(self) -> dict[str, Area]:
        """The parts of the disk by their names."""
        if self.kind == _DISK:
            return {part.name: part.area for part in disk_parts.parts(self.disk)}
        return {self.kind: Area(0, (Stretch(0, self.image.virtual_size),))}

    def describe(self) -> dict[str, object]:
        """Return it as a playbook sees it."""
        return {
            "path": self.path,
            "size": os.path.getsize(self.path),
            "format": self.image.format,
            "virtual_size": self.image.virtual_size,
        }

    def place(self, area: Area) -> tuple[str, int]:
        """Return a file and an offset where the bytes of an area are in one piece."""
        return (self.raw, area.start) if len(area.pieces) == 1 else self.disk.place(area)

    def holds(self, area: Area) -> str:
        """Return what an area holds."""
        block = self.disk.superblock(area)
        return block.fstype if block else holds(self.disk, area) or "something unknown"


def compare(runner: Runner, one: str, other: str, limit: int) -> Comparison:
    """Compare two files, disks or file systems; of each part of them at most *limit* differences are listed."""
    if limit < 1:
        raise OptionError("limit", limit, "must be 1 or more")
    images = [_inspect(runner, option, path) for option, path in (("path", one), ("other", other))]
    with scratch_folder("compare") as folder:
        sides = []
        for option, path, image in zip(("path", "other"), (one, other), images):
            (folder / option).mkdir()
            sides.append(_Side(runner, option, path, image, folder / option))
        try:
            return _compare(sides[0], sides[1], Differences(limit))
        except OSError as error:
            raise GoldsmithError(f"cannot compare {one} with {other}: {error.strerror}") from error


def _inspect(runner: Runner, option: str, path: str) -> qemu_img.Image:
    size = recognition.size_of(path, option)
    recognition.require_unused(path)
    image = qemu_img.inspect(runner, path)
    if image.format == qemu_img.RAW:
        # qemu-img rounds up to sectors.
        return replace(image, virtual_size=size)
    if image.format == qemu_img.QCOW2:
        qemu_img.require_whole(runner, image)
    return image


def _compare(one: _Side, other: _Side, found: Differences) -> Comparison:
    span = unlike.whole(unlike.spans(FileRow(one.path), FileRow(other.path), tail=True))
    identical = span is None
    same_content = identical
    if not identical:
        found.compare("image", "", "format", one.image.format, other.image.format)
        found.compare("image", "", "virtual size", one.image.virtual_size, other.image.virtual_size)
        found.compare("image", "", "compression", one.image.compression, other.image.compression)
        found.compare("image", "", "size of clusters", one.image.cluster_size, other.image.cluster_size)
        found.compare("image", "", "size", os.path.getsize(one.path), os.path.getsize(other.path))
        both_raw = one.image.format == other.image.format == qemu_img.RAW
        if not both_raw:
            same_content = next(unlike.spans(FileRow(one.raw), FileRow(other.raw), tail=True), None) is None
        if same_content:
            found.add("image", "", "the same disk is stored in another way", span=span)
        else:
            found.add("image", "", BYTES, span=span)
            _disks(one, other, found)
    return Comparison(
        identical=identical,
        same_content=same_content,
        one=one.describe(),
        other=other.describe(),
        differences=found.listed(),
        left_out=found.left_out(),
        summary=found.lines() or ["The two are identical."],
    )


def _disks(one: _Side, other: _Side, found: Differences) -> None:
    if one.kind != other.kind:
        found.add("image", "", "kind of content", one.kind, other.kind)
        return
    if one.kind == _DISK:
        _facts(found, "partition table", *(disk_parts.table_facts(side.disk.table) for side in (one, other)))
        _facts(found, "LVM", *(disk_parts.lvm_facts(side.disk) for side in (one, other)))
    for name in dict.fromkeys([*one.parts, *other.parts]):
        if name in one.parts and name in other.parts:
            _part(one, other, name, found)
        else:
            sizes = (f"{side.parts[name].size} bytes" if name in side.parts else None for side in (one, other))
            found.add(name, "", "missing", *sizes)


def _facts(found: Differences, area: str, one: Mapping[str, str], other: Mapping[str, str]) -> None:
    for name in dict.fromkeys([*one, *other]):
        found.compare(area, "", name, one.get(name), other.get(name))


def _part(one: _Side, other: _Side, name: str, found: Differences) -> None:
    """Note how a part that both have differs: by its files where it has some, else by its bytes."""
    areas = one.parts[name], other.parts[name]
    if areas[0].trouble or areas[1].trouble:
        found.add(name, "", "cannot be read", *(area.trouble or "can be read" for area in areas))
        return
    places = one.place(areas[0]), other.place(areas[1])
    rows = [FileRow(*place, area.size) for place, area in zip(places, areas)]
    if next(unlike.differing_blocks(*rows), None) is None:
        found.compare(name, "", "size", f"{rows[0].size} bytes", f"{rows[1].size} bytes")
        return
    if one.disk.superblock(areas[0]) and other.disk.superblock(areas[1]):
        compare_ext.compare(found, name, *places, (rows[0], rows[1]))
        return
    found.compare(name, "", "it holds", one.holds(areas[0]), other.holds(areas[1]))
    for span in unlike.spans(*rows):
        found.add(name, "", BYTES, span=span)
    found.compare(name, "", "size", f"{rows[0].size} bytes", f"{rows[1].size} bytes")
