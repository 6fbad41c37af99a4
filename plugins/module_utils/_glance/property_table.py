# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of images: the names that services of OpenStack read, and the values that they take.

Taken from Nova 34.0 (ImageMetaProps), Glance 33.0 (metadata definitions, useful image properties), Cinder 29.0,
Ironic 39.0, and SCS-0102 (image metadata).
"""

from __future__ import annotations

import datetime
import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError

# Names that begin so have a meaning to a service, or none; all others are free.
RESERVED = ("cinder_", "hw_", "hw:", "hypervisor_", "img_", "os_", "os:", "trait:", "traits:", "vmware_", "xenapi_")
# What the publication keeps in Glance for itself.
OURS = "goldsmith_"
# Columns of Glance's database; and it takes no character of four bytes.
_NAME_LENGTH = 255
_VALUE_BYTES = 65535
# More words than these say nothing in one line.
_SHOWN = 14


@dataclass(frozen=True)
class Rule:
    """What a value may be: a sentence about it for the user, and the judgement."""

    says: str
    allows: Callable[[str], bool]


def _words(text: str, *, also: str = "", any_case: bool = False) -> Rule:
    """One of the words; those of *also* are old names for them. Nova reads some in any case."""
    words = text.split()
    allowed = {*words, *also.split()}
    says = ", ".join(words) if len(words) <= _SHOWN else f"{', '.join(words[:_SHOWN])}, ..."
    says = f"one of {says}" if len(words) > 1 else says
    return Rule(says, lambda value: (value.lower() if any_case else value) in allowed)


def _matches(regex: str, says: str) -> Rule:
    pattern = re.compile(regex)
    return Rule(says, lambda value: bool(pattern.fullmatch(value)))


def _number(least: int, most: int | None = None) -> Rule:
    says = f"a number from {least} to {most}" if most is not None else f"a number, {least} or more"
    return Rule(says, lambda value: value.isdecimal() and least <= int(value) and (most is None or int(value) <= most))


def _is_day(value: str) -> bool:
    try:
        return datetime.date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _day_or(*words: str, regex: str = "(?!)") -> Rule:
    """A day, one of the words, or what matches."""
    says = " or ".join(("a day as YYYY-MM-DD", *words))
    return Rule(says, lambda value: _is_day(value) or value in words or bool(re.fullmatch(regex, value)))


def _is_build_date(value: str) -> bool:
    day, _blank, clock = value.partition(" ")
    return _is_day(day) and (not clock or bool(re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?", clock)))


_TEXT = Rule("text", lambda _value: True)
_URL = r"(https?|ftps?)://\S+"
_UUID = _matches(r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}", "the id of an object, as from uuidgen")
# Nova takes any other word for false, without a word.
_BOOLEAN = _words("true false yes no on off 1 0", also="t f y n", any_case=True)
_DISK_BUS = _words("fdc ide lxc sata scsi uml usb virtio xen")
_DISK_CONTROLLERS = "buslogic ibmvscsi lsilogic lsisas1068 lsisas1078 virtio-scsi vmpvscsi"
_ARCHITECTURE = _words(
    "x86_64 aarch64 ppc64le s390x i686 armv7l ppc64 alpha armv6 armv7b cris ia64 lm32 m68k microblaze microblazeel "
    "mips mipsel mips64 mips64el openrisc parisc parisc64 ppc ppcle ppcemb s390 sh4 sh4eb sparc sparc64 unicore32 "
    "xtensa xtensaeb",
    also="amd64 i386 i486 i586 x86_32 x86_32p",
    any_case=True,
)
_HYPERVISOR = _words(
    "qemu kvm xen ironic lxc vmware hyperv vz uml baremetal bhyve docker fake kqemu lxd openvz parallels phyp powervm "
    "prsm test vbox zvm",
    also="xapi",
    any_case=True,
)
_VM_MODE = _words("hvm xen uml exe", also="hv pv baremetal", any_case=True)
_VERSIONS = _matches(
    r"\s*(<=|>=|<|>|!=|==)\s*\d[\w.]*\s*(,\s*(<=|>=|<|>|!=|==)\s*\d[\w.]*\s*)*", "conditions as in >=6.0,<9"
)
_CPUS = _matches(r"\s*\^?\d+(-\d+)?\s*(,\s*\^?\d+(-\d+)?\s*)*", "numbers of CPUs as in 0-3,^2")


def _all(names: str, rule: Rule) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


_KNOWN: dict[str, Rule] = {
    # The machine of a guest.
    **_all("architecture hw_architecture hw_emulation_architecture", _ARCHITECTURE),
    **_all("hw_cdrom_bus hw_disk_bus hw_floppy_bus hw_rescue_bus", _DISK_BUS),
    **_all("hw_cpu_cores hw_cpu_sockets hw_cpu_threads hw_numa_nodes", _number(1)),
    **_all("hw_cpu_max_cores hw_cpu_max_sockets hw_cpu_max_threads", _number(1)),
    **_all("hw_device_id xenapi_device_id hw_maxphysaddr_bits hw_redirected_usb_ports", _number(0)),
    **_all("hw_serial_port_count hw_video_ram", _number(0)),
    **_all("hw_boot_menu hw_firmware_stateless hw_ipxe_boot hw_locked_memory hw_mem_encryption hw_pmu", _BOOLEAN),
    **_all("hw_qemu_guest_agent hw_time_hpet hw_vif_multiqueue_enabled hw_virtio_packed_ring", _BOOLEAN),
    **_all("auto_disk_config hw_auto_disk_config hw_ephemeral_encryption ipxe_boot", _BOOLEAN),
    "hw_cpu_policy": _words("dedicated mixed shared"),
    "hw_cpu_realtime_mask": _CPUS,
    "hw_cpu_thread_policy": _words("isolate prefer require"),
    "hw_disk_type": _TEXT,
    "hw_ephemeral_encryption_format": _words("luks luksv2 plain"),
    "hw_ephemeral_encryption_secret_uuid": _UUID,
    "hw_firmware_type": _words("bios uefi"),
    "hw_input_bus": _words("usb virtio"),
    "hw_machine_type": _TEXT,
    "hw_maxphysaddr_mode": _words("emulate passthrough"),
    "hw_mem_encryption_model": _words("amd-sev amd-sev-es amd-sev-snp intel-tdx"),
    "hw_mem_page_size": _matches(r"small|large|any|\d+|\d*\.?\d+([KMGT]i?)?(B|b|bit)", "small, large, any, or a size"),
    "hw_pci_numa_affinity_policy": _words("legacy preferred required socket"),
    "hw_pointer_model": _words("usbtablet"),
    "hw_rescue_device": _words("cdrom disk floppy fs lun"),
    "hw_rng_model": _words("virtio"),
    "hw_scsi_model": _words(_DISK_CONTROLLERS, also="lsilogicsas paravirtual", any_case=True),
    "hw_sound_model": _words("ac97 es1370 ich6 ich9 pcspk sb16 usb virtio"),
    "hw_tpm_model": _words("tpm-crb tpm-tis"),
    "hw_tpm_version": _words("1.2 2.0"),
    "hw_usb_model": _words("nec-xhci none qemu-xhci"),
    "hw_video_model": _words("bochs cirrus gop none qxl vga virtio vmvga xen"),
    "hw_vif_model": _words(
        "e1000 e1000e igb lan9118 ne2k_pci netfront pcnet rtl8139 spapr-vlan sriov virtio vmxnet vmxnet3",
        also="virtuale1000 virtuale1000e virtualpcnet32 virtualsriovethernetcard virtualvmxnet virtualvmxnet3",
        any_case=True,
    ),
    "hw_viommu_model": _words("auto intel smmuv3 virtio"),
    "hw_watchdog_action": _words("disabled none pause poweroff reset"),
    # What runs the guest, and how it is started.
    **_all("hypervisor_type img_hv_type", _HYPERVISOR),
    **_all("hypervisor_version_requires img_hv_requested_version", _VERSIONS),
    **_all("vm_mode hw_vm_mode", _VM_MODE),
    **_all("instance_uuid kernel_id ramdisk_id", _UUID),
    **_all("root_device_name img_root_device_name", _TEXT),
    **_all("bdm_v2 img_bdm_v2 bittorrent img_bittorrent cache_in_nova img_cache_in_nova", _BOOLEAN),
    **_all("img_hide_hypervisor_id img_linked_clone img_use_agent xenapi_use_agent", _BOOLEAN),
    **_all("block_device_mapping img_block_device_mapping mappings img_mappings owner_id img_owner_id", _TEXT),
    **_all("img_compression_level xenapi_image_compression_level", _number(1, 9)),
    **_all("img_version vmware_image_version", _number(1)),
    "img_config_drive": _words("mandatory optional"),
    "img_type": _words("partition whole-disk"),
    # The signature, which Nova and Glance verify.
    "img_signature": _matches(r"[A-Za-z0-9+/\s]+={0,2}\s*", "in base64"),
    "img_signature_certificate_uuid": _UUID,
    "img_signature_hash_method": _words("SHA-224 SHA-256 SHA-384 SHA-512"),
    "img_signature_key_type": _words(
        "RSA-PSS ECC_SECP384R1 ECC_SECP521R1 ECC_SECT409K1 ECC_SECT409R1 ECC_SECT571K1 ECC_SECT571R1 DSA"
    ),
    # The operating system.
    **_all("os_admin_user os_command_line os_distro os_secure_boot_signature os_version", _TEXT),
    **_all("os_require_quiesce os_skip_agent_inject_files_at_boot os_skip_agent_inject_ssh", _BOOLEAN),
    **_all("xenapi_skip_agent_inject_files_at_boot xenapi_skip_agent_inject_ssh", _BOOLEAN),
    "os_secure_boot": _words("disabled optional required"),
    "os_shutdown_timeout": _number(0),
    "os_type": _words("linux windows", any_case=True),
    # Cinder and VMware.
    **_all("cinder_encryption_key_id cinder_img_volume_type vmware_ostype", _TEXT),
    "cinder_encryption_key_deletion_policy": _words("do_not_delete on_image_deletion"),
    "vmware_adaptertype": _words(f"ide {_DISK_CONTROLLERS}", also="lsilogicsas paravirtual", any_case=True),
    "vmware_disktype": _words("preallocated sparse streamOptimized"),
    "vmware_linked_clone": _BOOLEAN,
    # What a provider says of an image, by SCS-0102; os_purpose as its tools have it.
    **_all("license_included license_required subscription_included subscription_required", _BOOLEAN),
    "hotfix_hours": _number(0),
    "image_build_date": Rule("YYYY-MM-DD, or with hh:mm or hh:mm:ss after a blank", _is_build_date),
    "image_source": _matches(rf"{_URL}|private", "a URL, or private"),
    "maintained_until": _day_or(),
    "os_purpose": _words("generic minimal k8snode gpu network custom"),
    "provided_until": _day_or("none", "notice"),
    "replace_frequency": _words("yearly quarterly monthly weekly daily critical_bug never"),
    "uuid_validity": _day_or("last-N", "none", "notice", "forever", regex=r"last-[1-9]\d*"),
}

# Names of which a part is a number or a name.
_FAMILIES: tuple[tuple[re.Pattern[str], Rule], ...] = (
    (re.compile(r"hw_numa_cpus\.(\d|[1-9]\d|1[01]\d|12[0-7])"), _CPUS),
    (re.compile(r"hw_numa_mem\.(\d|[1-9]\d|1[01]\d|12[0-7])"), _number(1)),
    (re.compile(r"trait:[A-Z][A-Z0-9_]*"), _words("required")),
)

# Attributes of an image that are no properties, with what sets them.
_GLANCES_OWN = (
    "checksum created_at deleted deleted_at direct_url file id location locations os_hash_algo os_hash_value schema "
    "self size status stores updated_at virtual_size"
)
_ATTRIBUTES = {
    **{name: f"the option {name} sets it" for name in ("disk_format", "min_disk", "min_ram", "name", "protected")},
    **{name: f"the option {name} sets it" for name in ("tags", "visibility")},
    "container_format": "it follows from the format",
    "os_hidden": "the publication sets it",
    "owner": "it is the project that publishes",
    **dict.fromkeys(_GLANCES_OWN.split(), "Glance sets it"),
}


def check(properties: Mapping[str, object], *, strict: bool) -> list[str]:
    """Refuse what is wrong, in one line, and return warnings; with *strict* what is unknown is refused as well."""
    faults, warnings = judge(properties)
    if strict:
        faults, warnings = faults + warnings, []
    if faults:
        first, _colon, reason = faults[0].partition(": ")
        hint = "validate_properties=false passes them on as they are"
        raise OptionError("properties", first, "; ".join((reason, *faults[1:])), hint=hint)
    return warnings


def judge(properties: Mapping[str, object]) -> tuple[list[str], list[str]]:
    """Return faults and warnings, each as C(name=value: reason). Empty values mean: not set.

    A fault is what Glance would not take, or a value that no service understands; a warning is a name that none is
    known to read: a slip of the pen, or newer than this table.
    """
    faults, warnings = [], []
    for name, value in properties.items():
        said = f"{name}={_short(str(value))}: "
        if fault := _name_fault(name) or _value_fault(name, value):
            faults.append(said + fault)
        elif name.startswith(RESERVED) and not _rule(name):
            warnings.append(f"{said}no service of OpenStack is known to read such a name{_nearest(name)}")
    return faults, warnings


def _name_fault(name: str) -> str | None:
    if not name or len(name) > _NAME_LENGTH or _long_character(name):
        return f"a name has 1 to {_NAME_LENGTH} characters, none of them outside the Basic Multilingual Plane"
    if name in _ATTRIBUTES:
        return f"is an attribute of the image and no property; {_ATTRIBUTES[name]}"
    if name.startswith("os_glance"):
        return "Glance keeps the names that begin with os_glance to itself"
    return f"names that begin with {OURS} are set by the publication" if name.startswith(OURS) else None


def _nearest(name: str) -> str:
    # Flavours write hw: and os: for the same things.
    meant = re.sub(r"^(hw|os):", r"\1_", name)
    families = ["hw_numa_cpus.0", "hw_numa_mem.0", f"trait:{name.partition(':')[2].upper()}"]
    near = difflib.get_close_matches(meant, [*families, *_KNOWN], n=1, cutoff=0.5)
    return f"; the nearest is {near[0]}" if near else ""


def _value_fault(name: str, value: object) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, (Mapping, list, tuple)):
        return "a value is text"
    text = str(value)
    if len(text.encode()) > _VALUE_BYTES:
        return f"a value has at most {_VALUE_BYTES} bytes"
    if _long_character(text):
        return "Glance takes no characters outside the Basic Multilingual Plane"
    rule = _rule(name)
    return None if rule is None or rule.allows(text) else f"must be {rule.says}"


def _rule(name: str) -> Rule | None:
    families = (rule for pattern, rule in _FAMILIES if pattern.fullmatch(name))
    return _KNOWN.get(name) or next(families, None)


def _long_character(text: str) -> bool:
    return any(ord(character) > 0xFFFF for character in text)


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
