# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the readers of foreign file systems have in common. They become parts of programs: standard library only."""

from __future__ import annotations

from typing import NamedTuple


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
