# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree as it will be when it is sealed: what is planned to change is seen as done.

What is mounted in it is no part of it, but the disks of a running machine.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import TreeFiles, shown
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.walker import Entry
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError

# Configuration is small; what is bigger is none.
READ_LIMIT = 16 << 20
# What a running machine keeps on disks of its own; network file systems belong to others as well.
_DISKS = ("btrfs", "ext2", "ext3", "ext4", "f2fs", "jfs", "overlay", "reiserfs", "vfat", "xfs", "zfs")
_OCTAL = re.compile(r"\\([0-7]{3})")


class SealTree(TreeFiles):
    """What a tree holds, and will hold."""

    def __init__(
        self, root: str, untouchable: frozenset[str] = frozenset(), mounts: frozenset[str] = frozenset()
    ) -> None:
        """*untouchable* are real paths that are no part of the tree; *mounts* those that are, but mounted there."""
        super().__init__(root)
        self._untouchable = untouchable
        self._mounts = mounts
        self._contents: dict[str, str] = {}
        self.met: set[str] = set()  # the untouchable paths that were in the way

    def place(self, path: str) -> str:
        """Return the real path that a path has or, where folders are missing, will have when they are made."""
        entry, rest = self._resolve(path, False)
        if entry:
            return entry.path
        if rest is None or any(f"{rest}/".startswith(f"{taken}/") for taken in self._untouchable):
            raise GoldsmithError(f"cannot make {shown(path)}: a name on its way is no folder of the tree")
        return rest

    def text(self, path: str, limit: int = READ_LIMIT) -> str | None:
        """Return the text of a regular file as it can be written back, None where it is bigger than *limit*."""
        entry = self.find(path)
        if entry is None or not entry.is_file:
            return None
        if entry.path in self._contents:
            return self._contents[entry.path]
        content = self._read(entry, limit + 1) if entry.size <= limit else None
        return None if content is None or len(content) > limit else content.decode("utf-8", "surrogateescape")

    def is_mount(self, real: str) -> bool:
        """Return whether a real path cannot be removed, since something is mounted there, or it is in use."""
        return real in self._mounts or real in self._untouchable

    def holds_mount(self, real: str) -> bool:
        """Return whether there is such a path below."""
        below = real.rstrip("/") + "/"
        self.met |= {path for path in self._untouchable if path.startswith(below)}
        return any(path.startswith(below) for path in self._mounts | self._untouchable)

    def hide(self, real: str) -> None:
        """See a real path no longer."""
        if folder := self.find(os.path.dirname(real)):
            self._listing(folder).pop(os.path.basename(real), None)

    def show(self, real: str, mode: int, content: str) -> Entry:
        """See a real path as it will be, and folders on its way; return it."""
        above = os.path.dirname(real)
        folder = self.find(above) or self.show(above, stat.S_IFDIR | 0o755, "")
        if stat.S_ISDIR(mode):
            self._listings[real] = {}
        else:
            self._contents[real] = content
        entry = Entry(real, mode, len(content.encode("utf-8", "surrogateescape")))
        self._listing(folder)[entry.name] = entry
        return entry

    def _list(self, folder: Entry) -> Iterator[Entry]:
        for entry in super()._list(folder):
            if entry.path in self._untouchable:
                self.met.add(entry.path)
            else:
                yield entry

    def _read_link(self, entry: Entry) -> str:
        planned = self._contents.get(entry.path)
        return super()._read_link(entry) if planned is None else planned


def mounts_below(root: str, mountinfo: str, *, running: bool) -> tuple[frozenset[str], frozenset[str]]:
    """Return the real paths of what is mounted below a root: first what is no part of it, then its own disks.

    Only a *running* machine has such; what is mounted in a tree belongs to somebody else.
    """
    foreign, own = set(), set()
    below = root.rstrip("/") + "/"
    for line in mountinfo.splitlines():
        fields, _dash, behind = line.partition(" - ")
        point = _OCTAL.sub(lambda match: chr(int(match.group(1), 8)), fields.split(" ")[4])
        if point.startswith(below) and point != below:
            is_own = running and behind.split(" ", 1)[0] in _DISKS
            (own if is_own else foreign).add(point[len(below) - 1 :])
    return frozenset(foreign), frozenset(own - foreign)
