# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guest boots from: a disk or root file system made ready so that the image itself never changes."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.qemu import Disk
from ansible_collections.goldsmith.openstack.plugins.module_utils._ext import e2fs
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import volume as fs_volume
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import human_size
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import qemu_img


def require_bootable(runner: Runner, image: str, *, is_disk: bool) -> None:
    """Raise OptionError for an image of another form than it should have, or one that refers to another file."""
    if is_disk:
        try:
            qemu_img.inspect(runner, image)
        except GoldsmithError as error:
            raise OptionError("image", image, str(error)) from error
    elif e2fs.read_superblock(image) is None and fs_volume.read_file(image) is None:
        hint = "with kernel and ramdisk, image is a bare root file system, not a disk"
        raise OptionError("image", image, "no ext, xfs or btrfs file system", hint=hint)


def overlay(runner: Runner, image: str, size: int, folder: Path) -> Disk:
    """Return a copy-on-write disk of at least *size* bytes over a disk image."""
    require_bootable(runner, image, is_disk=True)
    base = qemu_img.inspect(runner, image)
    size = max(size, base.virtual_size)
    path = folder / "disk.qcow2"
    backing = "json:" + json.dumps(base.node())
    runner.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", base.format, "-b", backing, path, str(size)])
    return Disk(str(path), "qcow2", size)


def itself(runner: Runner, image: str) -> Disk:
    """Return a disk image as a disk that the guest writes to."""
    require_bootable(runner, image, is_disk=True)
    disk = qemu_img.inspect(runner, image)
    return Disk(image, disk.format, disk.virtual_size)


def grown_copy(runner: Runner, image: str, size: int, folder: Path) -> Disk:
    """Return a private copy of a root file system on a disk of *size* bytes.

    An ext is grown to it beforehand, as Compute does for AMI images; the others the guest grows while they are mounted.
    """
    require_bootable(runner, image, is_disk=False)
    size = max(size, os.path.getsize(image))
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
    if e2fs.read_superblock(image):
        e2fs.check(runner, str(path), repair=True)
        runner.run(["resize2fs", path])
    return Disk(str(path), "raw", size)
