# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and values of image properties."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import property_table
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError

ID = "0f0e7a4c-6a1b-4c38-9f3b-3a1f4f6d2c11"


@pytest.mark.parametrize(
    ("name", "values"),
    {
        "architecture": ("x86_64", "aarch64", "amd64"),
        "auto_disk_config": ("True", "false", True),
        "cinder_encryption_key_deletion_policy": ("on_image_deletion",),
        "cinder_img_volume_type": ("fast",),
        "hotfix_hours": ("0", 48),
        "hw_cpu_realtime_mask": ("^0-1", "0-3,^2"),
        "hw_disk_bus": ("virtio", "scsi", "ide"),
        "hw_firmware_type": ("bios", "uefi"),
        "hw_machine_type": ("q35", "pc-i440fx-9.2"),
        "hw_mem_page_size": ("small", "any", "2048", "2MB", "1GiB"),
        "hw_numa_cpus.0": ("0-3,^2",),
        "hw_numa_mem.127": ("512",),
        "hw_qemu_guest_agent": ("yes", "no", "true", True, "1"),
        "hw_scsi_model": ("virtio-scsi", "lsiLogicsas", "paraVirtual"),
        "hw_tpm_version": ("1.2", "2.0", 2.0),
        "hw_vif_model": ("virtio", "VirtualE1000"),
        "hypervisor_type": ("kvm", "QEMU", "xapi", "powervm"),
        "image_build_date": ("2025-11-20", "2025-11-20 23:59", "2025-11-20 00:00:01"),
        "image_source": ("private", "https://cloud.example/images/a.qcow2"),
        "img_config_drive": ("mandatory", "optional"),
        "img_hv_requested_version": (">=6.0", ">=6.0, <9"),
        "img_signature": ("c2lnbmF0dXJl", "YQ==", "YWI=\n"),
        "img_signature_certificate_uuid": (ID,),
        "img_signature_hash_method": ("SHA-256", "SHA-512"),
        "img_signature_key_type": ("RSA-PSS", "ECC_SECP521R1"),
        "img_type": ("whole-disk",),
        "kernel_id": (ID,),
        "os_command_line": ("root=/dev/vda console=ttyS0",),
        "os_distro": ("debian", "anything"),
        "os_purpose": ("generic", "k8snode"),
        "os_shutdown_timeout": ("0", "300"),
        "os_type": ("linux", "Linux"),
        "provided_until": ("2030-06-30", "none", "notice"),
        "ramdisk_id": (ID,),
        "replace_frequency": ("monthly", "critical_bug"),
        "trait:HW_CPU_X86_AVX2": ("required",),
        "uuid_validity": ("last-3", "forever", "none", "2030-06-30"),
        "vm_mode": ("xen", "hvm", "pv"),
        "vmware_ostype": ("debian10_64Guest",),
        # Free names, and free text in them.
        "description": ("Für alle\nund jeden",),
        "sw_database_mysql_version": ("8.4",),
        "cloud_init_installed": ("true",),
        "a/b c": ("",),
        "n" * 255: ("v" * 65535,),
    }.items(),
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_accepted(name: str, values: tuple[Any, ...]) -> None:
    for value in (*values, "", None):
        assert property_table.judge({name: value}) == ([], [])


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("trait:HW_CPU_X86_AVX2", "forbidden", "must be required"),
        ("hw_disk_bus", "floppy", "must be one of fdc, ide, lxc, sata, scsi, uml, usb, virtio, xen"),
        ("hw_disk_bus", "Virtio", "must be one of"),
        ("hw_rng_model", "tpm", "must be virtio"),
        ("hw_qemu_guest_agent", "maybe", "must be one of true, false, yes, no, on, off, 1, 0"),
        ("hw_cpu_cores", "0", "must be a number, 1 or more"),
        ("hw_cpu_cores", "two", "must be a number, 1 or more"),
        ("img_compression_level", "10", "must be a number from 1 to 9"),
        ("hw_mem_page_size", "big", "must be small, large, any, or a size"),
        ("img_hv_requested_version", "6.0", "must be conditions as in >=6.0,<9"),
        ("img_signature", "-----BEGIN", "must be in base64"),
        ("kernel_id", "debian-aki", "must be the id of an object"),
        ("architecture", "arm", "must be one of x86_64, aarch64,"),
        ("provided_until", "2030-02-30", "must be a day as YYYY-MM-DD or none or notice"),
        ("provided_until", "20300630", "must be a day as YYYY-MM-DD"),
        ("maintained_until", "forever", "must be a day as YYYY-MM-DD"),
        ("uuid_validity", "last-0", "or last-N or"),
        ("image_build_date", "2025-11-20 24:00", "must be YYYY-MM-DD, or with"),
        ("image_source", "nowhere", "must be a URL, or private"),
        ("replace_frequency", "often", "must be one of yearly, quarterly, monthly"),
        ("hotfix_hours", "-1", "must be a number, 0 or more"),
        ("min_disk", 5, "is an attribute of the image and no property; the option min_disk sets it"),
        ("visibility", "public", "the option visibility sets it"),
        ("os_hidden", "true", "no property; the publication sets it"),
        ("os_hash_value", "0", "no property; Glance sets it"),
        ("owner", "me", "it is the project that publishes"),
        ("locations", "x", "Glance sets it"),
        ("os_glance_import_task", "x", "Glance keeps the names that begin with os_glance to itself"),
        ("goldsmith_name", "x", "names that begin with goldsmith_ are set by the publication"),
        ("", "x", "a name has 1 to 255 characters"),
        ("n" * 256, "x", "a name has 1 to 255 characters"),
        ("\U0001f600", "x", "none of them outside the Basic Multilingual Plane"),
        ("free", "\U0001f600", "no characters outside the Basic Multilingual Plane"),
        ("free", "ä" * 32768, "a value has at most 65535 bytes"),
        ("free", ["a"], "a value is text"),
        ("free", {"a": 1}, "a value is text"),
    ],
    ids=lambda value: str(value)[:30].encode("ascii", "replace").decode(),
)
def test_refused(name: str, value: Any, reason: str) -> None:
    with pytest.raises(OptionError) as caught:
        property_table.check({"os_type": "linux", name: value}, strict=False)
    line = str(caught.value)
    assert line.startswith(f"properties={name}={str(value)[:20]}")
    assert reason in line
    assert line.endswith("; validate_properties=false passes them on as they are")
    assert "\n" not in line


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("hw_disk_buss", "virtio", "no service of OpenStack is known to read such a name; the nearest is hw_disk_bus"),
        ("hw:cpu_policy", "dedicated", "the nearest is hw_cpu_policy"),
        ("os:secure_boot", "required", "the nearest is os_secure_boot"),
        ("hypervisor_typ", "kvm", "the nearest is hypervisor_type"),
        ("hw_numa_cpus", "0", "the nearest is hw_numa_cpus.0"),
        ("hw_numa_mem.128", "512", "the nearest is hw_numa_mem.0"),
        ("traits:HW_CPU_X86_AVX2", "required", "the nearest is trait:HW_CPU_X86_AVX2"),
        ("trait:hw_cpu_x86_avx2", "required", "the nearest is trait:HW_CPU_X86_AVX2"),
        ("os_qqqqqqqqqqqqqq", "1", "no service of OpenStack is known to read such a name"),
        # A name is judged even where its value would remove it.
        ("img_signatur", "", "the nearest is img_signature"),
    ],
)
def test_an_unknown_name_is_a_warning(name: str, value: str, reason: str) -> None:
    faults, (warning,) = property_table.judge({"os_type": "linux", name: value})
    assert faults == []
    assert warning.startswith(f"{name}={value}: ")
    assert reason in warning
    assert property_table.check({name: value}, strict=False) == [warning]
    with pytest.raises(OptionError, match="properties=") as caught:
        property_table.check({name: value}, strict=True)
    assert warning in str(caught.value)


def test_all_faults_are_told_in_one_line() -> None:
    with pytest.raises(OptionError) as caught:
        property_table.check({"hw_foo": "b" * 100, "hw_disk_bus": "a", "os_type": "linux"}, strict=True)
    assert str(caught.value).startswith("properties=hw_disk_bus=a: must be one of fdc,")
    assert f"virtio, xen; hw_foo={'b' * 57}...: no service" in str(caught.value)
