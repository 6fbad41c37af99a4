# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file system becomes a folder: owners, modes, times, attributes, hard links, holes and devices.

This file is also the program that does it, behind the prefix of the namespaces in which the owners can be given. So
it imports the standard library and the readers only.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import struct
import sys
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, field
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._ext.inodes import Filesystem, Node
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.btrfs_reader import BtrfsReader
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.folder_reader import FolderReader
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.fs_reader import FsReader, Inode
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.tar_reader import TarReader
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.xfs_reader import XfsReader
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.foreign import Damaged

_DEEPEST = 400
_CHUNK = 1 << 20
_SMALL = 64 << 10
_EVERY = 256
# Between file systems that cannot copy among themselves; then it goes through our own memory.
_NO_COPY = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF, errno.EPERM)


@dataclass
class Unpacked:
    """What was made. *attributes_left_out* counts those that this user may not set, by their names."""

    files: int = 0
    size: int = 0
    hard_links: int = 0
    devices_left_out: int = 0
    attributes_left_out: dict[str, int] = field(default_factory=dict)


class Unpacker:
    """Writes the files of one file system below a folder, which is empty and reached by no name of the image."""

    def __init__(
        self,
        source: Filesystem | FsReader,
        hidden: Collection[bytes],
        say: Callable[[int, int], None],
        unwanted: Collection[bytes] = (),
    ) -> None:
        """Of the folders *hidden* only the folder itself is made, of *unwanted*, which are no folders, nothing.

        Both are paths without a leading slash.
        """
        self._source, self._hidden, self._say = source, frozenset(hidden), say
        self._unwanted = frozenset(unwanted)
        self._found: set[int] = set()
        self._paths: dict[int, bytes] = {}
        self._copies = True
        self._top = -1
        self._total = 0
        self.done = Unpacked()

    def run(self, top: int) -> Unpacked:
        """Fill the folder *top*, a descriptor; raise Damaged where the file system is not what it says."""
        self._top, self._total = top, self._source.named
        self._folder(self._source.inode(self._source.root), os.dup(top), b"", 0)
        named = self._source.named
        if named and len(self._found) != named:
            raise Damaged(f"it counts {named} files, but {len(self._found)} have a name")
        self._say(len(self._found), len(self._found))
        return self.done

    def _folder(self, node: Node | Inode, descriptor: int | None, path: bytes, depth: int) -> None:
        """Fill an open folder, or only count what it holds."""
        if node.number in self._found:
            raise Damaged(f"the folder /{_shown(path)} has two names, or is in itself")
        if depth > _DEEPEST:
            raise Damaged(f"its folders are more than {_DEEPEST} deep")
        self._found.add(node.number)
        inner = None if path in self._hidden else descriptor
        for name, number in self._source.folder(node):
            if inner is not None:
                os.fchdir(inner)
            child = self._source.inode(number)
            below = os.path.join(path, name)
            if stat.S_ISDIR(child.mode):
                # Each file system has one of its own, made anew with it.
                leave = below == b"lost+found" and not list(self._source.folder(child))
                self._folder(child, None if inner is None or leave else _make_folder(name), below, depth + 1)
            else:
                self._file(child, name, below, write=inner is not None and below not in self._unwanted)
        if descriptor is not None:
            self._finish(node, descriptor, path)
            os.close(descriptor)
            self.done.files += 1
        else:
            self._source.attributes(node)

    def _file(self, node: Node | Inode, name: bytes, path: bytes, *, write: bool) -> None:
        new = node.number not in self._found
        self._found.add(node.number)
        if not write:
            self._source.attributes(node)
            return
        if node.number in self._paths:
            os.link(self._paths[node.number], name, src_dir_fd=self._top, follow_symlinks=False)
            self.done.hard_links += 1
            return
        if new and len(self._found) % _EVERY == 0:
            self._say(len(self._found), self._total)
        if stat.S_ISREG(node.mode):
            descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                self._content(node, descriptor)
                self._finish(node, descriptor, path)
            finally:
                os.close(descriptor)
        elif stat.S_ISLNK(node.mode):
            os.symlink(self._source.link(node), name)
            self._finish(node, name, path)
        elif not self._special(node, name, path):
            return
        self.done.files += 1
        if node.links > 1:
            self._paths[node.number] = path

    def _special(self, node: Node | Inode, name: bytes, path: bytes) -> bool:
        kind = stat.S_IFMT(node.mode)
        if kind not in (stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFCHR, stat.S_IFBLK):
            raise Damaged(f"/{_shown(path)} is of no known kind (mode {node.mode:o})")
        device = os.makedev(*node.device) if kind in (stat.S_IFCHR, stat.S_IFBLK) else 0
        try:
            os.mknod(name, kind | 0o600, device)
        except PermissionError:
            # Only root makes devices.
            self.done.devices_left_out += 1
            return False
        self._finish(node, name, path)
        return True

    def _content(self, node: Node | Inode, descriptor: int) -> None:
        self.done.size += node.size
        for piece in self._source.pieces(node):
            if piece.data is None:
                self._copy(descriptor, piece.start, piece.place, piece.size)
            else:
                os.pwrite(descriptor, piece.data, piece.start)
        # A hole at the end.
        os.ftruncate(descriptor, node.size)

    def _copy(self, descriptor: int, start: int, place: int, size: int) -> None:
        while size and self._copies and size > _SMALL:
            try:
                copied = os.copy_file_range(
                    self._source.descriptor, descriptor, size, self._source.offset + place, start
                )
            except OSError as error:
                if error.errno not in _NO_COPY:
                    raise
                copied = 0
            self._copies = copied > 0
            start, place, size = start + copied, place + copied, size - copied
        while size:
            chunk = self._source.read_at(place, min(size, _CHUNK))
            written = os.pwrite(descriptor, chunk, start)
            start, place, size = start + written, place + written, size - written

    def _finish(self, node: Node | Inode, target: int | bytes, path: bytes) -> None:
        """Set all but the content; *target* is an open file or a name in the current folder."""
        is_link = stat.S_ISLNK(node.mode)
        follow = {} if isinstance(target, int) else {"follow_symlinks": False}
        try:
            os.chown(target, node.uid, node.gid, **follow)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            raise Damaged(
                f"/{_shown(path)} belongs to {node.uid}:{node.gid}, beyond the ids that this user may give; run as root"
            ) from None
        if not is_link:
            # Giving a file away takes these bits from it.
            os.chmod(target, stat.S_IMODE(node.mode))
        for name, value in self._source.attributes(node).items():
            try:
                os.setxattr(target, name.encode("utf-8", "surrogateescape"), value, **follow)
            except OSError as error:
                if error.errno not in (errno.EPERM, errno.EOPNOTSUPP):
                    raise
                left_out = self.done.attributes_left_out
                left_out[name] = left_out.get(name, 0) + 1
        os.utime(target, ns=(node.atime, node.mtime), **follow)


