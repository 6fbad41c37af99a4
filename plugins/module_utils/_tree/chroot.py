# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a program in a tree, with /proc, /sys, /dev and /run of its own that vanish with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Result, Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import entering, locale, stack

REFUSED = 125
# Mounts the root file system of an image first; the loop device goes with the mount.
_MOUNT = r"""
folder=$1 image=$2 offset=$3 size=$4; shift 4
refuse() { echo "cannot enter the tree $folder: no mount of $image" >&2; exit 125; }
mount -o "loop,offset=$offset,sizelimit=$size" "$image" "$folder" || refuse
exec sh -c "$@"
"""

# Asks without a trace: a tree is not laid over, an image is not written to.
_ASK = r"""
folder=$1 name=$2 image=$3 place=$4
refuse() { echo "cannot enter the tree ${image:-$folder}: $1" >&2; exit 125; }
if [ -n "$image" ]; then
  mount -o "ro,noload,loop,$place" "$image" "$folder" 2>/dev/null ||
    mount -o "ro,loop,$place" "$image" "$folder" || refuse "no mount"
fi
chroot "$folder" test -e "$name"
status=$?
[ $status -le 1 ] || refuse "it has no program test"
exit $status
"""


def enter_words(
    tree: str, argv: Sequence[str], environment: Mapping[str, str] | None = None, *, linger: str = ""
) -> list[str]:
    """Return the argv that runs *argv* in the tree. Its exit status is that of the program.

    It ends only when nothing runs there any more with a word in its command line that ends in *linger*, a pattern of
    grep. Raises GoldsmithError when the tree is none or the namespaces cannot be entered.
    """
    folder = _folder(tree)
    return [*stack.prefix(folder), *_enter(folder, argv, environment, linger)]


def beside_words(tree: str, argv: Sequence[str]) -> list[str]:
    """Return what runs a program of the host, which works on a tree, while the tree has what a program in it needs.

    It goes behind the prefix by which the tree is seen.
    """
    return entering.words(os.path.realpath(tree), argv, booted=False)


def image_words(
    image: str, start: int, size: int, folder: str, argv: Sequence[str], environment: Mapping[str, str] | None = None
) -> list[str]:
    """Return the argv that runs *argv* in the file system at *start* of an image, mounted on *folder* meanwhile."""
    folder = os.path.realpath(folder)
    mount = [_MOUNT, "mount", folder, os.path.abspath(image), str(start), str(size)]
    return [*namespaces.prefix(), "sh", "-c", *mount, *_enter(folder, argv, environment)[2:]]


def tree_has(runner: Runner, tree: str, name: str) -> bool:
    """Return whether a name exists in a tree, as a program inside sees it."""
    folder = _folder(tree)
    return run(runner, [*stack.prefix(folder), "sh", "-c", _ASK, "ask", folder, name, "", ""]).rc == 0


def image_has(runner: Runner, image: str, start: int, size: int, folder: str, name: str) -> bool:
    """Return the same for the file system at *start* of an image, which stays as it is."""
    place = f"offset={start},sizelimit={size}"
    words = [_ASK, "ask", os.path.realpath(folder), name, os.path.abspath(image), place]
    return run(runner, [*namespaces.prefix(), "sh", "-c", *words]).rc == 0


def run(
    runner: Runner,
    words: Sequence[str],
    timeout: float | None = None,
    on_line: Callable[[str], None] | None = None,
    on_note: Callable[[str], None] | None = None,
) -> Result:
    """Run words made here; raise GoldsmithError when the tree could not be entered at all.

    *on_note* hears what was left undone, since no system runs in a tree.
    """
    result = runner.run(words, check=False, timeout=timeout, on_line=on_line)
    said, notes = entering.notes(result.stderr)
    for note in notes if on_note else ():
        on_note(note)
    result = replace(result, stderr=said)
    if result.rc == REFUSED and result.last_line.startswith("cannot enter the tree"):
        said = result.stderr.strip().splitlines()
        cause = f" ({said[-2].strip()})" if len(said) > 1 else ""
        hint = None if os.geteuid() == 0 else "an image is mounted by root only; an ordinary user works on a tree"
        raise GoldsmithError(result.last_line + cause, hint=hint)
    return result


def _folder(tree: str) -> str:
    path = os.path.realpath(tree)
    if path == "/" or not os.path.isdir(path):
        raise OptionError("tree", tree, "is not a folder with a root file system")
    return path


def _enter(tree: str, argv: Sequence[str], environment: Mapping[str, str] | None, linger: str = "") -> list[str]:
    return entering.words(tree, ["chroot", tree, *locale.words(environment), *argv], booted=True, linger=linger)
