# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What QEMU gets for the properties of an image, and what is said of those that it does not follow."""

from __future__ import annotations

import re

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.hardware import Hardware, faults, hardware_of
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError

DRIVES = {"disk0": False, "disk1": True}


def devices(**properties: str) -> list[str]:
    """The devices of a disk and of a config drive."""
    return hardware_of(properties).devices(DRIVES)[1::2]


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({}, ["virtio-blk-pci,drive=disk0", "virtio-blk-pci,drive=disk1"]),
        (
            {"hw_disk_bus": "scsi", "hw_scsi_model": "virtio-scsi"},
            ["virtio-scsi-pci,id=scsi", "scsi-hd,bus=scsi.0,drive=disk0", "scsi-cd,bus=scsi.0,drive=disk1"],
        ),
        (
            {"hw_disk_bus": "SCSI", "hw_scsi_model": "vmpvscsi", "hw_cdrom_bus": "scsi"},
            ["pvscsi,id=scsi", "scsi-hd,bus=scsi.0,drive=disk0", "scsi-cd,bus=scsi.0,drive=disk1"],
        ),
        (
            {"hw_disk_bus": "virtio", "hw_cdrom_bus": "sata", "hw_rng_model": "virtio"},
            ["virtio-blk-pci,drive=disk0", "ahci,id=sata", "ide-cd,bus=sata.1,drive=disk1", "virtio-rng-pci"],
        ),
        ({"hw_disk_bus": "ide"}, ["ide-hd,drive=disk0", "ide-cd,drive=disk1"]),
        (
            {"hw_disk_bus": "usb"},
            ["qemu-xhci,id=usb", "usb-storage,bus=usb.0,drive=disk0", "usb-storage,bus=usb.0,drive=disk1"],
        ),
    ],
)
def test_drives_are_on_the_bus_that_is_published(properties: dict[str, str], expected: list[str]) -> None:
    assert devices(**properties) == expected


def test_a_triplet_is_told_the_disk_as_its_bus_has_it() -> None:
    assert hardware_of({}).root_letters == "vd"
    assert hardware_of({"hw_disk_bus": "scsi", "hw_scsi_model": "virtio-scsi"}).root_letters == "sd"


@pytest.mark.parametrize(
    ("properties", "machines"),
    [
        ({}, ()),
        ({"hw_machine_type": "q35"}, ("q35",)),
        ({"hw_machine_type": "pc"}, ("pc",)),
        ({"hw_machine_type": "virt"}, ("virt",)),
        ({"hw_disk_bus": "ide"}, ("pc",)),
        ({"hw_machine_type": "pc-q35-8.2"}, ("q35",)),
    ],
)
def test_the_machine_that_is_published_is_the_one(properties: dict[str, str], machines: tuple[str, ...]) -> None:
    assert hardware_of(properties).machines == machines


@pytest.mark.parametrize(
    ("properties", "not_tried"),
    [
        ({"os_distro": "debian", "hw_disk_bus": "virtio", "hw_rng_model": "virtio", "hypervisor_type": "kvm"}, ()),
        ({"hw_disk_bus": "xen", "vm_mode": "xen"}, ("vm_mode=xen", "hw_disk_bus=xen")),
        ({"hw_scsi_model": "buslogic", "hw_disk_bus": "scsi"}, ("hw_scsi_model=buslogic",)),
        ({"hw_vif_model": "sriov", "hw_cdrom_bus": "fdc"}, ("hw_cdrom_bus=fdc", "hw_vif_model=sriov")),
        (
            {"hw_tpm_model": "tpm-crb", "os_secure_boot": "required"},
            ("hw_tpm_model=tpm-crb", "os_secure_boot=required"),
        ),
        ({"os_secure_boot": "optional", "hw_mem_encryption": False, "hw_video_model": ""}, ()),
        ({"hw_machine_type": "pc-q35-8.2"}, ("hw_machine_type=pc-q35-8.2",)),
        ({"hw_machine_type": "microvm"}, ("hw_machine_type=microvm",)),
    ],
)
def test_what_a_boot_does_not_follow_is_said(properties: dict[str, object], not_tried: tuple[str, ...]) -> None:
    assert sorted(hardware_of(properties).not_tried) == sorted(not_tried)


def test_what_is_not_known_is_left_as_usual() -> None:
    assert hardware_of({"hw_disk_bus": "xen"}).devices({"a": False}) == Hardware().devices({"a": False})


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ({"hw_disk_bus": "scsi"}, "hw_disk_bus=scsi: without hw_scsi_model .*; add hw_scsi_model=virtio-scsi"),
        ({"hw_disk_bus": "ide", "hw_machine_type": "q35"}, "hw_disk_bus=ide: hw_machine_type=q35 has no such bus; use"),
        ({"hw_cdrom_bus": "ide", "hw_machine_type": "virt"}, "hw_cdrom_bus=ide: hw_machine_type=virt has no such bus"),
    ],
)
def test_what_starts_no_guest_is_refused(properties: dict[str, str], said: str) -> None:
    (line,) = faults(properties)
    assert re.match(said, line)
    assert faults({"hw_disk_bus": "scsi", "hw_scsi_model": "virtio-scsi", "hw_machine_type": "q35"}) == []


def test_a_machine_that_does_not_have_it_is_refused() -> None:
    with pytest.raises(OptionError, match="machine=q35: the properties ask for pc"):
        hardware_of({"hw_disk_bus": "ide"}).check_machine("q35", ("pc", "q35"))
    with pytest.raises(OptionError, match="properties=pc: no such machine here; use virt"):
        hardware_of({"hw_disk_bus": "ide"}).check_machine(None, ("virt",))
    hardware_of({"hw_machine_type": "q35"}).check_machine("q35", ("pc", "q35"))
    hardware_of({}).check_machine("pc", ("pc", "q35"))
