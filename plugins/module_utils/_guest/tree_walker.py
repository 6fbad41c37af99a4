# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a guest that is a folder of this host, read through descriptors of its folders.

Only names that are no links are ever handed to the kernel, so none of them leads out, whoever changes the tree
meanwhile.
"""

from __future__ import annotations

import errno
import os
import stat
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.walker import Entry, GuestFiles, joined, split
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.texts import one_line

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
_CHUNK = 1 << 20


class Folders:
    """Open folders by their real paths. The last ones stay open, so that a walk opens each once."""

    def __init__(self, root: str) -> None:
        try:
            top = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise GoldsmithError(f"the tree {root} cannot be read: {error.strerror}") from error
        self._chain = [("", top)]
        weakref.finalize(self, _close, self._chain, 0)

    def open(self, real: str) -> int:
        """Return the descriptor of a folder, valid until the next call."""
        names = ["", *split(real)]
        same = 1
        while same < min(len(names), len(self._chain)) and self._chain[same][0] == names[same]:
            same += 1
        _close(self._chain, same)
        for name in names[same:]:
            self._chain.append((name, os.open(name, _FOLDER, dir_fd=self._chain[-1][1])))
        return self._chain[-1][1]


class TreeFiles(GuestFiles):
    """A guest that is a folder; what disappears while it is read is missing."""

    def __init__(self, root: str) -> None:
        super().__init__(Entry("/", stat.S_IFDIR | 0o755, 0))
        self.folders = Folders(root)

    def _list(self, folder: Entry) -> Iterator[Entry]:
        with _explained(folder), os.scandir(self.folders.open(folder.path)) as items:
            for item in items:
                try:
                    status = item.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue  # a running machine removes files of its own
                yield Entry(joined(folder.path, item.name), status.st_mode, status.st_size)

    def _read_link(self, entry: Entry) -> str:
        above, name = os.path.split(entry.path)
        return os.readlink(name, dir_fd=self.folders.open(above))

    def _chunks(self, entry: Entry) -> Iterator[bytes]:
        above, name = os.path.split(entry.path)
        with _explained(entry), open(os.open(name, _FILE, dir_fd=self.folders.open(above)), "rb") as file:
            # Not to be caught by what took the file's place.
            while stat.S_ISREG(os.fstat(file.fileno()).st_mode) and (chunk := file.read(_CHUNK)):
                yield chunk


@contextmanager
def _explained(entry: Entry) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _ABSENT:
            raise failure("read", entry.path, error) from error


def _close(chain: list[tuple[str, int]], length: int) -> None:
    while len(chain) > length:
        os.close(chain.pop()[1])


def shown(path: str) -> str:
    """Return a path as it can be printed: on one line, and as proper UTF-8."""
    return one_line(os.fsencode(path).decode("utf-8", "backslashreplace"))


def failure(verb: str, real: str, error: OSError) -> GoldsmithError:
    """Return an OSError as a line for the user."""
    hint = None
    if error.errno in (errno.EPERM, errno.EACCES):
        hint = "run as the owner of the tree; an immutable file needs root"
    elif error.errno == errno.EMFILE:
        hint = "its folders are nested too deep; raise the limit of open files (ulimit -n)"
    return GoldsmithError(f"cannot {verb} {shown(real)} of the tree: {error.strerror}", hint=hint)
