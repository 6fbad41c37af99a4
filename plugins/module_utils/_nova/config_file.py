# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A configuration file that is there already, replaced whole and with all attributes that it has.

Its folder may belong to another account, as that of a service does, and the file may hold secrets: nothing is opened by
a name that this account could turn into a link, and no copy is readable by more than the file is.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.locks import take

# Bytes; a sample with all options of a service has 350 KB.
_MAX_SIZE = 16 << 20
# They vouch for the content, and another content is written.
_OF_CONTENT = ("security.ima", "security.evm")


@dataclass(frozen=True)
class ConfigFile:
    """A file that nobody else replaces by this way while it is held. *path* has no links in it."""

    path: str
    text: str
    descriptor: int

    def replace(self, text: str) -> None:
        """Put another content in its place: whole or not at all; owner, mode, ACL and SELinux context stay."""
        partial = os.path.join(os.path.dirname(self.path), f".{os.path.basename(self.path)}.partial")
        with _explained("write", self.path):
            # What a killed run left; the file itself is held, so nobody is at work on it.
            with contextlib.suppress(FileNotFoundError):
                os.unlink(partial)
            try:
                self._copy_to(partial, text)
                os.replace(partial, self.path)
            except BaseException:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(partial)
                raise
            folder = os.open(os.path.dirname(self.path), os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def back_up(self) -> str:
        """Make a copy beside it, with the same attributes, and return its path."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        copy = f"{self.path}.{stamp}.{os.getpid()}~"
        with _explained("write", copy):
            self._copy_to(copy, self.text)
        return copy

    def _copy_to(self, path: str, text: str) -> None:
        status = os.fstat(self.descriptor)
        new = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(new, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            made = os.fstat(new)
            if (made.st_uid, made.st_gid) != (status.st_uid, status.st_gid):
                os.fchown(new, status.st_uid, status.st_gid)
            os.fchmod(new, stat.S_IMODE(status.st_mode))
            _copy_attributes(self.descriptor, new)
            file.write(text)
            file.flush()
            os.fsync(new)


def read(path: str) -> str:
    """Return the content of a file as text, of which every byte can be written again."""
    with _explained("read", path):
        # A pipe would wait for its other end, and a device may act on being opened.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        _require_configuration(path, descriptor)
        with open(descriptor, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read(_MAX_SIZE)


@contextmanager
def held(path: str) -> Iterator[ConfigFile]:
    """Yield a file that can be replaced; raise GoldsmithError where another run of ours holds it."""
    with _explained("read", path):
        real = os.path.realpath(path)
        descriptor = take(real, f"{real} is being changed", flags=os.O_RDONLY)
    with open(descriptor, encoding="utf-8", errors="surrogateescape", newline="") as file:
        _require_configuration(path, descriptor)
        yield ConfigFile(real, file.read(_MAX_SIZE), descriptor)


def _require_configuration(path: str, descriptor: int) -> None:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_size >= _MAX_SIZE:
        raise GoldsmithError(f"{path} is not a configuration file", hint="name the one that the service reads")


def _copy_attributes(source: int, target: int) -> None:
    """Give a file the extended attributes of another one, among them SELinux context and ACL."""
    try:
        names = os.listxattr(source)
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return
        raise
    for name in names:
        if name in _OF_CONTENT:
            continue
        value = os.getxattr(source, name)
        with contextlib.suppress(OSError):
            # A new file has the context of its folder, which another account cannot set again.
            if os.getxattr(target, name) == value:
                continue
        os.setxattr(target, name, value)


@contextmanager
def _explained(verb: str, path: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise GoldsmithError(f"{path} is not there", hint="install the service, or name its file") from None
    except PermissionError as error:
        reason = error.strerror or str(error)
        raise GoldsmithError(f"cannot {verb} {path}: {reason}", hint="run as root: become: true") from error
    except OSError as error:
        raise GoldsmithError(f"cannot {verb} {path}: {error.strerror or error}") from error
