# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a guest in an ext file system, whatever their names are, by our own reader. Floor 2."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from ansible_collections.goldsmith.openstack.plugins.module_utils import _ext_reader
from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest_files import Entry, GuestFiles

_CHUNK = 1 << 20


class ImageFiles(GuestFiles):
    """A guest that is the file system at an offset of a file."""

    def __init__(self, path: str, offset: int, where: str) -> None:
        """*where* is what a user calls it, for errors."""
        super().__init__()
        self._where = where
        with self._explained():
            self._source = _ext_reader.Filesystem(path, offset)

    def close(self) -> None:
        """Let the file go."""
        self._source.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (_ext_reader.Damaged, ValueError, OverflowError, struct.error, RecursionError) as error:
            raise GoldsmithError(f"the file system in {self._where} cannot be read: {error}") from None

    def _root(self) -> Entry:
        return self._entry("/", _ext_reader.ROOT)

    def _entry(self, path: str, number: int) -> Entry:
        with self._explained():
            node = self._source.node(number)
        return Entry(path, node.mode, node.size, number)

    def _prefetch(self, folders: Iterable[Entry]) -> None:
        for folder in folders:
            if folder.path in self._folders:
                continue
            with self._explained():
                listed = self._source.folder(self._source.node(folder.inode))
            names = [(os.fsdecode(name), number) for name, number in listed]
            top = folder.path.rstrip("/")
            self._folders[folder.path] = {name: self._entry(f"{top}/{name}", number) for name, number in names}

    def _read_link(self, entry: Entry) -> str:
        with self._explained():
            return os.fsdecode(self._source.link(self._source.node(entry.inode)))

    def _read(self, entry: Entry, limit: int) -> bytes:
        found = bytearray()
        for chunk in self._chunks(entry):
            found += chunk
            if len(found) >= limit:
                break
        return bytes(found[:limit])

    def _copy_out(self, entry: Entry, output: str) -> None:
        with open(output, "wb") as copy:
            for chunk in self._chunks(entry):
                copy.write(chunk)

    def _chunks(self, entry: Entry) -> Iterator[bytes]:
        """Yield the content of a file, zeros for its holes."""
        with self._explained():
            node = self._source.node(entry.inode)
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
