# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of files copied with their holes."""

from __future__ import annotations

import os

_CHUNK = 1 << 20


def copy_part(source: str, dest: str, *, start: int = 0, size: int | None = None, at: int = 0) -> None:
    """Copy *size* bytes of *source* from *start* into the file *dest* at *at*, where it must have a hole.

    *dest* gets at least the size that the copy needs; holes stay holes. *size* None: to the end.
    """
    with open(source, "rb", buffering=0) as reader, open(dest, "r+b", buffering=0) as writer:
        end = os.fstat(reader.fileno()).st_size
        if size is not None:
            end = min(end, start + size)
        needed = at + end - start
        if os.fstat(writer.fileno()).st_size < needed:
            os.truncate(writer.fileno(), needed)
        place = start
        while place < end:
            try:
                place = os.lseek(reader.fileno(), place, os.SEEK_DATA)
                stop = min(end, os.lseek(reader.fileno(), place, os.SEEK_HOLE))
            except OSError:
                break  # ENXIO: nothing but a hole up to the end
            os.lseek(writer.fileno(), at + place - start, os.SEEK_SET)
            while place < stop:
                chunk = os.pread(reader.fileno(), min(_CHUNK, stop - place), place)
                if not chunk:
                    return
                # Zeros that were written become a hole as well.
                if chunk.count(0) == len(chunk):
                    os.lseek(writer.fileno(), len(chunk), os.SEEK_CUR)
                else:
                    writer.write(chunk)
                place += len(chunk)
