# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drivers by which a kernel gets to its root, in the initramfs or built in, and Q9, the rule for the disk's bus."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.rule import (
    Finding,
    Guest,
    judged,
    not_applicable,
    rule,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import initramfs
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.scratch import scratch_folder
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import rootfs

_RAMDISK_LIMIT = 512 << 20
_MODULE = re.compile(r"(?P<name>[^/]+)\.ko(?:\.(?:xz|zst|gz))?")
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
    except GoldsmithError as error:
        return judged([str(error)])
    found = drivers_in(guest, kernel.ramdisk, needed)
    built_in = {_driver(line) for line in _built_in(guest, kernel.version)}
    seen = [*(f"{kernel.ramdisk}: {path}" for path in found.values())]
    faults = [
        f"{kernel.ramdisk}: {name} is not in it, and hw_disk_bus={bus} needs it"
        for name in needed
        if name not in found and name not in built_in
    ]
    return judged(faults, seen)


def drivers_in(guest: Guest, ramdisk: str, wanted: Iterable[str]) -> dict[str, str]:
    """Return the paths of drivers inside an initramfs by their names, which have C(_) where the files may have C(-)."""
    names = set(wanted)
    with scratch_folder("audit") as folder:
        copy = os.path.join(folder, "ramdisk")
        guest.files.copy_out(ramdisk, copy, limit=_RAMDISK_LIMIT)
        return {driver: path for path in initramfs.names(guest.runner, copy) if (driver := _driver(path)) in names}


def _built_in(guest: Guest, version: str) -> list[str]:
    folders = ("/usr/lib/modules", "/lib/modules")
    return next(
        (lines for folder in folders if (lines := guest.files.lines(f"{folder}/{version}/modules.builtin"))), []
    )


def _driver(path: str) -> str:
    found = _MODULE.fullmatch(os.path.basename(path))
    return found["name"].replace("-", "_") if found else ""
