# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder of this host as a file system that is read: what is mounted in it is left out, and no link is followed."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.fs_reader import FsReader, Inode
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.foreign import CHUNK, Damaged, Piece

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class FolderReader(FsReader):
    """Gives files numbers as it finds them; the same file has the same number by each of its names."""

    root = 1
    is_clean = True

    def __init__(self, path: str, offset: int = 0) -> None:
        super().__init__(path, offset)
        self._device = os.fstat(self.descriptor).st_dev
        self._paths: list[bytes] = [b"", b""]
        self._numbers: dict[tuple[int, int], int] = {}

    def inode(self, number: int) -> Inode:
        path = self._paths[number]
        with self._above(path) as (above, name):
            status = os.stat(name, dir_fd=above, follow_symlinks=False) if name else os.fstat(above)
        device = (os.major(status.st_rdev), os.minor(status.st_rdev))
        size = status.st_size if stat.S_ISREG(status.st_mode) else 0
        owner = {"uid": status.st_uid, "gid": status.st_gid, "links": status.st_nlink}
        times = {"mtime": status.st_mtime_ns, "atime": status.st_atime_ns}
        return Inode(number, status.st_mode, size, **owner, **times, device=device, form=status.st_dev != self._device)

    def folder(self, inode: Inode) -> Iterator[tuple[bytes, int]]:
        path = self._paths[inode.number]
        # A file system of its own, such as /proc
        if inode.form:
            return
        with self._above(os.path.join(path, b"x")) as (descriptor, _name):
            names = sorted(os.fsencode(name) for name in os.listdir(descriptor))
            found = []
            for name in names:
                with suppress(FileNotFoundError):  # it went meanwhile
                    found.append((name, os.stat(name, dir_fd=descriptor, follow_symlinks=False)))
        for name, status in found:
            yield name, self._number(os.path.join(path, name), status)

    def link(self, inode: Inode) -> bytes:
        with self._above(self._paths[inode.number]) as (above, name):
            return os.readlink(name, dir_fd=above)

    def attributes(self, inode: Inode) -> dict[str, bytes]:
        found = {}
        with self._above(self._paths[inode.number]) as (above, name):
            # Those of links and devices can be read by their names only.
            place = f"/proc/self/fd/{above}/".encode() + name
            try:
                for attribute in os.listxattr(place, follow_symlinks=False):
                    found[attribute] = os.getxattr(place, attribute, follow_symlinks=False)
            except OSError as error:
                if error.errno not in (errno.EOPNOTSUPP, errno.ENODATA):
                    raise
        return found

    def _pieces(self, inode: Inode) -> Iterator[Piece]:
        with self._above(self._paths[inode.number]) as (above, name):
            file = os.open(name, _FILE, dir_fd=above)
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise Damaged(f"/{os.fsdecode(self._paths[inode.number])} was changed meanwhile")
            place = 0
            while place < inode.size:
                try:
                    start = os.lseek(file, place, os.SEEK_DATA)
                except OSError:
                    return  # no more data
                end = place = min(os.lseek(file, start, os.SEEK_HOLE), inode.size)
                for at in range(start, end, CHUNK):
                    data = os.pread(file, min(CHUNK, end - at), at)
                    yield Piece(at, len(data), data=data)
        finally:
            os.close(file)

    def _number(self, path: bytes, status: os.stat_result) -> int:
        key = (status.st_dev, status.st_ino)
        if key not in self._numbers or stat.S_ISDIR(status.st_mode):
            self._numbers[key] = len(self._paths)
            self._paths.append(path)
        return self._numbers[key]

    @contextmanager
    def _above(self, path: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield the folder that holds a path, opened name by name, and the last name; of the top itself no name."""
        *names, last = path.split(b"/")
        descriptor = os.dup(self.descriptor)
        try:
            for name in names:
                inner = os.open(name, _FOLDER, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
            yield descriptor, last
        finally:
            os.close(descriptor)
