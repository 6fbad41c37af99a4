# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where two rows of bytes differ. Holes are skipped, so a row may claim any size."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import KIB, MIB

BLOCK = 4 * KIB


class Row(Protocol):
    """Bytes that can be read anywhere, zeros where nothing lies."""

    size: int

    def read(self, place: int, size: int) -> bytes:
        """Return *size* bytes."""

    def next_data(self, place: int) -> int | None:
        """Return the first place from this one on that is in no hole, None where only a hole follows."""


class FileRow:
    """A part of a file; what is behind the end of the file reads as zeros."""

    def __init__(self, path: str, start: int = 0, size: int | None = None) -> None:
        """*size* None: to the end."""
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._descriptor)
        self._start = start
        self.size = os.fstat(self._descriptor).st_size - start if size is None else size

    def read(self, place: int, size: int) -> bytes:
        """Return *size* bytes."""
        return os.pread(self._descriptor, size, self._start + place).ljust(size, b"\0")

    def next_data(self, place: int) -> int | None:
        """Return where the next data begins."""
        try:
            return os.lseek(self._descriptor, self._start + place, os.SEEK_DATA) - self._start
        except OSError:
            return None  # ENXIO: nothing but a hole up to the end


@dataclass
class Span:
    """Bytes that differ: the first and the last of them, and how many between them differ."""

    first: int
    last: int
    count: int

    def add(self, later: Span) -> None:
        """Take in what lies behind."""
        self.last, self.count = later.last, self.count + later.count


def differing_blocks(one: Row, other: Row) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield the place and the bytes of each block that differs, as far as both rows reach."""
    end = min(one.size, other.size)
    place = 0
    while place < end:
        data = [found for row in (one, other) if (found := row.next_data(place)) is not None]
        place = min(data, default=end) // BLOCK * BLOCK if data else end
        size = min(MIB, end - place)
        if size <= 0:
            return
        left, right = one.read(place, size), other.read(place, size)
        if left != right:
            for at in range(0, size, BLOCK):
                if left[at : at + BLOCK] != right[at : at + BLOCK]:
                    yield place + at, left[at : at + BLOCK], right[at : at + BLOCK]
        place += size


def span(place: int, left: bytes, right: bytes) -> Span | None:
    """Return what differs between equally many bytes that begin at *place*."""
    unlike = (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(len(left), "big")
    count = len(unlike) - unlike.count(0)
    if not count:
        return None
    first = len(unlike) - len(unlike.lstrip(b"\0"))
    return Span(place + first, place + len(unlike.rstrip(b"\0")) - 1, count)


def spans(one: Row, other: Row, *, tail: bool = False) -> Iterator[Span]:
    """Yield what differs, blocks that follow each other as one; with *tail* also what only the longer row has."""
    current = None
    end = -1
    for place, left, right in differing_blocks(one, other):
        found = span(place, left, right)
        if current and found and place == end:
            current.add(found)
        else:
            if current:
                yield current
            current = found
        end = place + len(left)
    if current:
        yield current
    first, last = sorted((one.size, other.size))
    if tail and first < last:
        yield Span(first, last - 1, last - first)


def whole(found: Iterable[Span]) -> Span | None:
    """Return spans as one, None where there are none."""
    total = None
    for entry in found:
        if total is None:
            total = Span(entry.first, entry.last, entry.count)
        else:
            total.add(entry)
    return total
