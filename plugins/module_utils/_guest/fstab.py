# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""fstab: which file systems of a disk a system puts together, and the same text for a system of one piece."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass

SWAP = "swap"
# A virtual machine names its first disk in one of these ways.
_FIRST_DISK = re.compile(r"/dev/(?:(?:sd|vd|xvd|hd)a|nvme0n1p|mmcblk0p)(\d+)")
_BY = re.compile(r"/dev/disk/by-(uuid|label|partuuid|partlabel)/(.+)")
# As udev writes a sign that a name in /dev may not have
_CODED = re.compile(rb"\\x([0-9a-f]{2})")
# A partition by the name of its disk and its number: /dev/sdb2, /dev/nvme0n1p2, /dev/disk/by-path/pci-0000:00:05-part2
_PARTITION = re.compile(r"(/dev/disk/by-(?:id|path)/.+)-part(\d+)|(/dev/(?:[a-z]+\d+(?:n\d+)?p|[a-z]+))(\d+)")
_EXACT = re.compile(r"/dev/(?:(?:sd|vd|xvd|hd)[a-z]+|nvme\d+n\d+p?|mmcblk\d+p?|sr|fd|nbd\d+p?)\d*")
_BINDS = ("bind", "rbind")
_ON_DEMAND = ("x-systemd.automount", "comment=systemd.automount")
_ESCAPED = re.compile(rb"\\([0-7]{3})")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
# No other sign parts fields, whatever Python takes for a blank.
_BLANKS = re.compile(r"[ \t]+")
# Their options are not those of ext, nor of each other.
_OTHERS = ("xfs", "btrfs")
_KIND = re.compile(r"^([ \t]*(?:[^ \t]+[ \t]+){2})[^ \t\n]+(?:([ \t]+)[^ \t\n]+)?")
_TAGS = ("UUID", "LABEL", "PARTUUID", "PARTLABEL")


@dataclass(frozen=True)
class Line:
    """What one line mounts; *text* is the line itself."""

    source: str
    mountpoint: str
    fstype: str
    options: tuple[str, ...]
    text: str

    @property
    def by_itself(self) -> bool:
        """Whether it is mounted at every boot, or as soon as somebody looks there."""
        return "noauto" not in self.options or any(option in self.options for option in _ON_DEMAND)

    @property
    def binds(self) -> bool:
        """Whether it shows a folder in a second place."""
        return any(option in self.options for option in _BINDS)

    @property
    def names_device(self) -> bool:
        """Whether what it mounts is a disk, or a part of one."""
        return not self.binds and (self.source.startswith("/dev/") or self.source.partition("=")[0] in _TAGS)

    @property
    def tagged(self) -> bool:
        """Whether it names a file system by what is written in it, or in the table of partitions."""
        return self.source.partition("=")[0] in _TAGS or bool(_BY.fullmatch(self.source))

    @property
    def exact(self) -> bool:
        """Whether it can be told from the name alone what is not meant."""
        return self.tagged or bool(_EXACT.fullmatch(self.source))

    @property
    def subvolume(self) -> str:
        """The subvolume of a btrfs that it names, by its path; empty: none."""
        named = (option.removeprefix("subvol=") for option in self.options if option.startswith("subvol="))
        return next(named, "").strip("/")

    @property
    def plain(self) -> bool:
        """Whether the mount point is a path without detours."""
        return self.mountpoint.startswith("/") and posixpath.normpath(self.mountpoint) == self.mountpoint


@dataclass(frozen=True)
class Home:
    """The names by which fstab can mean one file system of a disk; *number* is that of its partition.

    *disk* is what the fstab calls the disk itself, where that is known.
    """

    uuid: str = ""
    label: str = ""
    partition_uuid: str = ""
    partition_label: str = ""
    number: int = 0
    devices: tuple[str, ...] = ()
    disk: str = ""

    @property
    def _is_later_disk(self) -> bool:
        return bool(_EXACT.fullmatch(self.disk)) and not _FIRST_DISK.fullmatch(f"{self.disk}1")

    def is_meant(self, source: str) -> bool:
        """Return whether the first field of a line means this one."""
        tag, equals, value = source.partition("=")
        if by := _BY.fullmatch(source):
            tag, equals, value = by.group(1).upper(), "=", by.group(2)
        if equals and tag in _TAGS:
            value = _decoded(value.strip('"')) if by else value.strip('"')
            own = dict(zip(_TAGS, (self.uuid, self.label, self.partition_uuid, self.partition_label), strict=True))[tag]
            is_label = tag.endswith("LABEL")
            return bool(own) and (value == own if is_label else value.lower() == own.lower())
        disk, number = partition_of(source)
        if number and (disk == self.disk or (not self._is_later_disk and _FIRST_DISK.fullmatch(source))):
            return number == self.number and not self.devices
        return source in self.devices


def partition_of(source: str) -> tuple[str, int]:
    """Return what a name of a partition calls its disk, and its number; 0: it is no such name."""
    found = _PARTITION.fullmatch(source)
    return (found.group(1) or found.group(3), int(found.group(2) or found.group(4))) if found else ("", 0)


def parse(text: str) -> list[Line]:
    """Return the lines that mount something, in their order; bytes that are no UTF-8 stand in them as surrogates."""
    found = []
    for line in text.split("\n"):
        fields = [_unescaped(field) for field in _BLANKS.split(line.removesuffix("\r").strip(" \t"))]
        if len(fields) >= 2 and not fields[0].startswith("#"):
            fstype, options = [*fields[2:4], *("auto", "defaults")[len(fields[2:4]) :]]
            mountpoint = fields[1].rstrip("/") or "/"
            found.append(Line(fields[0], mountpoint, fstype, tuple(options.split(",")), line))
    return found


def rewritten(text: str, root: str, root_filesystem: str, *, drop: Callable[[Line], bool]) -> str:
    """Return the text with *root* as what is mounted on /, and without the lines to *drop*.

    What was a file system of another kind is mounted as *root_filesystem*, with its usual options.
    """
    lines = []
    for raw in _LINE.findall(text):
        line = next(iter(parse(raw)), None)
        if line is None:
            lines.append(raw)
        elif line.mountpoint == "/" and line.fstype != SWAP:
            # The other fields are kept as they stand in their columns.
            raw = re.sub(r"^([ \t]*)[^ \t]+", lambda match: match.group(1) + root, raw)
            if line.fstype in _OTHERS and line.fstype != root_filesystem:
                raw = _KIND.sub(lambda match: f"{match.group(1)}{root_filesystem}{match.group(2) or ' '}defaults", raw)
            lines.append(raw)
        elif not drop(line):
            lines.append(raw)
    return "".join(lines)


def _decoded(name: str) -> str:
    raw = _CODED.sub(lambda match: bytes([int(match.group(1), 16)]), name.encode("utf-8", "surrogateescape"))
    return raw.decode("utf-8", "surrogateescape")


def _unescaped(field: str) -> str:
    # What is escaped are bytes, not signs.
    raw = _ESCAPED.sub(lambda match: bytes([int(match.group(1), 8) & 0xFF]), field.encode("utf-8", "surrogateescape"))
    return raw.decode("utf-8", "surrogateescape")
