# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree made equal to another one, so that only what differs is written."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import (
    Runner,
    find_program,
    missing_program,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import stack

# Owners as numbers, hard links, access lists, attributes and holes; a line for each name that differs.
_RSYNC = ("rsync", "-aHAXS", "--numeric-ids", "--delete", "--out-format=%n")

# rsync reads holes, which may be larger than a disk: of the paths on stdin, cp copies the files that have some. What
# lies behind a link, which may lead out of the tree, is left to rsync: it makes a folder of the link first.
_COPY_SPARSE = r"""
while read -r path; do
  [ -f "$1$path" ] && [ ! -L "$1$path" ] || continue
  stat -c '%b %s' "$1$path" | { read -r sectors size && [ $((sectors * 512)) -lt "$size" ]; } || continue
  folder=$2${path%/*}
  [ "$(realpath -m -- "$folder")" = "$folder" ] || continue
  mkdir -p "$folder" && rm -f "$2$path" && cp -a --sparse=auto "$1$path" "$2$path" || exit
done
"""


def make_equal(runner: Runner, tree: str, source: str, exclude: Sequence[str], *, check_mode: bool) -> list[str]:
    """Make *tree* equal to *source*; return the paths that differed, from / on.

    A file of the same size and time counts as the same. *exclude* are patterns of rsync for what stays in the tree.
    """
    for option, path in (("path", tree), ("src", source)):
        if not os.path.isdir(path):
            raise OptionError(option, path, "is not a folder with a root file system")
    if not find_program("rsync"):
        raise missing_program("rsync")
    tree = os.path.realpath(tree)
    prefix = stack.prefix(tree)
    words = [*_RSYNC, *(f"--exclude={pattern}" for pattern in exclude), f"{source}/", f"{tree}/"]
    said = runner.run([*prefix, *words, "--dry-run"]).stdout
    paths = ["/" + line.removeprefix("deleting ").removeprefix("./") for line in said.splitlines()]
    if paths and not check_mode:
        there = "".join(f"{path}\n" for path in paths)
        runner.run([*prefix, "sh", "-c", _COPY_SPARSE, "copy", source, tree], stdin=there)
        runner.run([*prefix, *words])
    return paths
