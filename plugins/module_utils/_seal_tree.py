# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree read through descriptors of its folders: links lead inside it, and no name of it leads out. Floor 1.

Paths begin with / and are those inside the tree; a real path has no link in it. What is planned to change can be told,
and is then seen as it will be.
"""

from __future__ import annotations

import errno
import fnmatch
import os
import re
import stat
from collections.abc import Iterator
from typing import NamedTuple

from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import GoldsmithError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LINK_LIMIT = 40
# Configuration is small; what is bigger is none.
READ_LIMIT = 16 << 20
_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
# What a running machine keeps on disks of its own; network file systems belong to others as well.
_DISKS = ("btrfs", "ext2", "ext3", "ext4", "f2fs", "jfs", "overlay", "reiserfs", "vfat", "xfs", "zfs")
_OCTAL = re.compile(r"\\([0-7]{3})")


class Entry(NamedTuple):
    """One name in a folder. *path* is its real path."""

    path: str
    mode: int
    size: int

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


class Folders:
    """Open folders by their real paths. The last ones stay open, so that a walk opens each once."""

    def __init__(self, root: str) -> None:
        try:
            self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise GoldsmithError(f"path={root}: cannot be read: {error.strerror}") from error
        self._chain: list[tuple[str, int]] = []

    def open(self, real: str) -> int:
        """Return the descriptor of a folder, valid until the next call."""
        names = split(real)
        same = 0
        while same < min(len(names), len(self._chain)) and self._chain[same][0] == names[same]:
            same += 1
        self._cut(same)
        for name in names[same:]:
            above = self._chain[-1][1] if self._chain else self._root
            self._chain.append((name, os.open(name, _FOLDER, dir_fd=above)))
        return self._chain[-1][1] if self._chain else self._root

    def close(self) -> None:
        """Close all of them."""
        self._cut(0)
        os.close(self._root)

    def _cut(self, length: int) -> None:
        while len(self._chain) > length:
            os.close(self._chain.pop()[1])


class Tree:
    """What a tree holds. *changed* and *hidden* are how it will be."""

    def __init__(
        self, folders: Folders, untouchable: frozenset[str] = frozenset(), mounts: frozenset[str] = frozenset()
    ) -> None:
        """*untouchable* are real paths that are no part of the tree; *mounts* those that are, but mounted there."""
        self._folders = folders
        self._untouchable = untouchable
        self._mounts = mounts
        self._listings: dict[str, dict[str, Entry]] = {}
        self._contents: dict[str, str] = {}
        self.met: set[str] = set()  # the untouchable paths that were in the way

    def find(self, path: str, *, follow: bool = True) -> Entry | None:
        """Return what a path leads to, or the link itself where the last name is one and *follow* is not set."""
        entry, _rest = self._resolve(path, follow)
        return entry

    def place(self, path: str) -> str:
        """Return the real path that a path has or, where folders are missing, will have when they are made."""
        entry, rest = self._resolve(path, False)
        if entry:
            return entry.path
        if rest is None:
            raise GoldsmithError(f"cannot make {shown(path)}: a name on its way is no folder of the tree")
        return rest

    def glob(self, pattern: str) -> list[Entry]:
        """Return what matches a pattern with C(*) in its names, sorted; a link that matches is not followed."""
        *above, last = split(pattern)
        folders = [""]
        for name in above:
            if "*" in name:
                folders = [
                    f"{folder}/{entry.path.rsplit('/', 1)[1]}"
                    for folder in folders
                    for entry in self.entries(folder or "/")
                    if fnmatch.fnmatchcase(entry.path.rsplit("/", 1)[1], name)
                ]
            else:
                folders = [f"{folder}/{name}" for folder in folders]
        found: dict[str, Entry] = {}
        for folder in folders:
            if "*" in last:
                entries = self.entries(folder or "/")
                found.update((e.path, e) for e in entries if fnmatch.fnmatchcase(e.path.rsplit("/", 1)[1], last))
            elif entry := self.find(f"{folder}/{last}", follow=False):
                found[entry.path] = entry
        return list(found.values())

    def entries(self, path: str) -> list[Entry]:
        """Return what is in a folder, sorted by name; nothing where there is no folder."""
        entry = self.find(path)
        return self._sorted(entry.path) if entry and entry.is_folder else []

    def walk(self, path: str) -> Iterator[Entry]:
        """Yield all that is below a folder, each folder before what it holds, links not followed."""
        top = self.find(path)
        pending = [top] if top and top.is_folder else []
        while pending:
            folder = pending.pop()
            for entry in self._sorted(folder.path, keep=False):
                yield entry
                if entry.is_folder:
                    pending.append(entry)

    def read_link(self, entry: Entry) -> str:
        """Return where a link points to, as it is written."""
        above, name = os.path.split(entry.path)
        return os.readlink(name, dir_fd=self._folders.open(above))

    def text(self, path: str, limit: int = READ_LIMIT) -> str | None:
        """Return the text of a regular file, None where there is none, or it is bigger than *limit*."""
        entry = self.find(path)
        if entry is None or not entry.is_file:
            return None
        if entry.path in self._contents:
            return self._contents[entry.path]
        content = b"" if entry.size > limit else self._read(entry.path, limit)
        if entry.size > limit or len(content) > limit:
            return None
        return content.decode("utf-8", "surrogateescape")

    def lines(self, path: str) -> list[str]:
        """Return the lines of a file without comments and blank ones."""
        stripped = (line.strip() for line in (self.text(path) or "").splitlines())
        return [line for line in stripped if line and not line.startswith(("#", ";"))]

    def is_mount(self, real: str) -> bool:
        """Return whether a real path cannot be removed, since something is mounted there, or it is in use."""
        return real in self._mounts or real in self._untouchable

    def holds_mount(self, real: str) -> bool:
        """Return whether there is such a path below."""
        below = real.rstrip("/") + "/"
        self.met |= {path for path in self._untouchable if path.startswith(below)}
        return any(path.startswith(below) for path in self._mounts | self._untouchable)

    def hide(self, real: str) -> None:
        """See a real path no longer."""
        above, name = os.path.split(real)
        self._listing(above).pop(name, None)

    def show(self, real: str, mode: int, content: str) -> None:
        """See a real path as it will be; folders on its way as well."""
        above, name = os.path.split(real)
        if above != "/" and self.find(above, follow=False) is None:
            self.show(above, stat.S_IFDIR | 0o755, "")
        if stat.S_ISDIR(mode):
            self._listings[real] = {}
        else:
            self._contents[real] = content
        self._listing(above)[name] = Entry(real, mode, len(content.encode("utf-8", "surrogateescape")))

    def _resolve(self, path: str, follow: bool) -> tuple[Entry | None, str | None]:
        """Return what a path leads to; where that is nothing, the real path that it would have, if it can have one."""
        if "\0" in path:
            return None, None
        real, todo, links = "/", split(path), 0
        entry: Entry | None = Entry("/", stat.S_IFDIR | 0o755, 0)
        while todo:
            name = todo.pop(0)
            if name == "..":
                real = os.path.dirname(real)
                entry = Entry(real, stat.S_IFDIR | 0o755, 0)
                continue
            if entry is not None and not entry.is_folder:
                return None, None
            entry = self._listing(real).get(name) if entry else None
            if entry is not None and entry.is_link and (todo or follow):
                links += 1
                if links > _LINK_LIMIT:
                    return None, None
                target = self.read_link(entry)
                real = "/" if target.startswith("/") else real
                todo = split(target) + todo
                entry = Entry(real, stat.S_IFDIR | 0o755, 0)
                continue
            real = f"{real.rstrip('/')}/{name}"
            if real in self._untouchable:
                self.met.add(real)
                return None, None
        return (entry, None) if entry else (None, real)

    def _listing(self, real: str) -> dict[str, Entry]:
        if real not in self._listings:
            self._listings[real] = self._list(real)
        return self._listings[real]

    def _sorted(self, real: str, *, keep: bool = True) -> list[Entry]:
        # What is walked is seldom looked at twice.
        listing = self._listing(real) if keep or real in self._listings else self._list(real)
        return [listing[name] for name in sorted(listing)]

    def _list(self, real: str) -> dict[str, Entry]:
        prefix = real.rstrip("/") + "/"
        found = {}
        try:
            with os.scandir(self._folders.open(real)) as items:
                for item in items:
                    path = prefix + item.name
                    if path in self._untouchable:
                        self.met.add(path)
                        continue
                    try:
                        status = item.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue  # a running machine removes files of its own
                    found[item.name] = Entry(path, status.st_mode, status.st_size)
        except OSError as error:
            if error.errno not in _ABSENT:
                raise failure("read", real, error) from error
        return found

    def _read(self, real: str, limit: int) -> bytes:
        above, name = os.path.split(real)
        try:
            descriptor = os.open(name, _FILE, dir_fd=self._folders.open(above))
            with open(descriptor, "rb") as file:
                # Not to be caught by what took the file's place.
                return file.read(limit + 1) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
        except OSError as error:
            if error.errno in _ABSENT:
                return b""
            raise failure("read", real, error) from error


def split(path: str) -> list[str]:
    """Return the names in a path."""
    return [name for name in path.split("/") if name not in ("", ".")]


def shown(path: str) -> str:
    """Return a path as it can be printed: on one line, and as proper UTF-8."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def failure(verb: str, real: str, error: OSError) -> GoldsmithError:
    """Return an OSError as a line for the user."""
    hint = None
    if error.errno in (errno.EPERM, errno.EACCES):
        hint = "run as the owner of the tree; an immutable file needs root"
    elif error.errno == errno.EMFILE:
        hint = "its folders are nested too deep; raise the limit of open files (ulimit -n)"
    return GoldsmithError(f"cannot {verb} {shown(real)} of the tree: {error.strerror}", hint=hint)


def mounts_below(root: str, mountinfo: str, *, running: bool) -> tuple[frozenset[str], frozenset[str]]:
    """Return the real paths of what is mounted below a root: first what is no part of it, then its own disks.

    Only a *running* machine has such; what is mounted in a tree belongs to somebody else.
    """
    foreign, own = set(), set()
    below = root.rstrip("/") + "/"
    for line in mountinfo.splitlines():
        fields, _dash, behind = line.partition(" - ")
        point = _OCTAL.sub(lambda match: chr(int(match.group(1), 8)), fields.split(" ")[4])
        if point.startswith(below) and point != below:
            is_own = running and behind.split(" ", 1)[0] in _DISKS
            (own if is_own else foreign).add(point[len(below) - 1 :])
    return frozenset(foreign), frozenset(own - foreign)
