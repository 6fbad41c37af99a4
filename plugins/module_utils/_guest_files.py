# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a guest, read from outside: its links lead inside it, never into this host. Floor 2."""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._run import Runner

FILE, FOLDER, LINK, OTHER = "file", "folder", "link", "other"
# Configuration is small; what is bigger is read up to here.
_READ_LIMIT = 4 << 20
_LINK_LIMIT = 40
_LISTED = re.compile(r"^/(\d+)/(\d{6})/(\d+)/(\d+)/([^/]+)/(\d*)/$")
_FAST_LINK = re.compile(r'^Fast link dest: "(.*)"$', re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Entry:
    """One name in a folder. *path* is its real path inside the guest, free of links; *inode* 0: not known."""

    path: str
    mode: int
    size: int
    inode: int = 0

    @property
    def kind(self) -> str:
        """One of FILE, FOLDER, LINK and OTHER (devices, sockets, pipes)."""
        kinds = {stat.S_IFREG: FILE, stat.S_IFDIR: FOLDER, stat.S_IFLNK: LINK}
        return kinds.get(stat.S_IFMT(self.mode), OTHER)


class GuestFiles(ABC):
    """Reads files by their paths inside the guest. What is missing is None or empty, not an error."""

    def __init__(self) -> None:
        self._folders: dict[str, dict[str, Entry]] = {}

    def find(self, path: str, *, follow: bool = True) -> Entry | None:
        """Return what a path leads to, or the link itself where the last name is one and *follow* is not set."""
        real = "/"
        todo = _names(path)
        links = 0
        entry = self._root()
        while todo:
            name = todo.pop(0)
            if name == "..":
                real = os.path.dirname(real)
                entry = self._at(real)
                continue
            if entry is None or entry.kind != FOLDER:
                return None
            entry = self._listing(real).get(name)
            if entry is None:
                return None
            if entry.kind == LINK and (todo or follow):
                links += 1
                if links > _LINK_LIMIT:
                    return None
                target = self._read_link(entry)
                if target.startswith("/"):
                    real = "/"
                entry = self._at(real)
                todo = _names(target) + todo
                continue
            real = entry.path
        return entry

    def exists(self, path: str) -> bool:
        """Return whether there is such a name, be it a link that leads nowhere."""
        return self.find(path, follow=False) is not None

    def is_file(self, path: str) -> bool:
        """Return whether a path leads to a regular file."""
        entry = self.find(path)
        return entry is not None and entry.kind == FILE

    def link(self, path: str) -> str | None:
        """Return where a link points to, as it is written."""
        entry = self.find(path, follow=False)
        return self._read_link(entry) if entry and entry.kind == LINK else None

    def names(self, path: str) -> list[str]:
        """Return the names in a folder, sorted."""
        entry = self.find(path)
        return sorted(self._listing(entry.path)) if entry and entry.kind == FOLDER else []

    def text(self, path: str) -> str | None:
        """Return the text of a regular file, None where there is none."""
        entry = self.find(path)
        return self._read(entry, _READ_LIMIT).decode("utf-8", "replace") if entry and entry.kind == FILE else None

    def copy_out(self, path: str, output: str, *, limit: int) -> None:
        """Write a regular file's bytes to a host path; raise GoldsmithError where there is none, or it is too big."""
        entry = self.find(path)
        if not entry or entry.kind != FILE:
            raise GoldsmithError(f"{path} is no file of the guest")
        if entry.size > limit:
            raise GoldsmithError(f"the file {entry.path} of {entry.size} bytes is too big to be read")
        self._copy_out(entry, output)

    def glob(self, pattern: str) -> list[str]:
        """Return the paths that match a pattern with C(*) in its names, sorted."""
        found = [""]
        for name in _names(pattern):
            if any(sign in name for sign in "*?["):
                children = [(folder, child) for folder in found for child in self.names(folder)]
                found = [f"{folder}/{child}" for folder, child in children if fnmatch.fnmatchcase(child, name)]
            else:
                found = [f"{folder}/{name}" for folder in found if self.exists(f"{folder}/{name}")]
        return found

    def walk(self, path: str) -> Iterator[Entry]:
        """Yield all that is below a folder, links not followed."""
        top = self.find(path)
        level = [top] if top and top.kind == FOLDER else []
        seen: set[int] = set()
        while level:
            self._prefetch(level)
            below = [entry for folder in level for entry in self._listing(folder.path).values()]
            yield from below
            # In a crafted file system a folder may be its own ancestor.
            level = [entry for entry in below if entry.kind == FOLDER and not (entry.inode and entry.inode in seen)]
            seen |= {entry.inode for entry in level}

    def _listing(self, real: str) -> dict[str, Entry]:
        if real not in self._folders:
            entry = self._at(real)
            if entry is None:
                return {}
            self._prefetch([entry])
        return self._folders[real]

    def _at(self, real: str) -> Entry | None:
        if real == "/":
            return self._root()
        return self._listing(os.path.dirname(real)).get(os.path.basename(real))

    @abstractmethod
    def _root(self) -> Entry: ...

    @abstractmethod
    def _prefetch(self, folders: Iterable[Entry]) -> None:
        """List folders into self._folders."""

    @abstractmethod
    def _read_link(self, entry: Entry) -> str: ...

    @abstractmethod
    def _read(self, entry: Entry, limit: int) -> bytes: ...

    @abstractmethod
    def _copy_out(self, entry: Entry, output: str) -> None: ...


class TreeFiles(GuestFiles):
    """A guest that is a folder of this host. Only names that are no links are ever handed to the kernel."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = os.path.realpath(folder)

    def _host(self, real: str) -> str:
        return self._folder + real

    def _root(self) -> Entry:
        return _entry("/", os.lstat(self._folder))

    def _prefetch(self, folders: Iterable[Entry]) -> None:
        for folder in folders:
            if folder.path in self._folders:
                continue
            try:
                with os.scandir(self._host(folder.path)) as found:
                    self._folders[folder.path] = {
                        item.name: _entry(_join(folder.path, item.name), item.stat(follow_symlinks=False))
                        for item in found
                    }
            except OSError as error:
                raise self._unreadable(folder.path, error) from error

    def _read_link(self, entry: Entry) -> str:
        return os.readlink(self._host(entry.path))

    def _read(self, entry: Entry, limit: int) -> bytes:
        with self._open(entry) as file:
            return file.read(limit)

    def _copy_out(self, entry: Entry, output: str) -> None:
        with self._open(entry) as file, open(output, "wb") as copy:
            shutil.copyfileobj(file, copy)

    def _open(self, entry: Entry) -> BinaryIO:
        try:
            # Not to be caught by a pipe or a link that took the file's place.
            descriptor = os.open(self._host(entry.path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise self._unreadable(entry.path, error) from error
        return open(descriptor, "rb")

    def _unreadable(self, real: str, error: OSError) -> GoldsmithError:
        return GoldsmithError(
            f"cannot read {real} in {self._folder}: {error.strerror}",
            hint="run as the owner of the tree, or audit the image made of it",
        )


class ExtFiles(GuestFiles):
    """A guest that is an ext file system in an image, read by debugfs without a mount."""

    def __init__(self, runner: Runner, target: str) -> None:
        """*target* is the image as debugfs takes it: a path, with C(?offset=BYTES) where it begins inside."""
        super().__init__()
        self._runner, self._target = runner, target

    def _root(self) -> Entry:
        return Entry("/", stat.S_IFDIR | 0o755, 0, 2)

    def _prefetch(self, folders: Iterable[Entry]) -> None:
        wanted = [folder for folder in folders if folder.path not in self._folders]
        if not wanted:
            return
        commands = [f"ls -p <{folder.inode}>" for folder in wanted]
        output = self._debugfs("-f", "/dev/stdin", stdin="".join(f"{command}\n" for command in commands))
        sections = split_output(output, commands)
        for folder, lines in zip(wanted, sections):
            self._folders[folder.path] = parse_listing(lines, folder.path)

    def _read_link(self, entry: Entry) -> str:
        found = _FAST_LINK.search(self._debugfs("-R", f"stat <{entry.inode}>"))
        return found.group(1) if found else self._debugfs("-R", f"cat <{entry.inode}>")

    def _read(self, entry: Entry, limit: int) -> bytes:
        if entry.size > limit:
            raise GoldsmithError(f"the file {entry.path} of {entry.size} bytes in {self._target} is too big to be read")
        return self._debugfs("-R", f"cat <{entry.inode}>").encode()

    def _copy_out(self, entry: Entry, output: str) -> None:
        self._debugfs("-R", f'dump <{entry.inode}> "{output}"')
        # debugfs exits with 0 whatever it did.
        if not os.path.isfile(output) or os.path.getsize(output) != entry.size:
            raise GoldsmithError(f"cannot read {entry.path} in {self._target}", hint="check it with e2fsck")

    def _debugfs(self, *arguments: str, stdin: str | None = None) -> str:
        # -c: without the bitmaps, which takes no time and looks at no more than is needed.
        return self._runner.run(["debugfs", "-c", *arguments, self._target], stdin=stdin, timeout=300).stdout


def split_output(output: str, commands: list[str]) -> list[list[str]]:
    """Return the lines that debugfs printed for each command.

    Each command must be echoed exactly once: a name with a line break in it could look like an echo.
    """
    sections: list[list[str]] = []
    for line in output.split("\n"):
        if line.startswith("debugfs: "):
            if len(sections) == len(commands) or line != f"debugfs: {commands[len(sections)]}":
                raise GoldsmithError(
                    "a file name in the image looks like output of debugfs", hint="the image is hostile"
                )
            sections.append([])
        elif line and sections:
            sections[-1].append(line)
    if len(sections) != len(commands):
        raise GoldsmithError("debugfs cannot read the file system", hint="check it with e2fsck")
    return sections


def parse_listing(lines: Iterable[str], folder: str) -> dict[str, Entry]:
    """Return the entries of C(ls -p) of debugfs."""
    entries = {}
    for line in lines:
        if line.startswith("/0/"):
            continue  # an unused slot
        match = _LISTED.match(line)
        if not match:
            raise GoldsmithError(f"a file name in {folder} of the image holds a line break", hint="remove the file")
        inode, mode, _uid, _gid, name, size = match.groups()
        if name not in (".", ".."):
            entries[name] = Entry(_join(folder, name), int(mode, 8), int(size or 0), int(inode))
    return entries


def _names(path: str) -> list[str]:
    return [name for name in path.split("/") if name not in ("", ".")]


def _join(folder: str, name: str) -> str:
    return f"{folder.rstrip('/')}/{name}"


def _entry(path: str, status: os.stat_result) -> Entry:
    return Entry(path, status.st_mode, status.st_size)
