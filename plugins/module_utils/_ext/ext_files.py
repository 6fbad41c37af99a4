# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All files of an ext file system by their paths, and the content of each."""

from __future__ import annotations

import bisect
import os
import stat
from dataclasses import dataclass

from ansible_collections.goldsmith.openstack.plugins.module_utils._ext import inodes
from ansible_collections.goldsmith.openstack.plugins.module_utils._ext.inodes import Filesystem, Node
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.foreign import Damaged

# As many as a name of the kernel can have.
_DEEPEST = 2048


def walk(source: Filesystem) -> dict[str, Node]:
    """Return every file by its path, C(/) the root; raise Damaged where the folders contradict each other."""
    found = {"/": source.inode(inodes.ROOT)}
    pending = [("", found["/"], 0)]
    folders = {inodes.ROOT}
    while pending:
        path, folder, depth = pending.pop()
        if depth > _DEEPEST:
            raise Damaged(f"its folders are more than {_DEEPEST} deep")
        for name, number in source.folder(folder):
            below = f"{path}/{os.fsdecode(name)}"
            node = found[below] = source.inode(number)
            if stat.S_ISDIR(node.mode):
                if number in folders:
                    raise Damaged(f"the folder {below} has two names, or is in itself")
                folders.add(number)
                pending.append((below, node, depth + 1))
    return found


@dataclass(frozen=True)
class _Run:
    start: int
    place: int
    size: int


class Content:
    """The content of a regular file, which need not fit into memory. It is a Row of _host.unlike."""

    def __init__(self, source: Filesystem, node: Node) -> None:
        self._source = source
        self._inline = source.inline_data(node)
        self.size = node.size
        self._runs = [] if self._inline is not None else [_Run(*run) for run in source.runs(node)]
        self._starts = [run.start for run in self._runs]

    def read(self, place: int, size: int) -> bytes:
        """Return *size* bytes, zeros in holes."""
        if self._inline is not None:
            return self._inline[place : place + size].ljust(size, b"\0")
        found = bytearray(size)
        for run in self._runs[self._index(place) :]:
            if run.start >= place + size:
                break
            first, last = max(place, run.start), min(place + size, run.start + run.size)
            if first < last:
                found[first - place : last - place] = self._source.read_at(run.place + first - run.start, last - first)
        return bytes(found)

    def next_data(self, place: int) -> int | None:
        """Return the first place from this one on that is in no hole."""
        if self._inline is not None:
            return place if place < len(self._inline) else None
        for run in self._runs[self._index(place) :][:2]:
            if place < run.start + run.size:
                return max(place, run.start)
        return None

    def _index(self, place: int) -> int:
        return max(0, bisect.bisect_right(self._starts, place) - 1)
