# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree as an initramfs: a whole system that runs in memory, as a deploy ramdisk does."""

from __future__ import annotations

import os
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import TreeFiles
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.files import replace_if_different
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import (
    Runner,
    find_program,
    missing_program,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.scratch import scratch_folder
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import stack

_INIT = "sbin/init"
_PROGRAMS = ("bash", "cpio", "gzip")
# Two archives one after the other: the tree without its kernels and boot loader, and what goes before files of it.
# Every kernel unpacks gzip, and its bytes are the same on every host.
_PACK = r"""
export LC_ALL=C
tree=$1 more=$2 epoch=$3 output=$4; shift 4
pack() { sort --zero-terminated | cpio --create --format=newc --null --reproducible --quiet; }
# No file is younger than the image.
for folder in "$tree" "$more"; do
    find "$folder" -xdev -newermt "@$epoch" -exec touch --no-dereference --date="@$epoch" {} +
done
{
    cd "$tree" && find . -xdev -path './boot/*' -prune -o -print0 | pack
    cd "$more" && printf '%s\0' "$@" | pack
} | gzip --no-name >"$output"
"""


def make(runner: Runner, tree: str, dest: str, epoch: int, *, check_mode: bool = False) -> bool:
    """Write the file *dest*, an archive of *tree* packed by gzip; return whether its bytes are others than before.

    No file in it is younger than *epoch*, in seconds since 1970, and in the tree neither. Owners are those that the
    tree has in the namespaces of its files.
    """
    files = TreeFiles(tree)
    if not files.exists(f"/{_INIT}"):
        raise OptionError("path", tree, f"has no /{_INIT}, which the kernel would start", hint="install systemd-sysv")
    for name in _PROGRAMS:
        if not find_program(name):
            raise missing_program(name)
    with scratch_folder("ramdisk") as folder:
        more = _more(files, folder)

        def pack(output: str) -> None:
            words = [os.path.abspath(tree), str(folder), str(epoch), output, *more]
            runner.run([*stack.prefix(tree), "bash", "-eu", "-o", "pipefail", "-c", _PACK, "pack", *words])

        return replace_if_different(dest, pack, check_mode=check_mode)


def _more(files: TreeFiles, folder: Path) -> list[str]:
    """Write what is otherwise than on a disk into a folder; return the names."""
    # The kernel starts /init, and there is no root to mount or check.
    found = {"etc/fstab": ""}
    if files.exists("/etc/selinux/config"):
        # An archive has no labels.
        found["etc/selinux/config"] = "SELINUX=disabled\n"
    for name, text in found.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
        (folder / name).chmod(0o644)
    (folder / "init").symlink_to(_INIT)
    return [*found, "init"]
