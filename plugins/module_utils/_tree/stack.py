# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree that lies in layers: folders that nobody writes to, and above them one that takes what is written.

Beside the tree TREE, the folder TREE.layers has links to the layers by number, 1 the lowest, and the folders that the
kernel's overlay works in. It is mounted on TREE in the namespaces of each process that works on it, and gone with that
process. A tree without such a folder is a plain one.

The kernel leaves open what becomes of a folder that two overlays write to. So one process works on a tree at a time,
with all that it starts; the next one waits. The lock is TREE.layers itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import locks, namespaces, removal
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

# A tree is thrown away when the machine fails, so nothing waits for the disk: volatile. Its mark is for a machine that
# failed. Only root of the machine itself may write the attributes trusted.*.
_MOUNT = r"""
tree=$1 lock=$3
options=lowerdir=$2,upperdir=upper,workdir=work,volatile; shift 3
read -r _ _ ids </proc/self/uid_map
[ "$ids" = 4294967295 ] || options=$options,userxattr
cd "$tree.layers" && exec 9<. && { [ -z "$lock" ] || flock 9; } && rm -rf work/work &&
  mount -t overlay goldsmith -o "$options" "$tree" || {
  echo "cannot enter the tree $tree: its layers cannot be mounted" >&2
  exit 125
}
cd / || exit
# Kept open by this shell only, to the end: a program in the tree has no descriptor of a folder outside.
"$@" 9<&-
"""


def prefix(tree: str, *, lock: bool = True) -> list[str]:
    """Return the words to put before an argv so that it sees *tree* whole, in the namespaces of that tree's files.

    It waits for whoever works on the tree; without *lock* the caller has seen to that.
    """
    folder = _folder(tree)
    # A process that has entered sees it already, and so do its children.
    if not is_layered(tree) or os.path.ismount(tree):
        return namespaces.prefix()
    names = ":".join(map(str, reversed(_numbers(folder))))
    mount = ["sh", "-c", _MOUNT, "mount", os.path.abspath(tree), names, "lock" if lock else ""]
    return [*namespaces.prefix(), *mount]


def enter(tree: str | None) -> None:
    """Let this process, which has no threads yet, see a tree whole; nothing is done for a plain tree."""
    if tree and is_layered(tree) and not os.path.ismount(tree):
        _lock(tree)  # until this process ends
        namespaces.enter(prefix(tree, lock=False))


@contextmanager
def alone(tree: str) -> Iterator[None]:
    """Keep all others from a tree over the block, and wait for who works on it; nothing is done where we are inside."""
    descriptor = _lock(tree) if is_layered(tree) and not os.path.ismount(tree) else None
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def lay(tree: str, below: Sequence[str]) -> None:
    """Make *tree*, which must not exist, out of layers, the lowest first; without one it is empty."""
    folder = _folder(tree)
    make_folder(folder)
    os.mkdir(os.path.join(folder, "work"))
    if not below:
        os.mkdir(os.path.join(folder, "0"))
    for number, layer in enumerate(below, 1):
        os.symlink(os.path.abspath(layer), os.path.join(folder, str(number)))
    _open_upper(folder)
    os.mkdir(tree)


def take_upper(tree: str, place: str) -> None:
    """Move what was written since the last layer to *place*; it is missing in the tree until put_on()."""
    os.rename(os.path.join(_folder(tree), "upper"), place)


def put_on(tree: str, layer: str) -> None:
    """Put a layer upon the others of a tree."""
    folder = _folder(tree)
    os.symlink(os.path.abspath(layer), os.path.join(folder, str(max(_numbers(folder)) + 1)))
    _open_upper(folder)


def is_layered(tree: str) -> bool:
    """Return whether a tree lies in layers."""
    return os.path.isdir(_folder(tree))


def layers(tree: str) -> list[str]:
    """Return the folders that a tree lies on, the lowest first."""
    folder = _folder(tree)
    return [os.readlink(os.path.join(folder, str(number))) for number in _numbers(folder) if number]


def upper(tree: str) -> str:
    """Return the folder with what was written since the last layer; without layers that is the whole tree."""
    return os.path.join(_folder(tree), "upper") if is_layered(tree) else tree


def possible(runner: Runner, tree: str) -> bool:
    """Return whether trees where *tree* would be can lie in layers: the kernel, the file system, our rights."""
    remove(runner, tree)  # of a killed run
    try:
        lay(tree, ())
        # A whole set of owners and a whiteout are what old kernels and some file systems lack.
        argv = ["sh", "-c", 'touch "$1/a" && chown 1:1 "$1/a" && mkdir "$1/b" && mv "$1/b" "$1/c"', "probe", tree]
        return runner.run([*prefix(tree), *argv], check=False).rc == 0
    finally:
        remove(runner, tree)


def remove(runner: Runner, tree: str) -> None:
    """Remove a tree and what it lies in, not its layers."""
    for path in (_folder(tree), tree):
        removal.remove(runner, path, namespaces.prefix())


def make_folder(folder: str) -> None:
    """Make a folder without what the one above it hands on to all that is made in it: group and access lists."""
    os.makedirs(folder)
    os.chown(folder, -1, os.getegid())
    os.chmod(folder, 0o755)  # noqa: S103
    for name in ("system.posix_acl_default", "system.posix_acl_access"):
        with suppress(OSError):  # there is none, or the file system knows none
            os.removexattr(folder, name)


def _folder(tree: str) -> str:
    return f"{tree}.layers"


def _lock(tree: str) -> int:
    return locks.take(_folder(tree), flags=locks.FOLDER)


def _numbers(folder: str) -> list[int]:
    # 0 is the empty folder below what is made of nothing.
    return sorted(int(name) for name in os.listdir(folder) if name.isdigit())


def _open_upper(folder: str) -> None:
    # The root of the tree has the mode of this folder.
    upper = os.path.join(folder, "upper")
    os.mkdir(upper)
    os.chmod(upper, 0o755)  # noqa: S103
