# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An ext file system seen as a folder by one program only, by FUSE: no driver of the kernel reads it."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner, find_program

FAILED = 111
# The script is fixed, what varies comes as its arguments. The mount and fuse2fs go with the namespaces.
# Its exit status may be 0 although it mounted nothing. libfuse 2 and 3 both know these options.
_SCRIPT = f'{{ fuse2fs -o "$1" "$2" "$3" && mountpoint -q "$3"; }} || exit {FAILED}; shift 3; exec "$@"'
_OPTIONS = "ro,kernel_cache,attr_timeout=600,entry_timeout=600"


def view(path: str, offset: int, mountpoint: str, namespaces: Sequence[str]) -> list[str]:
    """Return the words to put before an argv, so that it finds the file system of *path* in *mountpoint*.

    *namespaces* is the prefix that gives it its own mounts and processes.
    """
    options = f"{_OPTIONS},offset={offset}" if offset else _OPTIONS
    return [*namespaces, "sh", "-c", _SCRIPT, "sh", options, os.path.abspath(path), mountpoint]


def check(runner: Runner, path: str, offset: int, mountpoint: str, namespaces: Sequence[str], *, hint: str) -> None:
    """Raise GoldsmithError with *hint* where a file system cannot be seen in this way."""
    if not find_program("fuse2fs"):
        raise GoldsmithError("the program fuse2fs is not installed", hint=f"install the package fuse2fs, or {hint}")
    if not os.path.exists("/dev/fuse"):
        raise GoldsmithError("there is no /dev/fuse on this host", hint=f"load the kernel module fuse, or {hint}")
    result = runner.run([*view(path, offset, mountpoint, namespaces), "test", "-d", mountpoint], check=False)
    if result.rc != 0:
        raise GoldsmithError(f"fuse2fs cannot read {path}: {result.last_line}", hint=hint)