def _make_folder(name: bytes) -> int:
    os.mkdir(name, 0o700)
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def _open_below(tree: str, mountpoint: str) -> int:
    """Open a folder of the tree; no part of its path may be a link."""
    descriptor = os.open(tree, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for name in mountpoint.strip("/").split("/") if mountpoint != "/" else ():
        try:
            inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=descriptor)
        except OSError:
            raise Damaged(f"the mount point {mountpoint} is no folder of its root file system") from None
        os.close(descriptor)
        descriptor = inner
    return descriptor


def _plain(name: str) -> bytes:
    return name.strip("/").encode("utf-8", "surrogateescape")


def _shown(path: bytes) -> str:
    return path.decode("utf-8", "backslashreplace").replace("\n", "\\n")


def _say(**facts: object) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def _source(request: dict[str, Any]) -> Filesystem | FsReader:
    if request["fstype"] == "btrfs":
        return BtrfsReader(request["path"], request["offset"], request["subvolume"])
    readers = {"xfs": XfsReader, "folder": FolderReader, "tar": TarReader}
    return readers.get(request["fstype"], Filesystem)(request["path"], request["offset"])


def run(request: dict[str, Any]) -> None:
    """Be the program: unpack the file system at *offset* of the file *path* into *tree*, below *mountpoint*.

    *fstype* says what it is, and *subvolume* which one of a btrfs. Paths *hidden* are left out, and files *unwanted*
    where there are some. JSON lines on stdout tell how far it is, and how it ended.
    """
    try:
        source = _source(request)
        top = _open_below(request["tree"], request["mountpoint"])
        hidden, unwanted = ([_plain(name) for name in request.get(key, ())] for key in ("hidden", "unwanted"))
        unpacked = Unpacker(source, hidden, lambda done, total: _say(done=done, total=total), unwanted).run(top)
    except Damaged as error:
        _say(damaged=str(error))
    except (ValueError, OverflowError, IndexError, struct.error, RecursionError, MemoryError) as error:
        # What no check foresaw ends here as well.
        _say(damaged=f"it has values that cannot be ({type(error).__name__}: {error})")
    except OSError as error:
        name = error.filename if error.filename is not None else b""
        _say(failed=error.strerror, name=_shown(name if isinstance(name, bytes) else os.fsencode(str(name))))
    else:
        _say(unpacked=asdict(unpacked))
