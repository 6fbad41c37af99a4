# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan of sealing carried out: by folder descriptors and names that are no links, so never outside the tree.

The times of folders and of what is rewritten stay as they were: the same tree gives the same result, whenever.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import Folders, failure
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.walker import split
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.seal_plan import (
    CHANGE,
    EMPTY,
    LINK,
    MAKE,
    REMOVE,
    RENAME,
    Action,
)

_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
_NEW = ".goldsmith-seal.new"
_GET_FLAGS, _SET_FLAGS = 0x80086601, 0x40086602
_IMMUTABLE, _APPEND_ONLY = 0x10, 0x20


class Changes:
    """Carries out actions in an open tree."""

    def __init__(self, folders: Folders) -> None:
        self._folders = folders

    def carry_out(self, action: Action) -> None:
        """Carry out one action; what is gone already is no error."""
        verbs = {
            REMOVE: self._remove,
            EMPTY: self._empty,
            MAKE: self._empty,
            CHANGE: self._change,
            LINK: self._link,
            RENAME: self._rename,
        }
        try:
            verbs[action.verb](action)
        except OSError as error:
            raise failure(_IMPERATIVES[action.verb], action.path, error) from error

    def _remove(self, action: Action) -> None:
        above, name = os.path.split(action.path)
        try:
            with self._steady(above) as folder:
                status = os.lstat(name, dir_fd=folder)
                if not stat.S_ISDIR(status.st_mode):
                    self._unlink(folder, name)
                    return
            folders = self._empty_folders(action.path)
            for path in reversed(folders[1:]):
                above_it, own = os.path.split(path)
                self._rmdir(self._folders.open(above_it), own)
            with self._steady(above) as folder:
                self._rmdir(folder, name)
        except OSError as error:
            if error.errno not in _GONE:
                raise

    def _empty_folders(self, path: str) -> list[str]:
        """Remove all below a folder but the folders; return these, each before those below it."""
        found, pending = [], [path]
        while pending:
            real = pending.pop()
            found.append(real)
            folder = self._folders.open(real)
            with os.scandir(folder) as items:
                names = [(item.name, item.is_dir(follow_symlinks=False)) for item in items]
            for name, is_folder in names:
                if is_folder:
                    pending.append(f"{real}/{name}")
                else:
                    self._unlink(folder, name)
        return found

    def _empty(self, action: Action) -> None:
        above, name = os.path.split(action.path)
        with self._making(above) as folder:
            status = _status(folder, name)
            # Another name of the file may be outside the tree: then this one gets a file of its own.
            if status is None or not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
                self._write(folder, name, action.content, status, action.mode)
                return
            descriptor = _insist(folder, name, lambda: os.open(name, os.O_WRONLY | _SAFE, dir_fd=folder))
            try:
                os.ftruncate(descriptor, 0)
                os.utime(descriptor, ns=(status.st_atime_ns, status.st_mtime_ns))
            finally:
                os.close(descriptor)

    def _change(self, action: Action) -> None:
        above, name = os.path.split(action.path)
        with self._steady(above) as folder:
            self._write(folder, name, action.content, _status(folder, name))

    def _link(self, action: Action) -> None:
        above, name = os.path.split(action.path)
        with self._making(above) as folder:
            times = os.fstat(folder)
            with suppress(FileNotFoundError):
                os.unlink(_NEW, dir_fd=folder)
            os.symlink(action.content, _NEW, dir_fd=folder)
            _label(folder, _NEW)
            os.utime(_NEW, ns=(times.st_atime_ns, times.st_mtime_ns), dir_fd=folder, follow_symlinks=False)
            _insist(folder, name, lambda: os.replace(_NEW, name, src_dir_fd=folder, dst_dir_fd=folder))

    def _rename(self, action: Action) -> None:
        above, name = os.path.split(action.path)
        other = os.path.basename(action.content)
        with self._steady(above) as folder:
            _insist(folder, name, lambda: os.replace(name, other, src_dir_fd=folder, dst_dir_fd=folder))

    def _write(self, folder: int, name: str, content: str, status: os.stat_result | None, mode: int = 0o644) -> None:
        """Write a file that takes a name whole, with owner, mode, attributes and times of what had it."""
        times = status or os.fstat(folder)
        with suppress(FileNotFoundError):
            os.unlink(_NEW, dir_fd=folder)
        descriptor = os.open(_NEW, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFE, 0o600, dir_fd=folder)
        with open(descriptor, "wb") as file:
            file.write(content.encode("utf-8", "surrogateescape"))
            file.flush()
            if status is not None and stat.S_ISREG(status.st_mode):
                os.fchown(descriptor, status.st_uid, status.st_gid)
                os.fchmod(descriptor, stat.S_IMODE(status.st_mode))
                _copy_attributes(folder, name, descriptor)
            else:
                os.fchmod(descriptor, mode)
                _label(folder, _NEW)
            os.utime(descriptor, ns=(times.st_atime_ns, times.st_mtime_ns))
        _insist(folder, name, lambda: os.replace(_NEW, name, src_dir_fd=folder, dst_dir_fd=folder))

    def _unlink(self, folder: int, name: str) -> None:
        with suppress(FileNotFoundError):
            _insist(folder, name, lambda: os.unlink(name, dir_fd=folder))

    def _rmdir(self, folder: int, name: str) -> None:
        try:
            _insist(folder, name, lambda: os.rmdir(name, dir_fd=folder))
        except OSError as error:
            # On a running machine somebody may write there again.
            if error.errno not in (*_GONE, errno.ENOTEMPTY):
                raise

    @contextmanager
    def _steady(self, real: str) -> Iterator[int]:
        """Yield an open folder, whose times are afterwards what they were."""
        folder = os.dup(self._folders.open(real))
        try:
            before = os.fstat(folder)
            yield folder
            os.utime(folder, ns=(before.st_atime_ns, before.st_mtime_ns))
        finally:
            os.close(folder)

    @contextmanager
    def _making(self, real: str) -> Iterator[int]:
        """Yield the same; make it first if it is missing."""
        missing = []
        names = split(real)
        while names:
            try:
                self._folders.open("/" + "/".join(names))
                break
            except FileNotFoundError:
                missing.append(names.pop())
        while missing:
            name = missing.pop()
            with self._steady("/" + "/".join(names)) as above:
                times = os.fstat(above)
                os.mkdir(name, 0o755, dir_fd=above)
                _label(above, name)
                os.utime(name, ns=(times.st_atime_ns, times.st_mtime_ns), dir_fd=above, follow_symlinks=False)
            names.append(name)
        with self._steady(real) as folder:
            yield folder


