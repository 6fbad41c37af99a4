# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree as the nodes of a file system that is to be written: in an order that depends on nothing but the tree.

It becomes part of a program behind the namespaces, so it needs the standard library only.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError

BLOCK = 4096
ROOT = 0
# A stretch of zeros this long becomes a hole where it is aligned, on every host: what lies in holes of the tree itself
# depends on the host's file system.
HOLE = 65536
_ZEROS = bytes(HOLE)
_LABEL = b"security.selinux"
_CHUNK = 16 * HOLE
_KINDS = (stat.S_IFREG, stat.S_IFDIR, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFLNK)


@dataclass
class Node:
    """A file, folder, link, socket, pipe or device. *mtime* is in nanoseconds; *names* are (folder, name)."""

    mode: int
    uid: int = 0
    gid: int = 0
    mtime: int = 0
    size: int = 0
    rdev: int = 0
    source: str = ""
    target: bytes = b""
    xattrs: tuple[tuple[bytes, bytes], ...] = ()
    names: list[tuple[int, bytes]] = field(default_factory=list)
    children: dict[bytes, int] = field(default_factory=dict)
    # Whether zeros stay: not every boot loader can read holes.
    whole: bool = False

    @property
    def kind(self) -> int:
        """Its type as the folders of xfs and btrfs have it."""
        return _KINDS.index(stat.S_IFMT(self.mode)) + 1

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return stat.S_ISDIR(self.mode)

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.mode)

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.mode)


def scan(tree: str, additions: Mapping[str, str], epoch: int, labels: Mapping[str, str] | None = None) -> list[Node]:
    """Return the nodes of a tree, the root first, each folder's in the order of their names.

    *additions* maps paths inside to host files, which come in place of what is there as root's, mode 0644; folders on
    the way are made. Their time is *epoch*, in seconds. *labels* are those of SELinux, by paths inside, where
    there is none. File systems that are mounted in the tree are left out.
    """
    device = os.lstat(tree).st_dev
    nodes = [_node(tree)]
    seen: dict[tuple[int, int], int] = {}
    pending = [(ROOT, tree, "")]
    while pending:
        number, folder, inside = pending.pop()
        with os.scandir(folder) as entries:
            names = sorted(os.fsencode(entry.name) for entry in entries)
        below = []
        for name in names:
            path = os.path.join(folder, os.fsdecode(name))
            found = os.lstat(path)
            identity = (found.st_dev, found.st_ino)
            if identity in seen:
                child = seen[identity]
            else:
                child = len(nodes)
                nodes.append(_node(path))
                place = f"{inside}/{os.fsdecode(name)}"
                nodes[child].whole = place.startswith("/boot/")
                if stat.S_ISDIR(found.st_mode):
                    below += [(child, path, place)] * (found.st_dev == device)
                elif found.st_nlink > 1:
                    seen[identity] = child
            _enter(nodes, number, name, child)
        pending += reversed(below)
    for place, source in sorted(additions.items()):
        _add(nodes, place, source, epoch)
    for place, label in (labels or {}).items():
        _label(nodes, place, label)
    return _in_use(nodes)


def stretches(node: Node) -> list[tuple[int, int]]:
    """Return what of a file's content has to be written: (start, size), the rest is zeros.

    Starts are multiples of HOLE.
    """
    if not node.size or node.whole:
        return [(0, node.size)] if node.size else []
    found: list[tuple[int, int]] = []
    with _opened(node) as descriptor:
        place = _data_from(descriptor, 0, node.size)
        while place < node.size:
            data = _read(node, descriptor, min(_CHUNK, node.size - place), place)
            for at in range(0, len(data), HOLE):
                piece = data[at : at + HOLE]
                if piece == _ZEROS[: len(piece)]:
                    continue
                if found and sum(found[-1]) == place + at:
                    found[-1] = (found[-1][0], found[-1][1] + len(piece))
                else:
                    found.append((place + at, len(piece)))
            place = _data_from(descriptor, place + len(data), node.size)
    return found


def fewer(found: list[tuple[int, int]], most: int) -> list[tuple[int, int]]:
    """Return stretches of which there are no more than *most*: the smallest holes between them are given up."""
    gaps = sorted(range(1, len(found)), key=lambda index: (found[index][0] - sum(found[index - 1]), index))
    given_up = set(gaps[: max(0, len(found) - most)])
    kept: list[tuple[int, int]] = []
    for index, (start, size) in enumerate(found):
        if index in given_up:
            kept[-1] = (kept[-1][0], start + size - kept[-1][0])
        else:
            kept.append((start, size))
    return kept


