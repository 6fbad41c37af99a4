# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a guest in an ext, xfs or btrfs file system: one walker for each kind, none of which mounts."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import volume
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.ext_walker import ImageFiles
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.walker import Entry, GuestFiles, joined
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.foreign import Damaged

_FAULTS = (Damaged, ValueError, OverflowError, IndexError, struct.error, RecursionError)


def files_of(fstype: str, path: str, offset: int, where: str, subvolume: str = "") -> GuestFiles:
    """Return the files in the file system at an offset of a file; *where* is what a user calls it, for errors.

    *subvolume* is one of a btrfs; empty: the one that is mounted where none is named.
    """
    if fstype in volume.SMALLEST:
        return VolumeFiles(fstype, path, offset, where, subvolume)
    return ImageFiles(path, offset, where)


class VolumeFiles(GuestFiles):
    """A guest that is an xfs or a btrfs, or a folder or a tar that is read like one."""

    def __init__(self, fstype: str, path: str, offset: int, where: str, subvolume: str = "") -> None:
        """*where* is what a user calls it, for errors."""
        self._where = where if fstype in (volume.FOLDER, volume.TAR) else f"the file system in {where}"
        with self._explained():
            self._source = volume.reader(fstype, path, offset, subvolume)
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
