# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of a file system on their way into the image: each gets its place and its CRC-32C, many at a time."""

from __future__ import annotations

import os
import struct

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import crc32c

_AT_ONCE = 16 << 20


class Sheets:
    """Writes parts into the open file *descriptor*, where the file system begins at *offset*."""

    def __init__(self, descriptor: int, offset: int) -> None:
        self._descriptor = descriptor
        self._offset = offset
        self._waiting: dict[tuple[int, int, int], list[tuple[tuple[int, ...], bytearray]]] = {}
        self._size = 0

    def write(self, place: int, data: bytes | bytearray) -> None:
        """Write bytes that have no sum at a byte of the file system."""
        view = memoryview(data)
        while view:
            done = os.pwrite(self._descriptor, view, self._offset + place)
            view, place = view[done:], place + done

    def add(self, place: int | tuple[int, ...], data: bytearray, sum_at: int, *, begin: int = 0) -> None:
        """Take a part for one place or several; its sum lies at *sum_at* in it and covers it from *begin* on.

        Where the sum is, there are zeros now.
        """
        places = (place,) if isinstance(place, int) else place
        self._waiting.setdefault((len(data), sum_at, begin), []).append((places, data))
        self._size += len(data)
        if self._size >= _AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write all that was added."""
        for (size, sum_at, begin), parts in self._waiting.items():
            sums = crc32c.many(b"".join(data[begin:] for _places, data in parts), size - begin)
            for (places, data), found in zip(parts, sums, strict=True):
                struct.pack_into("<I", data, sum_at, found)
                for place in places:
                    self.write(place, data)
        self._waiting.clear()
        self._size = 0
