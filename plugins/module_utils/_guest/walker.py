# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a guest, read from outside: its links lead inside it, never into this host.

Paths begin with / and are those inside the guest; a real path has no link in it. What is missing is None or empty, not
an error. It becomes part of a program (sealing), so it needs the standard library only.
"""

from __future__ import annotations

import fnmatch
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import NamedTuple

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError

# Configuration is small; what is bigger is read up to here.
_READ_LIMIT = 4 << 20
# As the kernel has it.
_LINK_LIMIT = 40


class Entry(NamedTuple):
    """One name in a folder. *path* is its real path; *inode* 0: not known."""

    path: str
    mode: int
    size: int
    inode: int = 0

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.mode)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return stat.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.mode)


class GuestFiles(ABC):
    """Finds and reads files. What reads the guest itself lists a folder, and gives the bytes of a link or a file."""

    def __init__(self, root: Entry) -> None:
        self._root = root
        self._listings: dict[str, dict[str, Entry]] = {}

    def find(self, path: str, *, follow: bool = True) -> Entry | None:
        """Return what a path leads to, or the link itself where the last name is one and *follow* is not set."""
        return self._resolve(path, follow)[0]

    def exists(self, path: str) -> bool:
        """Return whether there is such a name, be it a link that leads nowhere."""
        return self.find(path, follow=False) is not None

    def is_file(self, path: str) -> bool:
        """Return whether a path leads to a regular file."""
        entry = self.find(path)
        return entry is not None and entry.is_file

    def link(self, path: str) -> str | None:
        """Return where a link points to, as it is written."""
        entry = self.find(path, follow=False)
        return self._read_link(entry) if entry and entry.is_link else None

    def entries(self, path: str) -> list[Entry]:
        """Return what is in a folder, sorted by name."""
        entry = self.find(path)
        return self._sorted(entry) if entry and entry.is_folder else []

    def names(self, path: str) -> list[str]:
        """Return the names in a folder, sorted."""
        return [entry.name for entry in self.entries(path)]

    def text(self, path: str, limit: int = _READ_LIMIT) -> str | None:
        """Return the text of a regular file, of which every byte can be written again; None where there is none."""
        entry = self.find(path)
        return self._read(entry, limit).decode("utf-8", "surrogateescape") if entry and entry.is_file else None

    def lines(self, path: str) -> list[str]:
        """Return the lines of a file without comments and blank ones."""
        stripped = (line.strip() for line in (self.text(path) or "").splitlines())
        return [line for line in stripped if line and not line.startswith(("#", ";"))]

    def copy_out(self, path: str, output: str, *, limit: int) -> None:
        """Write a regular file's bytes to a host path; raise GoldsmithError where there is none, or it is too big."""
        entry = self.find(path)
        if not entry or not entry.is_file:
            raise GoldsmithError(f"{path} is no file of the guest")
        if entry.size > limit:
            raise GoldsmithError(f"the file {entry.path} of {entry.size} bytes is too big to be read")
        with open(output, "wb") as copy:
            copy.writelines(self._chunks(entry))

    def matches(self, pattern: str) -> list[Entry]:
        """Return what matches a pattern with C(*) in its names, sorted; a link that matches is not followed."""
        found = [self._root]
        for name in split(pattern):
            goals = [goal for entry in found if (goal := self.find(entry.path)) and goal.is_folder]
            # Two links may lead to one folder.
            found = list(dict.fromkeys(entry for folder in goals for entry in self._matching(folder, name)))
        return found

    def glob(self, pattern: str) -> list[str]:
        """Return the real paths of what matches a pattern."""
        return [entry.path for entry in self.matches(pattern)]

    def walk(self, path: str) -> Iterator[Entry]:
        """Yield all that is below a folder, each folder before what it holds, links not followed."""
        top = self.find(path)
        pending = [top] if top and top.is_folder else []
        seen: set[int] = set()
        while pending:
            folder = pending.pop()
            # In a crafted file system a folder may be its own ancestor.
            if folder.inode and folder.inode in seen:
                continue
            seen.add(folder.inode)
            for entry in self._sorted(folder):
                yield entry
                if entry.is_folder:
                    pending.append(entry)

    def _resolve(self, path: str, follow: bool) -> tuple[Entry | None, str | None]:
        """Return what a path leads to; where that is nothing, the real path that it would have, if it can have one."""
        way, todo, links = [self._root], split(path), 0
        while todo:
            name = todo.pop(0)
            if not way[-1].is_folder:
                return None, None
            if name == "..":
                way = way[:-1] or way
                continue
            entry = self._listing(way[-1]).get(name)
            if entry is None:
                missing = [name, *todo]
                possible = ".." not in missing and "\0" not in path
                return None, joined(way[-1].path, "/".join(missing)) if possible else None
            if entry.is_link and (todo or follow):
                links += 1
                if links > _LINK_LIMIT:
                    return None, None
                target = self._read_link(entry)
                way = way[:1] if target.startswith("/") else way
                todo = split(target) + todo
            else:
                way.append(entry)
        return way[-1], None

    def _matching(self, folder: Entry, pattern: str) -> list[Entry]:
        if any(sign in pattern for sign in "*?["):
            return [entry for entry in self._sorted(folder) if fnmatch.fnmatchcase(entry.name, pattern)]
        entry = self.find(joined(folder.path, pattern), follow=False)
        return [entry] if entry else []

    def _sorted(self, folder: Entry) -> list[Entry]:
        listing = self._listing(folder)
        return [listing[name] for name in sorted(listing)]

    def _listing(self, folder: Entry) -> dict[str, Entry]:
        if folder.path not in self._listings:
            self._listings[folder.path] = {entry.name: entry for entry in self._list(folder)}
        return self._listings[folder.path]

    def _read(self, entry: Entry, limit: int) -> bytes:
        found = bytearray()
        for chunk in self._chunks(entry):
            found += chunk
            if len(found) >= limit:
                break
        return bytes(found[:limit])

    @abstractmethod
    def _list(self, folder: Entry) -> Iterator[Entry]: ...

    @abstractmethod
    def _read_link(self, entry: Entry) -> str: ...

    @abstractmethod
    def _chunks(self, entry: Entry) -> Iterator[bytes]: ...


def split(path: str) -> list[str]:
    """Return the names in a path."""
    return [name for name in path.split("/") if name not in ("", ".")]


def joined(folder: str, name: str) -> str:
    """Return the path of a name in a folder."""
    return f"{folder.rstrip('/')}/{name}"
