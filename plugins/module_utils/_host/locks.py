# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one lock between processes: a file or a folder, held until its descriptor is closed or its holder dies."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError

FOLDER = os.O_RDONLY | os.O_DIRECTORY
# A link is not followed, and a pipe does not wait for its other end.
_SAFE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def take(
    path: str | os.PathLike[str], busy: str = "", *, flags: int = os.O_RDWR | os.O_CREAT, mode: int = 0o600
) -> int:
    """Return a descriptor of *path*, locked until it is closed. Whoever has it may remove or replace the file.

    Where another process has it: wait, or raise GoldsmithError that begins with *busy*, such as "x is being written".
    """
    while True:
        try:
            descriptor = os.open(path, flags | _SAFE, mode)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise _not_plain(path) from None
            raise
        try:
            if not flags & os.O_DIRECTORY and not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise _not_plain(path)
            fcntl.flock(descriptor, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy else 0))
            # Who had it before may have removed it, or put another file in its place.
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), os.lstat(path)):
                    return descriptor
        except BlockingIOError:
            who = _holder(descriptor)
            os.close(descriptor)
            raise GoldsmithError(f"{busy} by {who}", hint="wait until it ends") from None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


@contextmanager
def locked(path: str | os.PathLike[str], busy: str = "", *, mode: int = 0o600, remove: bool = False) -> Iterator[None]:
    """Hold the lock file *path* over the block, as take() does; *remove* takes it away at the end."""
    descriptor = take(path, busy, mode=mode)
    try:
        yield
    finally:
        if remove:
            with suppress(FileNotFoundError):
                os.unlink(path)
        os.close(descriptor)


def _not_plain(path: str | os.PathLike[str]) -> GoldsmithError:
    return GoldsmithError(f"{os.fspath(path)} is no plain file, so it cannot be locked", hint="remove it")


def _holder(descriptor: int) -> str:
    status = os.fstat(descriptor)
    place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    with suppress(OSError), open("/proc/locks", encoding="ascii") as file:
        for _number, kind, _advisory, _access, pid, held, *_range in map(str.split, file):
            if (kind, held) == ("FLOCK", place) and int(pid) > 0:
                return f"process {pid}"
    # A process of another namespace has no number here.
    return "another process"
