# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two ext file systems compared: their superblocks, their files, and the regions that no file explains."""

from __future__ import annotations

import os
import stat
import struct
from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import TypeVar

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.differences import BYTES, Differences
from ansible_collections.goldsmith.openstack.plugins.module_utils._ext import ext_facts
from ansible_collections.goldsmith.openstack.plugins.module_utils._ext.ext_files import Content, walk
from ansible_collections.goldsmith.openstack.plugins.module_utils._ext.ext_regions import Region, RegionMap
from ansible_collections.goldsmith.openstack.plugins.module_utils._ext.inodes import Filesystem, Node
from ansible_collections.goldsmith.openstack.plugins.module_utils._host import unlike
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.foreign import Damaged
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.unlike import Row, Span

T = TypeVar("T")

# What a hostile file system may make our reader raise.
UNREADABLE = (Damaged, ValueError, OverflowError, struct.error, RecursionError)
_KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "folder",
    stat.S_IFLNK: "link",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
}
# The flags that say how a file is stored: in extents, with an index, in the inode, with large blocks.
_STORAGE = 0x80000 | 0x1000 | 0x10000000 | 0x40000
_LONGEST_VALUE = 64


def compare(found: Differences, area: str, one: tuple[str, int], other: tuple[str, int], rows: tuple[Row, Row]) -> None:
    """Note how the file systems *one* and *other*, each a file and an offset, differ; *rows* are their bytes."""
    before = found.count()
    try:
        sources = _of("path", lambda: Filesystem(*one)), _of("other", lambda: Filesystem(*other))
        facts = [ext_facts.facts(source.superblock) for source in sources]
        for name in facts[0]:
            found.compare(area, "superblock", name, facts[0][name], facts[1][name])
        of_superblock = found.count() - before
        files = _of("path", lambda: walk(sources[0])), _of("other", lambda: walk(sources[1]))
        _Files(found, area, sources, files).compare()
        explained = found.count() - before > of_superblock
        regions = None if explained else RegionMap(sources[0], files[0])
    except UNREADABLE as error:
        found.add(area, "", f"its files cannot be read: {error}")
        _spans(found, area, rows)
        return
    if regions:
        places = [name for name in files[0] if _place(sources[0], files[0][name]) != _place(sources[1], files[1][name])]
        if places:
            more = f", and {len(places) - 1} more" if len(places) > 1 else ""
            found.add(area, f"{places[0]}{more}", "lies at another place")
        _regions(found, area, regions, rows)
    found.compare(area, "", "size", f"{rows[0].size} bytes", f"{rows[1].size} bytes")


def _of(option: str, read: Callable[[], T]) -> T:
    """Say in an error of which image it is."""
    try:
        return read()
    except UNREADABLE as error:
        raise Damaged(f"in that of {option}: {error}") from None


def _spans(found: Differences, area: str, rows: tuple[Row, Row]) -> None:
    for span in unlike.spans(*rows):
        found.add(area, "", BYTES, span=span)


def _regions(found: Differences, area: str, regions: RegionMap, rows: tuple[Row, Row]) -> None:
    """Note in which regions bytes differ, each once, with the first file that it is about."""
    sums: dict[str, tuple[Region, Span]] = {}
    for place, left, right in unlike.differing_blocks(*rows):
        for region in regions.cut(place, place + len(left)):
            part = slice(region.start - place, region.end - place)
            if span := unlike.span(region.start, left[part], right[part]):
                if region.name in sums:
                    sums[region.name][1].add(span)
                else:
                    sums[region.name] = (region, span)
    for name, (region, span) in sums.items():
        found.add(area, f"{name}, first that of {region.path}" if region.path else name, BYTES, span=span)


def _place(source: Filesystem, node: Node) -> tuple[object, ...]:
    stored = stat.S_ISREG(node.mode) or stat.S_ISDIR(node.mode)
    inline = stored and source.inline_data(node) is not None
    return (node.number, *(source.runs(node) if stored and not inline else ()))


