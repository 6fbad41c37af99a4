# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a guest in an ext, xfs or btrfs file system, whatever their names are, by our own readers."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._ext import inodes
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import volume
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.walker import Entry, GuestFiles, joined
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.foreign import Damaged

_FAULTS = (Damaged, ValueError, OverflowError, IndexError, struct.error, RecursionError)


def files_of(fstype: str, path: str, offset: int, where: str, subvolume: str = "") -> VolumeFiles:
    """Return the files in the file system at an offset of a file; *where* is what a user calls it, for errors.

    *subvolume* is one of a btrfs; empty: the one that is mounted where none is named. What is neither xfs nor btrfs is
    taken for an ext.
    """

    def opened() -> Any:
        if fstype in volume.SMALLEST:
            return volume.reader(fstype, path, offset, subvolume)
        return inodes.Filesystem(path, offset)

    return VolumeFiles(f"the file system in {where}", opened)


class VolumeFiles(GuestFiles):
    """A guest that is a file system, or a folder or a tar that is read like one."""

    def __init__(self, where: str, opened: Callable[[], Any]) -> None:
        """*where* is what a user calls it, for errors; *opened* gives its reader."""
        self._where = where
        with self._explained():
            self._source = opened()
            super().__init__(self._entry("/", self._source.root))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except _FAULTS as error:
            raise GoldsmithError(f"{self._where} cannot be read: {error}") from None

    def _entry(self, path: str, number: int) -> Entry:
        inode = self._source.inode(number)
        return Entry(path, inode.mode, inode.size, number)

    def _list(self, folder: Entry) -> Iterator[Entry]:
        with self._explained():
            for name, number in self._source.folder(self._source.inode(folder.inode)):
                yield self._entry(joined(folder.path, os.fsdecode(name)), number)

    def _read_link(self, entry: Entry) -> str:
        with self._explained():
            return os.fsdecode(self._source.link(self._source.inode(entry.inode)))

    def _chunks(self, entry: Entry) -> Iterator[bytes]:
        with self._explained():
            yield from self._source.chunks(self._source.inode(entry.inode))