def content(node: Node, start: int, size: int) -> Iterator[tuple[int, bytes]]:
    """Yield (start, bytes) of a stretch of a file, in chunks."""
    with _opened(node) as descriptor:
        for place in range(start, start + size, _CHUNK):
            yield place, _read(node, descriptor, min(_CHUNK, start + size - place), place)


@contextmanager
def _opened(node: Node) -> Iterator[int]:
    descriptor = os.open(node.source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _data_from(descriptor: int, place: int, size: int) -> int:
    """Return the next aligned place with data in it, *size* for no more: large holes are not read."""
    try:
        return os.lseek(descriptor, place, os.SEEK_DATA) // HOLE * HOLE
    except OSError as error:
        return size if error.errno == errno.ENXIO else place


def _read(node: Node, descriptor: int, size: int, place: int) -> bytes:
    found = os.pread(descriptor, size, place)
    while len(found) < size:
        more = os.pread(descriptor, size - len(found), place + len(found))
        if not more:
            raise GoldsmithError(f"{node.source} became shorter while it was read")
        found += more
    return found


def _node(path: str) -> Node:
    found = os.lstat(path)
    is_link = stat.S_ISLNK(found.st_mode)
    return Node(
        mode=found.st_mode,
        uid=found.st_uid,
        gid=found.st_gid,
        mtime=found.st_mtime_ns,
        size=found.st_size if stat.S_ISREG(found.st_mode) else 0,
        rdev=found.st_rdev if stat.S_ISCHR(found.st_mode) or stat.S_ISBLK(found.st_mode) else 0,
        source=path,
        target=os.readlink(os.fsencode(path)) if is_link else b"",
        xattrs=_xattrs(path),
    )


def _xattrs(path: str) -> tuple[tuple[bytes, bytes], ...]:
    try:
        names = os.listxattr(path, follow_symlinks=False)
    except OSError as error:
        # A file system without any.
        if error.errno in (errno.ENOTSUP, errno.EPERM, errno.EACCES):
            return ()
        raise
    return tuple((os.fsencode(name), os.getxattr(path, name, follow_symlinks=False)) for name in sorted(names))


def _enter(nodes: list[Node], folder: int, name: bytes, child: int) -> None:
    nodes[folder].children[name] = child
    nodes[child].names.append((folder, name))


def _add(nodes: list[Node], place: str, source: str, epoch: int) -> None:
    *folders, last = (os.fsencode(name) for name in place.split("/") if name)
    here = ROOT
    for name in folders:
        if name not in nodes[here].children:
            nodes.append(Node(stat.S_IFDIR | 0o755, mtime=epoch * 10**9))
            _enter(nodes, here, name, len(nodes) - 1)
        here = nodes[here].children[name]
        if not nodes[here].is_folder:
            raise GoldsmithError(f"{os.fsdecode(name)} on the way to {place} is no folder of the tree")
    if last in nodes[here].children:
        nodes[nodes[here].children[last]].names.remove((here, last))
    size = os.stat(source).st_size
    nodes.append(Node(stat.S_IFREG | 0o644, mtime=epoch * 10**9, size=size, source=source, whole=True))
    _enter(nodes, here, last, len(nodes) - 1)


def _label(nodes: list[Node], place: str, label: str) -> None:
    here: int | None = ROOT
    for name in (os.fsencode(name) for name in place.split("/") if name):
        here = nodes[here].children.get(name) if here is not None else None
    if here is not None and _LABEL not in dict(nodes[here].xattrs):
        nodes[here].xattrs = tuple(sorted((*nodes[here].xattrs, (_LABEL, label.encode() + b"\0"))))


def _in_use(nodes: list[Node]) -> list[Node]:
    """Leave out the nodes that have no name any more."""
    kept = [number for number, node in enumerate(nodes) if number == ROOT or node.names]
    renumbered = {number: index for index, number in enumerate(kept)}
    for number in kept:
        node = nodes[number]
        node.names = [(renumbered[folder], name) for folder, name in node.names]
        node.children = {name: renumbered[child] for name, child in sorted(node.children.items())}
    return [nodes[number] for number in kept]