class _Files:
    """The files of two file systems, path by path."""

    def __init__(
        self,
        found: Differences,
        area: str,
        sources: tuple[Filesystem, Filesystem],
        files: tuple[Mapping[str, Node], Mapping[str, Node]],
    ) -> None:
        self._found, self._area, self._sources, self._files = found, area, sources, files
        self._sorted = [sorted(names) for names in files]
        # The same content may have many names.
        self._contents: dict[tuple[int, int], Span | None] = {}

    def compare(self) -> None:
        """Note every difference, in the order of the paths."""
        one, other = self._files
        for path in sorted(one.keys() | other.keys()):
            if path in one and path in other:
                self._both(path, one[path], other[path])
            elif all(self._is_folder(side, os.path.dirname(path)) for side in (0, 1)):
                self._found.add(self._area, path, "missing", self._name(0, path), self._name(1, path))

    def _is_folder(self, side: int, path: str) -> bool:
        return path in self._files[side] and stat.S_ISDIR(self._files[side][path].mode)

    def _name(self, side: int, path: str) -> str | None:
        """Return what a path is, with the count of what is below it; None where there is none."""
        if path not in self._files[side]:
            return None
        # 0 comes behind the slash.
        names = self._sorted[side]
        below = bisect_left(names, f"{path}0") - bisect_left(names, f"{path}/")
        kind = _kind(self._files[side][path])
        return f"{kind} with {below} below it" if below else kind

    def _both(self, path: str, one: Node, other: Node) -> None:
        def note(what: str, left: object, right: object) -> None:
            self._found.compare(self._area, path, what, left, right)

        if _kind(one) != _kind(other):
            note("kind", self._name(0, path), self._name(1, path))
        note("mode", f"{stat.S_IMODE(one.mode):04o}", f"{stat.S_IMODE(other.mode):04o}")
        note("owner", one.uid, other.uid)
        note("group", one.gid, other.gid)
        if stat.S_IFMT(one.mode) == stat.S_IFMT(other.mode):
            self._inside(path, one, other)
        if not stat.S_ISDIR(one.mode):
            # Those of a folder follow from the folders in it.
            note("hard links", one.links, other.links)
        note("flags", f"{one.flags & ~_STORAGE:#x}", f"{other.flags & ~_STORAGE:#x}")
        self._attributes(path, one, other)
        note("mtime", ext_facts.shown_time(one.mtime), ext_facts.shown_time(other.mtime))
        names = [name for name in ("atime", "ctime", "crtime") if getattr(one, name) != getattr(other, name)]
        if names:
            sides = (
                ", ".join(f"{name} {ext_facts.shown_time(getattr(node, name))}" for name in names)
                for node in (one, other)
            )
            self._found.add(self._area, path, "other times", *sides)

    def _inside(self, path: str, one: Node, other: Node) -> None:
        kind = stat.S_IFMT(one.mode)
        if kind == stat.S_IFLNK:
            targets = (os.fsdecode(source.link(node)) for source, node in zip(self._sources, (one, other)))
            self._found.compare(self._area, path, "target", *targets)
        elif kind in (stat.S_IFCHR, stat.S_IFBLK):
            numbers = ("{}:{}".format(*node.device) for node in (one, other))
            self._found.compare(self._area, path, "device", *numbers)
        elif kind == stat.S_IFREG:
            numbers = (one.number, other.number)
            if numbers not in self._contents:
                rows = (Content(source, node) for source, node in zip(self._sources, (one, other)))
                self._contents[numbers] = unlike.whole(unlike.spans(*rows, tail=True))
            if span := self._contents[numbers]:
                self._found.add(self._area, path, "content", f"{one.size} bytes", f"{other.size} bytes", span)

    def _attributes(self, path: str, one: Node, other: Node) -> None:
        sides = [source.attributes(node) for source, node in zip(self._sources, (one, other))]
        for name in sorted(sides[0].keys() | sides[1].keys()):
            values = (_value(side[name]) if name in side else None for side in sides)
            if sides[0].get(name) != sides[1].get(name):
                self._found.add(self._area, path, f"attribute {name}", *values)


def _kind(node: Node) -> str:
    return _KINDS.get(stat.S_IFMT(node.mode), f"unknown (mode {node.mode:o})")


def _value(raw: bytes) -> str:
    """Return the value of an attribute as text where it is one."""
    text = raw.rstrip(b"\0").decode("utf-8", "replace")
    shown = text if text.isprintable() and text.isascii() else f"0x{raw[:_LONGEST_VALUE].hex()}"
    return shown if len(raw) <= _LONGEST_VALUE else f"{shown[: 2 * _LONGEST_VALUE]}... ({len(raw)} bytes)"
