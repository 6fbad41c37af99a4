# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guest boots from: a disk or root file system made ready so that the image itself never changes. Floor 3."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils import _ext
from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._qemu import Disk
from ansible_collections.goldsmith.openstack.plugins.module_utils._run import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._sizes import human_size

_FORMATS = ("qcow2", "raw", "vpc")


def inspect(runner: Runner, image: str, *, is_disk: bool) -> tuple[str, int]:
    """Return format and virtual size of a disk image, or of a root file system; refuse what cannot be booted.

    That is what refers to another file, and what has another form than it should.
    """
    if not is_disk:
        if _ext.read_superblock(image) is None:
            hint = "with kernel and ramdisk, image is a bare root file system, not a disk"
            raise OptionError("image", image, "no ext file system", hint=hint)
        return "raw", os.path.getsize(image)
    result = runner.run(["qemu-img", "info", "--output=json", "--", image], check=False)
    if result.rc != 0:
        raise OptionError("image", image, f"not a disk image: {result.last_line}")
    info = json.loads(result.stdout)
    data = info.get("format-specific", {}).get("data", {})
    for present, thing in (
        ("backing-filename" in info, "a backing file"),
        ("data-file" in data, "an external data file"),
        (info.get("encrypted", False), "encrypted content"),
    ):
        if present:
            raise OptionError("image", image, f"it has {thing}", hint="convert it to a self-contained image first")
    if info["format"] not in _FORMATS:
        raise OptionError("image", image, f"the format {info['format']} is not one of qcow2, raw, vhd")
    return info["format"], int(info["virtual-size"])


def overlay(runner: Runner, image: str, size: int, folder: Path) -> Disk:
    """Return a copy-on-write disk of at least *size* bytes over a disk image."""
    fmt, old_size = inspect(runner, image, is_disk=True)
    size = max(size, old_size)
    path = folder / "disk.qcow2"
    options = ["-q", "-f", "qcow2", "-F", fmt, "-b", os.path.abspath(image)]
    runner.run(["qemu-img", "create", *options, path, str(size)])
    return Disk(str(path), "qcow2", size)


def grown_copy(runner: Runner, image: str, size: int, folder: Path) -> Disk:
    """Return a private copy of a root file system, grown to *size* bytes beforehand, as Compute does for AMI images."""
    _format, old_size = inspect(runner, image, is_disk=False)
    size = max(size, old_size)
    needed, free = os.stat(image).st_blocks * 512, shutil.disk_usage(folder).free
    if needed > free:
        raise GoldsmithError(
            f"a copy of {image} takes {human_size(needed)}, and {folder} has {human_size(free)}",
            hint="set TMPDIR to a larger file system",
        )
    path = folder / "root.raw"
    runner.run(["cp", "--reflink=auto", "--sparse=always", "--", image, path])
    os.chmod(path, 0o600)
    os.truncate(path, size)
    _ext.check(runner, str(path), repair=True)
    runner.run(["resize2fs", path])
    return Disk(str(path), "raw", size)
