# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules for the initramfs: it has the drivers by which the kernel gets to its root, and waits for no other disk."""

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

# What finds a disk of Compute's names for buses and for controllers of SCSI.
_BUSES = {
    "virtio": ("virtio_pci", "virtio_blk"),
    "sata": ("ahci", "sd_mod"),
    "ide": ("ata_piix", "sd_mod"),
    "usb": ("xhci_pci", "usb_storage", "sd_mod"),
}
_SCSI = {
    "virtio-scsi": ("virtio_pci", "virtio_scsi"),
    "lsilogic": ("sym53c8xx",),
    "lsisas1068": ("mptsas",),
    "lsilogicsas": ("mptsas",),
    "lsisas1078": ("megaraid_sas",),
    "vmpvscsi": ("vmw_pvscsi",),
    "paravirtual": ("vmw_pvscsi",),
}
# By the names that a file system may have; the driver of the newest mounts the older ones.
_FILESYSTEMS = {"ext2": "ext4", "ext3": "ext4", "ext4": "ext4", "xfs": "xfs", "btrfs": "btrfs"}
_MODULE_FOLDERS = ("/usr/lib/modules", "/lib/modules")
_MODULE = re.compile(r"(?P<name>[^/]+)\.ko(?:\.(?:xz|zst|gz))?")
_RAMDISK_LIMIT = 512 << 20
# Where initramfs-tools and dracut keep settings in it
_SETTINGS = re.compile(r"(?:\./)?(?:conf/conf\.d/|etc/cmdline\.d/)[^/]+")
_AWAITED = re.compile(
    r"(?:^|\s)((?:RESUME|resume|rd\.(?:lvm|md|luks)\.(?:lv|vg|uuid))=[\"']?(?!none\b|auto\b|[\"'\s]|$)\S+)"
)
_REMEDY = "make it again on the machine: update-initramfs -u with MODULES=most, or dracut --force --no-hostonly"


@rule("initramfs", "The initramfs is for any machine: it finds a virtio disk, and waits for no other")
def for_any_machine(guest: Guest) -> Finding:
    """Drivers in the kernel itself or in the initramfs, and nothing to wake up from."""
    if guest.resize == "xen":
        return not_applicable("its host has no virtio")
    try:
        kernel = rootfs.kernel_of(guest.files, "the image")
        built_in = _built_in(guest, kernel.version)
        if not built_in:
            return not_applicable(f"what is in the kernel {kernel.version} itself is not known")
        modules, awaited = look_into(guest, kernel.ramdisk)
    except GoldsmithError as error:
        return not_applicable(str(error))
    needed = (*_BUSES["virtio"], *_root_filesystem(guest))
    faults = [f"{kernel.ramdisk}: has no {name}; {_REMEDY}" for name in needed if name not in built_in | modules.keys()]
    faults += [f"{kernel.ramdisk}: {setting}, which an instance waits for; {_REMEDY}" for setting in awaited]
    return judged(faults, [f"{kernel.ramdisk}: {', '.join(needed)}"])


@rule("Q9", "The kernel finds its disk on the bus that is published")
def finds_its_disk(guest: Guest) -> Finding:
    """The drivers of C(hw_disk_bus) and C(hw_scsi_model) in the initramfs of the kernel that is started."""
    bus = str(guest.properties.get("hw_disk_bus") or "").lower()
    model = str(guest.properties.get("hw_scsi_model") or "virtio-scsi").lower()
    # On virtio every image is booted.
    needed = (*_SCSI.get(model, ()), "sd_mod") if bus == "scsi" and model in _SCSI else _BUSES.get(bus)
    if bus in ("", "virtio") or needed is None:
        return not_applicable(f"hw_disk_bus={bus or 'virtio'}")
    try:
        kernel = rootfs.kernel_of(guest.files, "the image")
        modules, _awaited = look_into(guest, kernel.ramdisk)
    except GoldsmithError as error:
        return judged([str(error)])
    built_in = _built_in(guest, kernel.version)
    faults = [
        f"{kernel.ramdisk}: {name} is not in it, and hw_disk_bus={bus} needs it"
        for name in needed
        if name not in built_in | modules.keys()
    ]
    return judged(faults, [f"{kernel.ramdisk}: {modules[name]}" for name in needed if name in modules])


def look_into(guest: Guest, ramdisk: str) -> tuple[dict[str, str], list[str]]:
    """Return the modules in an initramfs, their paths by their names, and the swap and volumes that it waits for.

    The names have C(_) where those of files may have C(-). Raises GoldsmithError where it cannot be unpacked.
    """
    modules, awaited = {}, []
    with scratch_folder("audit") as folder:
        copy = os.path.join(folder, "ramdisk")
        guest.files.copy_out(ramdisk, copy, limit=_RAMDISK_LIMIT)
        found = initramfs.contents(guest.runner, copy, lambda name: _SETTINGS.fullmatch(name) is not None)
        for path, content in found:
            if name := _module(path):
                modules[name] = path
            awaited += _AWAITED.findall(content.decode("utf-8", "replace"))
    return modules, awaited


def _root_filesystem(guest: Guest) -> list[str]:
    lines = fstab.parse(guest.files.text("/etc/fstab") or "")
    kind = guest.filesystem or next((line.fstype for line in lines if line.mountpoint == "/"), "")
    return [_FILESYSTEMS[kind]] if kind in _FILESYSTEMS else []


def _built_in(guest: Guest, version: str) -> set[str]:
    lists = (guest.files.lines(f"{folder}/{version}/modules.builtin") for folder in _MODULE_FOLDERS)
    return {_module(line) for line in next((lines for lines in lists if lines), [])}


def _module(path: str) -> str:
    found = _MODULE.fullmatch(os.path.basename(path))
    return found["name"].replace("-", "_") if found else ""
