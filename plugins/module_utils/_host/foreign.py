# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the readers of foreign file systems have in common. They become parts of programs: standard library only."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, NamedTuple

CHUNK = 1 << 20


class Damaged(Exception):
    """A file system contradicts itself, or has what cannot be read."""


class Piece(NamedTuple):
    """What is written of a file from *start* on: *size* bytes, which are *data* or lie at a place of the volume."""

    start: int
    size: int
    place: int = 0
    data: bytes | None = None

    def cut(self, size: int) -> Piece:
        """Return no more than *size* bytes of it."""
        if size >= self.size:
            return self
        return self._replace(size=size, data=None if self.data is None else self.data[:size])


class Reader(ABC):
    """Reads the files of a file system, of which it knows the pieces."""

    @abstractmethod
    def pieces(self, inode: Any) -> Iterator[Piece]:
        """Yield what is written of a file, holes left out."""

    @abstractmethod
    def read_at(self, place: int, size: int) -> bytes:
        """Return bytes of the file system; raise Damaged where they lie outside it."""

    def chunks(self, inode: Any) -> Iterator[bytes]:
        """Yield the content of a file, zeros for its holes."""
        place = 0
        for piece in self.pieces(inode):
            yield from _zeros(piece.start - place)
            if piece.data is not None:
                yield piece.data
            else:
                for at in range(0, piece.size, CHUNK):
                    yield self.read_at(piece.place + at, min(CHUNK, piece.size - at))
            place = piece.start + piece.size
        yield from _zeros(inode.size - place)


def _zeros(size: int) -> Iterator[bytes]:
    for at in range(0, size, CHUNK):
        yield bytes(min(CHUNK, size - at))
