# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the readers of xfs and btrfs have in common. What they read may be foreign: no number in it is believed."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

CHUNK = 1 << 20
LARGEST_FOLDER = 64 << 20


class Damaged(Exception):
    """What is read is no proper file system of the kind, or has what the reader does not know."""


@dataclass(frozen=True)
class Inode:
    """An inode: what all file systems have of it, and in *form* what its own reader knows."""

    number: int
    mode: int
    size: int
    uid: int = 0
    gid: int = 0
    links: int = 1
    mtime: int = 0
    form: Any = field(default=None, compare=False)


class FsReader(ABC):
    """Reads a file system at an offset of a file.

    *root* is the number of its root folder; *is_clean* tells whether all that was written is in its place.
    """

    root: int
    is_clean: bool

    def __init__(self, path: str, offset: int) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._offset = offset
        self._size = os.fstat(self._descriptor).st_size

    def __del__(self) -> None:
        if hasattr(self, "_descriptor"):
            os.close(self._descriptor)

    def read_at(self, place: int, size: int) -> bytes:
        """Return bytes of the file system; raise Damaged where they lie outside the file."""
        found = os.pread(self._descriptor, size, self._offset + place) if place >= 0 else b""
        if len(found) != size:
            raise Damaged(f"byte {place} lies behind its end")
        return found

    def visits(self, size: int) -> Iterator[int]:
        """Count the blocks of *size* bytes that one way through a tree may visit; raise Damaged at the end of them.

        A tree of which several branches lead to one block would have no end.
        """
        yield from range(self._size // size + 1)
        raise Damaged("a tree has more blocks than there are")

    @abstractmethod
    def inode(self, number: int) -> Inode:
        """Return an inode by its number."""

    @abstractmethod
    def folder(self, inode: Inode) -> Iterator[tuple[bytes, int]]:
        """Yield the names in a folder, without . and .., and the numbers of their inodes."""

    @abstractmethod
    def link(self, inode: Inode) -> bytes:
        """Return where a symbolic link leads to."""

    @abstractmethod
    def chunks(self, inode: Inode) -> Iterator[bytes]:
        """Yield the content of a file, zeros for its holes."""

    def _spread(self, size: int, pieces: Iterator[tuple[int, int, int]]) -> Iterator[bytes]:
        """Yield content of *size* bytes from pieces (start, byte on the disk, size), which come in their order."""
        place = 0
        for start, where, length in pieces:
            if start < place:
                raise Damaged("pieces of a file overlap")
            if start >= size:
                break
            yield from zeros(start - place)
            length = min(length, size - start)
            for at in range(0, length, CHUNK):
                yield self.read_at(where + at, min(CHUNK, length - at))
            place = start + length
        yield from zeros(size - place)


def zeros(size: int) -> Iterator[bytes]:
    """Yield that many zeros."""
    for at in range(0, size, CHUNK):
        yield bytes(min(CHUNK, size - at))
