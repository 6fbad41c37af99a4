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

# rsync reads holes, which may be larger than a disk: cp looks for the data.
_COPY_SPARSE = r"""
find "$1" -xdev -type f -size +1M -printf '%s %b %P\n' | while read -r size sectors path; do
  [ $((sectors * 512)) -lt "$size" ] || continue
  [ "$(stat -c '%s %y' "$2/$path" 2>/dev/null)" != "$(stat -c '%s %y' "$1/$path")" ] || continue
  mkdir -p "$2/${path%/*}" && rm -f "$2/$path" && cp -a --sparse=auto "$1/$path" "$2/$path" && echo "/$path"
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
    options = [f"--exclude={pattern}" for pattern in exclude] + (["--dry-run"] if check_mode else [])
    prefix = stack.prefix(tree)
    copied = [] if check_mode else runner.run([*prefix, "sh", "-c", _COPY_SPARSE, "copy", source, tree]).stdout
    said = runner.run([*prefix, *_RSYNC, *options, f"{source}/", f"{tree}/"]).stdout
    paths = ["/" + line.removeprefix("deleting ").removeprefix("./") for line in said.splitlines()]
    return sorted({*paths, *(copied.splitlines() if copied else ())})
