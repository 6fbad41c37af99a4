# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the readers of xfs and btrfs have in common. What they read may be foreign: no number in it is believed."""

from __future__ import annotations

import os
import weakref
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.foreign import Damaged, Piece, Reader

LARGEST_FOLDER = 64 << 20


@dataclass(frozen=True)
class Inode:
    """An inode: what all file systems have of it, and in *form* what its own reader knows. Times in nanoseconds."""

    number: int
    mode: int
    size: int
    uid: int = 0
    gid: int = 0
    links: int = 1
    mtime: int = 0
    atime: int = 0
    device: tuple[int, int] = (0, 0)
    form: Any = field(default=None, compare=False)


class FsReader(Reader):
    """Reads a file system at an offset of a file.

    *root* is the number of its root folder; *is_clean* tells whether all that was written is in its place.
    """

    root: int
    is_clean: bool
    # How many inodes its folders name; 0: it keeps no such count.
    named = 0

    def __init__(self, path: str, offset: int) -> None:
        self.descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self.descriptor)
        self.offset = offset
        self._size = os.fstat(self.descriptor).st_size

    def read_at(self, place: int, size: int) -> bytes:
        """Return bytes of the file system; raise Damaged where they lie outside the file."""
        found = os.pread(self.descriptor, size, self.offset + place) if place >= 0 else b""
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
    def attributes(self, inode: Inode) -> dict[str, bytes]:
        """Return the extended attributes as the kernel gives them to a program."""

    @abstractmethod
    def _pieces(self, inode: Inode) -> Iterator[Piece]:
        """Yield what is written of a file, in its order; the last piece may go beyond the end."""

    def pieces(self, inode: Inode) -> Iterator[Piece]:
        """Yield what is written of a file, holes left out; raise Damaged where that cannot be."""
        place = 0
        for piece in self._pieces(inode):
            if piece.start < place:
                raise Damaged("pieces of a file overlap")
            if piece.start >= inode.size:
                break
            place = piece.start + piece.size
            yield piece.cut(inode.size - piece.start)