_SAFE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_IMPERATIVES = {
    REMOVE: "remove",
    EMPTY: "empty",
    MAKE: "make",
    CHANGE: "change",
    LINK: "make the link",
    RENAME: "rename",
}


def _status(folder: int, name: str) -> os.stat_result | None:
    try:
        return os.lstat(name, dir_fd=folder)
    except FileNotFoundError:
        return None


def _copy_attributes(folder: int, name: str, target: int) -> None:
    """Copy access lists and the like, as far as this user may."""
    source = os.open(name, os.O_RDONLY | _SAFE, dir_fd=folder)
    try:
        for attribute in os.listxattr(source):
            with suppress(OSError):
                os.setxattr(target, attribute, os.getxattr(source, attribute))
    finally:
        os.close(source)


def _label(folder: int, name: str) -> None:
    """Give a new name the label that SELinux would give it, that of its folder."""
    with suppress(OSError):
        label = os.getxattr(folder, "security.selinux")
        os.setxattr(f"/proc/self/fd/{folder}/{name}", "security.selinux", label, follow_symlinks=False)


def _insist(folder: int, name: str, work: Callable[[], int | None]) -> int | None:
    """Do something to a name in a folder; if it is refused, once more without the flags that protect the two."""
    try:
        return work()
    except PermissionError:
        loosened = _loosen(folder)
        status = _status(folder, name)
        if status is not None and (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            descriptor = os.open(name, os.O_RDONLY | _SAFE, dir_fd=folder)
            try:
                loosened |= _loosen(descriptor)
            finally:
                os.close(descriptor)
        if not loosened:
            raise
        return work()


def _loosen(descriptor: int) -> bool:
    """Take the flags immutable and append-only off; return whether there was one, and it could be done."""
    try:
        (flags,) = struct.unpack("l", fcntl.ioctl(descriptor, _GET_FLAGS, struct.pack("l", 0)))
        if not flags & (_IMMUTABLE | _APPEND_ONLY):
            return False
        fcntl.ioctl(descriptor, _SET_FLAGS, struct.pack("l", flags & ~(_IMMUTABLE | _APPEND_ONLY)))
    except OSError:
        return False
    return True
