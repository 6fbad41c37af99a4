# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be said of a boot before it happens."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot import qemu
from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.hardware import Hardware, hardware_of
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError

INSTANCE_DATA = ("metadata", "openstack", "ec2", "config_drive", "static_network", "none")


@dataclass(frozen=True)
class BootPlan:
    """One boot as it was asked for; sizes in bytes, times in seconds. *name* tells it from others of the image.

    Without *image* there is no disk, and *ramdisk* is the whole system. Without *machine* and *kernel_args* they are
    those that the architecture usually has. *properties* are those that the image has in Glance.
    """

    image: str | None
    user: str
    kernel: str | None = None
    ramdisk: str | None = None
    kernel_args: str | None = None
    architecture: str = "amd64"
    machine: str | None = None
    firmware: str = "bios"
    disk_size: int = 6 << 30
    memory: int = 1 << 30
    cpus: int | None = None
    accelerator: str = "auto"
    instance_data: str = "metadata"
    hostname: str = "goldsmith-guest"
    user_data: str = ""
    ssh_key: str | None = None
    outbound: bool = False
    timeout: float = 300
    console_log: str | None = None
    in_place: bool = False
    commands: tuple[str, ...] = ()
    cache_dir: str | None = None
    name: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for option in ("image", "kernel", "ramdisk", "ssh_key"):
            path = getattr(self, option)
            if path is not None and not os.path.isfile(path):
                raise OptionError(option, path, "no such file")
        if not self.image and not self.kernel:
            raise OptionError("image", "", "there is nothing to boot", hint="name an image, or kernel and ramdisk")
        if bool(self.kernel) != bool(self.ramdisk):
            raise OptionError("kernel", self.kernel, "kernel and ramdisk go together")
        if self.kernel and self.in_place:
            raise OptionError("in_place", True, "a root file system is always booted from a copy", hint="leave it out")
        if self.kernel and self.firmware == "uefi":
            raise OptionError("firmware", "uefi", "a kernel given directly needs no firmware", hint="use bios")
        platform = qemu.PLATFORMS[self.architecture]
        if self.machine not in (None, *platform.types):
            raise OptionError(
                "machine", self.machine, f"is none of {self.architecture}", hint=f"use {platform.types[0]}"
            )
        self.hardware.check_machine(self.machine, platform.types)
        if self.firmware == "bios" and self.architecture != "amd64" and not self.kernel:
            raise OptionError("firmware", "bios", f"no machine of {self.architecture} has it", hint="use uefi")
        if self.firmware == "uefi" and qemu.find_uefi(self.architecture) is None:
            hint = f"install the package {platform.package}"
            raise OptionError("firmware", "uefi", f"no UEFI firmware for {self.architecture} is installed", hint=hint)
        if self.commands and not self.can_log_in:
            raise OptionError("instance_data", "none", "commands need an account's key", hint="give ssh_key")

    @property
    def can_log_in(self) -> bool:
        """Without instance data only a key that is in the image opens the door."""
        return self.instance_data != "none" or self.ssh_key is not None

    @property
    def hardware(self) -> Hardware:
        """What the guest gets by the properties of the image."""
        return hardware_of(self.properties)

    @property
    def form(self) -> str:
        """What starts it: a firmware, or the kernel of a triplet or ramdisk, with the architecture if it is rare."""
        form = self.firmware if not self.kernel else "triplet" if self.image else "ramdisk"
        return form if self.architecture == "amd64" else f"{self.architecture}-{form}"

    @property
    def subject(self) -> str:
        """The file that is booted."""
        return self.image or str(self.ramdisk)

    @property
    def label(self) -> str:
        """What it is called while it goes on."""
        return f"boot {os.path.basename(self.subject)}" + (f" ({self.name})" if self.name else "")
