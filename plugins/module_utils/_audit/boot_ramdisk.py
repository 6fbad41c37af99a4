# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule for an initramfs that was made for other hardware, before the boot finds it."""

from __future__ import annotations

import os
import re

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.rule import (
    Finding,
    Guest,
    judged,
    not_applicable,
    rule,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import fstab, initramfs
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.scratch import scratch_folder
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import rootfs

_DRIVERS = ("virtio_pci", "virtio_blk")
# By the names that a file system may have; the driver of the newest mounts the older ones.
_FILESYSTEMS = {"ext2": "ext4", "ext3": "ext4", "ext4": "ext4", "xfs": "xfs", "btrfs": "btrfs"}
_BUILT_IN = ("/lib/modules/{}/modules.builtin", "/usr/lib/modules/{}/modules.builtin")
_RAMDISK_LIMIT = 512 << 20
# Where initramfs-tools and dracut keep settings in it
_SETTINGS = re.compile(r"(?:\./)?(?:conf/conf\.d/|etc/cmdline\.d/)[^/]+")
_SWAP = re.compile(r"(?:^|\s)((?:RESUME|resume)=[\"']?(?!none\b|auto\b|[\"'\s]|$)\S+)")
_REMEDY = "make it again on the machine: update-initramfs -u with MODULES=most, or dracut --force --no-hostonly"


@rule("initramfs", "The initramfs is for any machine: it finds a virtio disk, and waits for no swap")
def for_any_machine(guest: Guest) -> Finding:
    """Drivers in the kernel itself or in the initramfs, and nothing to wake up from."""
    if guest.resize == "xen":
        return not_applicable("its host has no virtio")
    try:
        kernel = rootfs.kernel_of(guest.files, "the image")
        lines = (guest.files.lines(path.format(kernel.version)) for path in _BUILT_IN)
        built_in = next((found for found in lines if found), [])
        if not built_in:
            return not_applicable(f"what is in the kernel {kernel.version} itself is not known")
        modules, swaps = _looked_into(guest, kernel.ramdisk)
    except GoldsmithError as error:
        return not_applicable(str(error))
    there = {_module(line) for line in built_in}
    needed = (*_DRIVERS, *_root_filesystem(guest))
    faults = [f"{kernel.ramdisk}: has no {name}; {_REMEDY}" for name in needed if name not in there | modules]
    faults += [f"{kernel.ramdisk}: {setting}, which an instance waits for; {_REMEDY}" for setting in swaps]
    return judged(faults, [f"{kernel.ramdisk}: {', '.join(needed)}"])


def _looked_into(guest: Guest, ramdisk: str) -> tuple[set[str], list[str]]:
    """Return the modules in an initramfs, and what it says of a swap to wake up from."""
    modules, swaps = set(), []
    with scratch_folder("audit") as folder:
        copy = os.path.join(folder, "ramdisk")
        guest.files.copy_out(ramdisk, copy, limit=_RAMDISK_LIMIT)
        found = initramfs.contents(guest.runner, copy, lambda name: _SETTINGS.fullmatch(name) is not None)
        for name, content in found:
            if ".ko" in name:
                modules.add(_module(name))
            swaps += _SWAP.findall(content.decode("utf-8", "replace"))
    return modules, swaps


def _root_filesystem(guest: Guest) -> list[str]:
    lines = fstab.parse(guest.files.text("/etc/fstab") or "")
    kind = guest.filesystem or next((line.fstype for line in lines if line.mountpoint == "/"), "")
    return [_FILESYSTEMS[kind]] if kind in _FILESYSTEMS else []


def _module(path: str) -> str:
    return path.rpartition("/")[2].partition(".ko")[0].replace("-", "_")
