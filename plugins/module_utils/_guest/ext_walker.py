# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a guest in an ext file system, whatever their names are, by our own reader."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from ansible_collections.goldsmith.openstack.plugins.module_utils._ext import inodes
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.walker import Entry, GuestFiles, joined
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError

_CHUNK = 1 << 20


class ImageFiles(GuestFiles):
    """A guest that is the file system at an offset of a file."""

    def __init__(self, path: str, offset: int, where: str) -> None:
        """*where* is what a user calls it, for errors."""
        self._where = where
        with self._explained():
            self._source = inodes.Filesystem(path, offset)
            super().__init__(self._entry("/", inodes.ROOT))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (inodes.Damaged, ValueError, OverflowError, struct.error, RecursionError) as error:
            raise GoldsmithError(f"the file system in {self._where} cannot be read: {error}") from None

    def _entry(self, path: str, number: int) -> Entry:
        node = self._source.inode(number)
        return Entry(path, node.mode, node.size, number)

    def _list(self, folder: Entry) -> Iterator[Entry]:
        with self._explained():
            for name, number in self._source.folder(self._source.inode(folder.inode)):
                yield self._entry(joined(folder.path, os.fsdecode(name)), number)

    def _read_link(self, entry: Entry) -> str:
        with self._explained():
            return os.fsdecode(self._source.link(self._source.inode(entry.inode)))

    def _chunks(self, entry: Entry) -> Iterator[bytes]:
        """Yield the content of a file, zeros for its holes."""
        with self._explained():
            node = self._source.inode(entry.inode)
            inline = self._source.inline_data(node)
            if inline is not None:
                yield inline
                return
            place = 0
            for start, where, size in self._source.runs(node):
                yield from _zeros(start - place)
                for at in range(0, size, _CHUNK):
                    yield self._source.read_at(where + at, min(_CHUNK, size - at))
                place = start + size
            yield from _zeros(node.size - place)


def _zeros(size: int) -> Iterator[bytes]:
    for at in range(0, size, _CHUNK):
        yield bytes(min(_CHUNK, size - at))
