# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree whose programs are those of busybox: small, and made at once."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

FOLDERS = ("bin", "dev", "etc", "proc", "root", "run", "sys", "tmp", "usr/bin", "usr/sbin")


def make_busybox_tree(tree: Path) -> Path:
    """Make the tree in a folder that is made; return the folder."""
    program = shutil.which("busybox")
    assert program, "the program busybox is not installed"
    for name in FOLDERS:
        (tree / name).mkdir(parents=True)
    shutil.copy(program, tree / "bin" / "busybox")
    applets = subprocess.run([program, "--list"], check=True, capture_output=True, text=True).stdout.split()
    for applet in applets:
        if applet != "busybox":
            (tree / "bin" / applet).symlink_to("busybox")
    (tree / "etc" / "resolv.conf").write_text("# of the tree\n")
    return tree


def listing(tree: Path) -> dict[str, tuple[int, str]]:
    """Mode and content of everything in a tree, to see that nothing was changed."""
    found = {}
    for path in sorted(tree.rglob("*")):
        status = path.lstat()
        if path.is_symlink():
            content = os.readlink(path)
        else:
            content = str(hash(path.read_bytes())) if path.is_file() else ""
        found[str(path.relative_to(tree))] = (status.st_mode, content)
    return found
