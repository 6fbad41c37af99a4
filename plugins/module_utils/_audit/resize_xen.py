# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules for the strategy xen: Q1x and Q8."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit import boot_ramdisk, guest_storage
from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.rule import Finding, Guest, judged, rule
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import rootfs

GRUB_CFG, MENU_LST = "/boot/grub/grub.cfg", "/boot/grub/menu.lst"
CONSOLE = "console=hvc0"
_SETTINGS = ("CONFIG_XEN_PV", "CONFIG_HVC_XEN")
_FRONTEND = "CONFIG_XEN_BLKDEV_FRONTEND"
_DRIVER = "xen_blkfront"
_KERNEL_WORDS = ("linux", "kernel")
_LASTING = ("UUID=", "LABEL=")


@dataclass(frozen=True)
class BootEntry:
    """What a file tells the starter of a guest to boot."""

    file: str
    kernel: str
    arguments: tuple[str, ...]
    ramdisk: str | None

    def values(self, name: str) -> list[str]:
        """Return the values of an argument, in their order."""
        return [word.partition("=")[2] for word in self.arguments if word.startswith(f"{name}=")]


@rule("Q1x", "The root file system grows to the flavour's disk, by XenAPI from outside", resize="xen")
def grows(guest: Guest) -> Finding:
    """One partition, number 1, with an ext file system: no LVM, no swap, no /boot; nothing names a device."""
    faults, seen = guest_storage.judge(guest, lvm=False, filesystems=("ext3", "ext4"))
    numbers = guest.partition_numbers
    if numbers:
        told = ", ".join(str(number) for number in numbers)
        (seen if numbers == (1,) else faults).append(f"partitions by number: {told}")
    for line in guest.files.lines("/etc/fstab"):
        source, place = [*line.split(), "", ""][:2]
        if place == "/boot":
            faults.append(f"/etc/fstab: {line}")
        elif place == "/":
            # XenAPI calls the disk xvda, others sda or vda; a triplet has no partition.
            (seen if source.startswith(_LASTING) else faults).append(f"/etc/fstab: {line}")
    for entry in boot_entries(guest):
        roots = entry.values("root")
        lasting = len(roots) == 1 and roots[0].startswith(_LASTING)
        (seen if lasting else faults).append(f"{entry.file}: root={' root='.join(roots)}")
    return judged(faults, seen)


@rule("Q8", "The kernel runs as a Xen guest, is found by its host, and speaks on hvc0", resize="xen")
def runs_under_xen(guest: Guest) -> Finding:
    """Kernel configuration, the disk's driver in the initramfs, and entries that pygrub and pvgrub can read."""
    faults, seen = [], []
    entries = list(boot_entries(guest))
    if not entries:
        faults.append(f"{GRUB_CFG}, {MENU_LST}: no entry for pygrub and pvgrub to start")
    for entry in entries:
        missing = [path for path in (entry.kernel, entry.ramdisk) if not path or not guest.files.is_file(path)]
        faults += [f"{entry.file}: {path or 'a ramdisk'} is missing" for path in missing]
        last = (entry.values("console") or ["none"])[-1]
        (seen if f"console={last}" == CONSOLE else faults).append(f"{entry.file}: the last console is {last}")
    try:
        kernel = rootfs.kernel_of(guest.files, "the image")
    except GoldsmithError as error:
        return judged([*faults, str(error)])
    path = f"/boot/config-{kernel.version}"
    settings = dict(line.split("=", 1) for line in guest.files.lines(path) if "=" in line)
    for name in _SETTINGS:
        (seen if settings.get(name) == "y" else faults).append(f"{path}: {name}={settings.get(name, 'n')}")
    frontend = settings.get(_FRONTEND, "n")
    if frontend == "m":
        path = boot_ramdisk.look_into(guest, kernel.ramdisk)[0].get(_DRIVER)
        (seen if path else faults).append(f"{kernel.ramdisk}: {path or 'xen-blkfront.ko is not in it'}")
    else:
        (seen if frontend == "y" else faults).append(f"{path}: {_FRONTEND}={frontend}")
    return judged(faults, seen)


def boot_entries(guest: Guest) -> Iterator[BootEntry]:
    """Yield the entry that each file of the boot loader starts by itself: its first."""
    for file in (GRUB_CFG, MENU_LST):
        lines = [line.split() for line in guest.files.lines(file)]
        starts = [place for place, words in enumerate(lines) if words[0] in _KERNEL_WORDS and len(words) > 1]
        if not starts:
            continue
        kernel, *arguments = lines[starts[0]][1:]
        behind = lines[starts[0] + 1 : [*starts, len(lines)][1]]
        ramdisk = next((words[1] for words in behind if words[0] == "initrd" and len(words) > 1), None)
        yield BootEntry(file, kernel, tuple(arguments), ramdisk)
