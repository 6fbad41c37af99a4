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
        self._waiting: dict[tuple[int, int], list[tuple[int, bytearray]]] = {}
        self._size = 0

    def write(self, place: int, data: bytes | bytearray) -> None:
        """Write bytes that have no sum at a byte of the file system."""
        view = memoryview(data)
        while view:
            done = os.pwrite(self._descriptor, view, self._offset + place)
            view, place = view[done:], place + done

    def add(self, place: int, data: bytearray, sum_at: int) -> None:
        """Take a part whose sum lies at *sum_at* in it, where zeros are now, and covers all of it."""
        self._waiting.setdefault((len(data), sum_at), []).append((place, data))
        self._size += len(data)
        if self._size >= _AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write all that was added."""
        for (size, sum_at), parts in self._waiting.items():
            sums = crc32c.many(b"".join(data for _place, data in parts), size)
            for (place, data), found in zip(parts, sums, strict=True):
                struct.pack_into("<I", data, sum_at, found)
                self.write(place, data)
        self._waiting.clear()
        self._size = 0
