# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image says of itself in Glance, derived from what was built."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import GIB, MIB, align_up, human_size

DISKS = ("qcow2", "raw", "vhd")
_CLOUD_INIT = frozenset(("cloud-init", "cloud-init-base"))
# Compute reads the command line for images with a kernel of their own, and passes over it for disks.
_FOR_ROOTS_ONLY = ("os_command_line",)
# The kernel of a triplet is started without firmware: it boots on clouds, too, that have no UEFI.
_FOR_DISKS_ONLY = ("hw_firmware_type",)


def build_date(epoch: int | None) -> str | None:
    """Return the day (UTC) of the newest package: the same bits have the same date, whenever they were made."""
    if not epoch:
        return None
    return datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).date().isoformat()


def of_content(packages: Iterable[Mapping[str, str]], epoch: int | None) -> dict[str, str]:
    """Return the properties that the packages decide; without packages, what is known without them."""
    names = {package.get("package") or package.get("name") for package in packages}
    found = {"image_build_date": build_date(epoch) or ""}
    if names:
        found["cloud_init_installed"] = "true" if names & _CLOUD_INIT else "false"
        found["hw_qemu_guest_agent"] = "yes" if "qemu-guest-agent" in names else ""
    return found


def merged(derived: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, str]:
    """Return what is derived with what is given before it, as text; an empty value removes."""
    both = {name: "" if value is None else str(value) for name, value in {**derived, **given}.items()}
    return {name: value for name, value in sorted(both.items()) if value != ""}


def of_format(disk_format: str, derived: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, str]:
    """Return the properties of one file of the build.

    A kernel and the ramdisk of a triplet have none: images of other builds may share them.
    """
    if disk_format in DISKS:
        return {name: value for name, value in merged(derived, given).items() if name not in _FOR_ROOTS_ONLY}
    if disk_format == "ami":
        return merged({name: value for name, value in derived.items() if name not in _FOR_DISKS_ONLY}, given)
    if disk_format == "initramfs":
        # Of the machine that runs it nothing is known.
        both = merged(derived, given)
        return {
            name: value for name, value in both.items() if not name.startswith("hw_") and name not in _FOR_ROOTS_ONLY
        }
    return {}


def min_disk(disk_format: str, virtual_size: int, given: int | None = None) -> int:
    """Return the smallest disk of a flavour in GiB, unless it is given; a kernel and a ramdisk need none."""
    if disk_format not in (*DISKS, "ami"):
        return 0
    require_room(given, virtual_size, "the disk" if disk_format in DISKS else "the root file system")
    return given or align_up(virtual_size, GIB) // GIB


def require_room(given: int | None, virtual_size: int, what: str) -> None:
    """Refuse a smallest disk, in GiB, that is smaller than the image: Compute would start no guest on it."""
    needed = align_up(virtual_size, GIB) // GIB
    if given and given < needed:
        raise OptionError(
            "min_disk", given, f"{what} has {human_size(virtual_size)}", hint=f"give {needed} or more, or leave it out"
        )


def min_ram(kernel: int, ramdisk: int, least: int) -> int:
    """Return the smallest memory of a flavour in MiB, by the sizes of kernel and ramdisk in bytes.

    While it boots, a guest holds both packed and unpacked, to about five times the size, and needs memory to do so.
    """
    return max(least, align_up(256 * MIB + 8 * (kernel + ramdisk), 128 * MIB) // MIB)
