# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The FAT file system of an EFI system partition at an offset of a file, by dosfstools and mtools."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import KIB, SECTOR


def make(
    runner: Runner, path: str, *, offset: int, size: int, label: str, environment: Mapping[str, str] | None = None
) -> None:
    """Make a FAT32 file system of *size* bytes at *offset*; its serial number is the same at every run."""
    argv = ["mkfs.vfat", "-F", "32", "-s", "1", "-n", label, "--invariant", f"--offset={offset // SECTOR}"]
    runner.run([*argv, path, str(size // KIB)], environment=environment)


def copy_in(
    runner: Runner, path: str, files: Mapping[str, str], *, offset: int, environment: Mapping[str, str] | None = None
) -> None:
    """Copy host files into the file system; *files* maps names such as /EFI/BOOT/BOOTX64.EFI to host paths."""
    # The checks want a disk geometry that an image file does not have. FAT has times of a time zone.
    tools = {**(environment or {}), "MTOOLS_SKIP_CHECK": "1", "MTOOLSRC": "/dev/null", "TZ": "UTC0"}
    image = f"{path}@@{offset}"
    folders = {str(parent) for name in files for parent in PurePosixPath(name).parents if str(parent) != "/"}
    for folder in sorted(folders):
        runner.run(["mmd", "-i", image, f"::{folder}"], environment=tools)
    for name, source in sorted(files.items()):
        runner.run(["mcopy", "-m", "-i", image, source, f"::{name}"], environment=tools)
