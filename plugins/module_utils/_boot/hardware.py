# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hardware that Compute gives a guest by the properties of its image, as far as QEMU has it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError

# What Compute's libvirt driver makes of a name, as a device of QEMU.
_CARDS = {
    "virtio": "virtio-net-pci",
    "vmxnet3": "vmxnet3",
    **{name: name for name in ("e1000", "e1000e", "igb", "ne2k_pci", "pcnet", "rtl8139")},
}
_SCSI = {
    "virtio-scsi": "virtio-scsi-pci",
    "lsilogic": "lsi53c895a",
    "lsisas1068": "mptsas1068",
    "lsilogicsas": "mptsas1068",
    "lsisas1078": "megasas",
    "vmpvscsi": "pvscsi",
    "paravirtual": "pvscsi",
}
_CONTROLLERS = {"sata": "ahci", "usb": "qemu-xhci"}
_DISKS = {"virtio": "virtio-blk-pci", "scsi": "scsi-hd", "sata": "ide-hd", "ide": "ide-hd", "usb": "usb-storage"}
_CDROMS = {**_DISKS, "scsi": "scsi-cd", "sata": "ide-cd", "ide": "ide-cd"}
# Bus, unit and port of a controller of our own, named after the bus.
_PLACES = {"scsi": "bus=scsi.0", "sata": "bus=sata.{number}", "usb": "bus=usb.0"}
# How Compute names the first disk of a bus to the kernel of a triplet.
_LETTERS = {"virtio": "vd", "scsi": "sd", "sata": "sd", "usb": "sd", "ide": "hd"}
_MACHINES = ("q35", "pc", "virt")
# Other properties that change how a guest starts, with the values by which they do not.
_NOT_TRIED = {
    "hw_firmware_stateless": ("false", "no"),
    "hw_mem_encryption": ("false", "no"),
    "hw_mem_encryption_model": (),
    "hw_tpm_model": (),
    "hw_video_model": ("vga",),
    "hw_viommu_model": (),
    "hw_virtio_packed_ring": ("false", "no"),
    "hypervisor_type": ("kvm", "qemu"),
    "img_hv_type": ("kvm", "qemu"),
    "os_secure_boot": ("disabled", "optional"),
    "vm_mode": ("hvm",),
}
_OURS = ("hw_cdrom_bus", "hw_disk_bus", "hw_machine_type", "hw_rng_model", "hw_scsi_model", "hw_vif_model")
NAMES = (*_OURS, *_NOT_TRIED)


@dataclass(frozen=True)
class Hardware:
    """Buses, controller and card of a guest by their names in Glance; *machine* of None is anyone's choice.

    *cdrom_bus* None: as the disks, where virtio has no CD-ROM but a disk for reading only. *not_tried* are the
    properties, as C(name=value), that a boot here does not follow.
    """

    disk_bus: str = "virtio"
    scsi_model: str = "virtio-scsi"
    cdrom_bus: str | None = None
    vif_model: str = "virtio"
    machine: str | None = None
    rng: bool = False
    not_tried: tuple[str, ...] = ()

    @property
    def root_letters(self) -> str:
        """How the name of the first disk begins."""
        return _LETTERS[self.disk_bus]

    @property
    def machines(self) -> tuple[str, ...]:
        """The types of machines that it goes with; none for any."""
        return (self.machine,) if self.machine else ("pc",) if "ide" in (self.disk_bus, self.cdrom_bus) else ()

    def check_machine(self, machine: str | None, types: Collection[str]) -> None:
        """Refuse a type of machine that the properties do not ask for, and properties that no type at hand has."""
        if machine and self.machines and machine not in self.machines:
            raise OptionError("machine", machine, f"the properties ask for {' or '.join(self.machines)}")
        if strange := [name for name in self.machines if name not in types]:
            raise OptionError("properties", strange[0], f"no such machine here; use {' or '.join(types)}")

    @property
    def card(self) -> str:
        """QEMU's device of the network card."""
        return _CARDS[self.vif_model]

    def devices(self, drives: Mapping[str, bool]) -> list[str]:
        """Return QEMU's words for drives by name, each with whether it is for reading only, and their controllers."""
        words: list[str] = []
        present: set[str] = set()
        for number, (drive, readonly) in enumerate(drives.items()):
            bus = self.cdrom_bus if readonly and self.cdrom_bus else self.disk_bus
            if bus not in present and (
                controller := _SCSI[self.scsi_model] if bus == "scsi" else _CONTROLLERS.get(bus)
            ):
                words += ["-device", f"{controller},id={bus}"]
            present.add(bus)
            device = (_CDROMS if readonly else _DISKS)[bus]
            place = _PLACES.get(bus, "").format(number=number)
            words += ["-device", ",".join(filter(None, [device, place, f"drive={drive}"]))]
        return words + (["-device", "virtio-rng-pci"] if self.rng else [])


def asked(properties: Mapping[str, Any]) -> dict[str, str]:
    """Return the properties that decide on the hardware, or on how a guest starts, without those that are empty."""
    return {name: str(properties[name]).lower() for name in NAMES if properties.get(name) not in (None, "")}


def faults(properties: Mapping[str, Any]) -> list[str]:
    """Return a line for each choice of hardware with which Compute starts no guest, or one that finds no disk."""
    said = asked(properties)
    found = []
    if said.get("hw_disk_bus") == "scsi" and "hw_scsi_model" not in said:
        found.append(
            "hw_disk_bus=scsi: without hw_scsi_model Compute takes a controller that few systems have a driver for; "
            "add hw_scsi_model=virtio-scsi"
        )
    for name in ("hw_disk_bus", "hw_cdrom_bus"):
        machine = hardware_of(properties).machine
        if said.get(name) == "ide" and machine not in (None, "pc"):
            found.append(f"{name}=ide: hw_machine_type={machine} has no such bus; use sata, scsi or virtio")
    return found


def hardware_of(properties: Mapping[str, Any]) -> Hardware:
    """Return the hardware that the properties of an image ask for; what QEMU has not is left as it usually is."""
    said = asked(properties)
    not_tried = [f"{name}={word}" for name, word in said.items() if word not in _NOT_TRIED.get(name, (word,))]
    chosen: dict[str, Any] = {"rng": said.get("hw_rng_model") == "virtio"}
    for name, option, known in (
        ("hw_disk_bus", "disk_bus", _DISKS),
        ("hw_cdrom_bus", "cdrom_bus", _CDROMS),
        ("hw_vif_model", "vif_model", _CARDS),
        ("hw_scsi_model", "scsi_model", _SCSI),
    ):
        if said.get(name) in known:
            chosen[option] = said[name]
        elif name in said:
            not_tried.append(f"{name}={said[name]}")
    if machine := said.get("hw_machine_type"):
        chosen["machine"] = next((kind for kind in _MACHINES if kind in machine), None)
        # One of an older version is not the one that a boot here has.
        if machine != chosen["machine"]:
            not_tried.append(f"hw_machine_type={machine}")
    return Hardware(**chosen, not_tried=tuple(not_tried))
