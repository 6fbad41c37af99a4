# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a program in a tree, with /proc, /sys, /dev and /run of its own that vanish with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Result, Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import locale, stack

REFUSED = 125
# A file with this text was made by us, and left behind when its run was killed.
_MARK = "# laid over while a program runs in the tree"

# Runs as the first process of its process namespace: when it ends, so does all that the program left running.
# A path in the tree is written to from outside only after it was resolved: a link could lead to the host.
_ENTER = r"""
tree=$1 mark=$2; shift 2
refuse() { echo "cannot enter the tree $tree: $1" >&2; exit 125; }
inside() { case $(realpath -m -- "$1") in "$tree"/*) return 0;; *) return 1;; esac; }
for folder in proc sys dev run; do
  [ ! -L "$tree/$folder" ] || refuse "/$folder is a link"
  mkdir -p "$tree/$folder"
done
mount -t proc proc "$tree/proc" 2>/dev/null || mount --rbind /proc "$tree/proc" || refuse "no /proc"
{ mount --bind "$tree/proc/sys" "$tree/proc/sys" && mount -o remount,bind,ro "$tree/proc/sys"; } 2>/dev/null
mount --rbind /sys "$tree/sys" || refuse "no /sys"
mount -o remount,bind,ro "$tree/sys" 2>/dev/null
mount -t tmpfs -o mode=755,size=1m dev "$tree/dev" || refuse "no /dev"
for node in null zero full random urandom tty; do
  : >"$tree/dev/$node"; mount --bind "/dev/$node" "$tree/dev/$node" || refuse "no /dev/$node"
done
mkdir "$tree/dev/pts" "$tree/dev/shm"
mount -t devpts -o newinstance,mode=620,ptmxmode=666 devpts "$tree/dev/pts" || refuse "no /dev/pts"
mount -t tmpfs -o mode=1777 shm "$tree/dev/shm"
ln -s pts/ptmx "$tree/dev/ptmx"
ln -s /proc/self/fd "$tree/dev/fd"
for number in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${number%%:*}" "$tree/dev/${number#*:}"; done
mount -t tmpfs -o mode=755 run "$tree/run" || refuse "no /run"
mkdir -m 1777 "$tree/run/lock"
mkdir "$tree/run/goldsmith"

made=
cover() { # lay a host file over a file of the tree, which is made for the time being if it is missing
  inside "$2" && [ -d "${2%/*}" ] && [ ! -L "$2" ] || return 0
  if [ ! -e "$2" ]; then echo "$mark" >"$2"; fi
  if [ -f "$2" ] && [ "$(head -c 100 "$2")" = "$mark" ]; then made="$made ${2#"$tree"}"; fi
  mount --bind "$1" "$2"
}
if [ -r /etc/resolv.conf ]; then
  cp -L /etc/resolv.conf "$tree/run/goldsmith/resolv.conf"
  name=$tree/etc/resolv.conf
  if [ ! -L "$name" ]; then
    cover "$tree/run/goldsmith/resolv.conf" "$name"
  else # a link to what a daemon keeps in /run
    goal=$(readlink "$name"); goal=/${goal#"${goal%%[!./]*}"}
    case $goal in
      */../*) ;;
      /run/*) inside "$tree$goal" && mkdir -p "$tree${goal%/*}" && cp "$tree/run/goldsmith/resolv.conf" "$tree$goal" ;;
    esac
  fi
fi
printf '#!/bin/sh\nexit 101\n' >"$tree/run/goldsmith/policy-rc.d" # Debian: no daemon is started
chmod 755 "$tree/run/goldsmith/policy-rc.d"
cover "$tree/run/goldsmith/policy-rc.d" "$tree/usr/sbin/policy-rc.d"

"$@"
status=$?
for name in $made; do inside "$tree$name" && umount "$tree$name" && rm -f "$tree$name"; done
exit $status
"""

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


def enter_words(tree: str, argv: Sequence[str], environment: Mapping[str, str] | None = None) -> list[str]:
    """Return the argv that runs *argv* in the tree. Its exit status is that of the program.

    Raises GoldsmithError when the tree is none or the namespaces cannot be entered.
    """
    folder = _folder(tree)
    return [*stack.prefix(folder), "sh", "-c", *_enter(folder, argv, environment)]


def beside_words(tree: str, argv: Sequence[str]) -> list[str]:
    """Return what runs a program of the host, which works on a tree, while the tree has what a program in it needs.

    It goes behind the prefix by which the tree is seen.
    """
    return ["sh", "-c", _ENTER, "beside", os.path.realpath(tree), _MARK, *argv]


def image_words(
    image: str, start: int, size: int, folder: str, argv: Sequence[str], environment: Mapping[str, str] | None = None
) -> list[str]:
    """Return the argv that runs *argv* in the file system at *start* of an image, mounted on *folder* meanwhile."""
    folder = os.path.realpath(folder)
    mount = [_MOUNT, "mount", folder, os.path.abspath(image), str(start), str(size)]
    return [*namespaces.prefix(), "sh", "-c", *mount, *_enter(folder, argv, environment)]


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
) -> Result:
    """Run words made here; raise GoldsmithError when the tree could not be entered at all."""
    result = runner.run(words, check=False, timeout=timeout, on_line=on_line)
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


def _enter(tree: str, argv: Sequence[str], environment: Mapping[str, str] | None) -> list[str]:
    return [_ENTER, "enter", tree, _MARK, "chroot", tree, *locale.words(environment), *argv]
