# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An xfs or a btrfs that our own code has written, and what our own reader sees in it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import volume
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.fs_reader import FsReader
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

UUID = "11111111-2222-3333-4444-555555555555"
EPOCH = 1_700_000_000
KINDS = ("xfs", "btrfs")


def write(kind: str, path: Path, tree: Path | None, *, size: int = 0, offset: int = 0) -> Path:
    """Write a file system, by default of the smallest size; return its path."""
    size = size or volume.SMALLEST[kind]
    with open(path, "wb") as file:
        file.truncate(offset + size)
    volume.make(
        Runner(),
        str(path),
        fstype=kind,
        size=size,
        label="rootfs",
        uuid=UUID,
        epoch=EPOCH,
        offset=offset,
        tree=str(tree) if tree else None,
    )
    return path


def small(kind: str, folder: Path) -> Path:
    """Write a file system with a folder of a hundred files and a link; return its path."""
    tree = folder / "tree"
    (tree / "folder").mkdir(parents=True)
    for number in range(100):
        (tree / "folder" / f"file {number}").write_bytes(b"x" * 50 * number)
    (tree / "link").symlink_to("folder")
    return write(kind, folder / "image", tree)


def seen(reader: FsReader) -> dict[str, tuple[object, ...]]:
    """All that a reader sees, by path: mode, owners, links, time, and the content or the target."""
    found: dict[str, tuple[object, ...]] = {}
    pending = [("", reader.root)]
    while pending:
        path, number = pending.pop()
        inode = reader.inode(number)
        content: bytes | None = None
        if stat.S_ISREG(inode.mode):
            content = b"".join(reader.chunks(inode))
        elif stat.S_ISLNK(inode.mode):
            content = reader.link(inode)
        elif stat.S_ISDIR(inode.mode):
            pending += [(f"{path}/{os.fsdecode(name)}", child) for name, child in reader.folder(inode)]
        links = 0 if stat.S_ISDIR(inode.mode) else inode.links
        found[path or "/"] = (inode.mode, inode.uid, inode.gid, links, inode.mtime, content)
    return found


def there(tree: Path) -> dict[str, tuple[object, ...]]:
    """The same of a tree on this host."""
    found = {}
    for folder, folders, names in os.walk(tree):
        for name in ("", *folders, *names) if Path(folder) == tree else (*folders, *names):
            path = os.path.join(folder, name) if name else folder
            status = os.lstat(path)
            content: bytes | None = None
            if stat.S_ISREG(status.st_mode):
                content = Path(path).read_bytes()
            elif stat.S_ISLNK(status.st_mode):
                content = os.readlink(os.fsencode(path))
            links = 0 if stat.S_ISDIR(status.st_mode) else status.st_nlink
            place = "/" + os.path.relpath(path, tree) if name else "/"
            found[place] = (status.st_mode, status.st_uid, status.st_gid, links, status.st_mtime_ns, content)
    return found


def some_tree(tree: Path) -> Path:
    """Write a tree with what an ordinary user may make."""
    (tree / "many").mkdir(parents=True)
    for number in range(1500):
        (tree / "many" / f"{number} {'x' * (number % 60)}").write_bytes(b"y" * (number % 7) * 700)
    (tree / "some").mkdir()
    (tree / "some").chmod(0o2750)
    for number in range(60):
        (tree / "some" / f"{number}").write_text("")
    (tree / "large").write_bytes(os.urandom(3 << 20))
    os.link(tree / "large", tree / "some" / "again")
    with open(tree / "sparse", "wb") as file:
        file.truncate(40 << 20)
        for place in range(1, 30):
            file.seek(place << 20)
            file.write(b"in between")
    (tree / "short").symlink_to("large")
    (tree / "long").symlink_to("/".join("t" * 100 for _part in range(6)))
    os.mkfifo(tree / "pipe")
    (tree / "large").chmod(0o4755)
    os.setxattr(tree / "large", "user.one", b"1" * 100)
    os.setxattr(tree / "some", "user.two", b"2" * 600)
    os.utime(tree / "pipe", ns=(1, -86_400 * 10**9 + 7))
    os.utime(tree / "some", ns=(1, 2_000_000_000 * 10**9 + 1))
    return tree


def places(descriptor: int) -> list[int]:
    """The sectors of a sparse file that are not all zeros."""
    found, place, end = [], 0, os.fstat(descriptor).st_size
    while place < end:
        try:
            start = os.lseek(descriptor, place, os.SEEK_DATA)
        except OSError:
            break
        place = os.lseek(descriptor, start, os.SEEK_HOLE)
        found += [at for at in range(start, place, 512) if any(os.pread(descriptor, 512, at))]
    return found
