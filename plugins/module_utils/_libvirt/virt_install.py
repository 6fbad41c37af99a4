# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""virt-install: a machine and where its system comes from, as a command line."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.qemu import BADLY_EMULATED
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError

PROGRAM = "virt-install"
# Disks that we made bear these names in the machine's own description, and no others are ever removed.
ROOT_ALIAS, DRIVE_ALIAS = "ua-goldsmith-root", "ua-goldsmith-drive"
SMALLEST_MEMORY = 64
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_NETWORK = re.compile(r"user|(?:bridge|network)=[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
# How guests know that they are one of OpenStack's, and read the config drive.
_NOVA = "system.manufacturer=OpenStack Foundation,system.product=OpenStack Nova"
# The firmware waits so long before an installer starts: until somebody listens to its console, who may be far away.
_HEAD_START = "bootmenu.enable=yes,bootmenu.timeout=4000"


@dataclass(frozen=True)
class Machine:
    """The hardware of a guest; memory in MiB."""

    name: str
    uuid: str
    memory: int = 1024
    cpus: int | None = None
    network: str = "user"
    firmware: str = "bios"
    os_variant: str = ""
    virt_type: str = "qemu"

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise OptionError("name", self.name, "not a name of letters, digits, dots, dashes and underscores")
        if not _NETWORK.fullmatch(self.network):
            raise OptionError("network", self.network, "no such network", hint="user, bridge=NAME or network=NAME")
        if self.memory < SMALLEST_MEMORY:
            raise OptionError("memory", self.memory, f"less than {SMALLEST_MEMORY} MiB")
        if self.cpus is not None and self.cpus < 1:
            raise OptionError("vcpus", self.cpus, "a machine has at least one")
        if not re.fullmatch(r"[A-Za-z0-9._+-]*", self.os_variant):
            raise OptionError("os_variant", self.os_variant, "no such variant", hint="virt-install --osinfo list")

    @property
    def emulated(self) -> bool:
        """Whether its processor is emulated."""
        return self.virt_type == "qemu"


@dataclass(frozen=True)
class PoolVolume:
    """A disk in a storage pool."""

    pool: str
    name: str

    @property
    def words(self) -> str:
        """The volume as virt-install knows it."""
        return f"vol={self.pool}/{self.name}"


@dataclass(frozen=True)
class Installer:
    """An installer: a tree at a URL or an ISO image, or a kernel with its initrd.

    *answers* is the path of the file for its initrd, *boot* says which files of an ISO image are kernel and initrd.
    """

    location: str = ""
    kernel: str = ""
    initrd: str = ""
    kernel_args: str = ""
    answers: str = ""
    boot: str = ""

    def __post_init__(self) -> None:
        for option in ("location", "kernel", "initrd", "kernel_args"):
            value = getattr(self, option)
            if '"' in value or "\n" in value or (option != "kernel_args" and "," in value):
                raise OptionError(option, value, "holds a character that virt-install cannot be given")


def command(
    uri: str, machine: Machine, disks: tuple[PoolVolume, ...], installer: Installer | None, *extra: str
) -> list[str]:
    """Return the argv that makes and starts the machine; without *installer* it starts from its disk."""
    cpus = machine.cpus or (1 if machine.emulated else 2)
    emulated = ",".join(["mode=maximum", *(f"disable={feature}" for feature in BADLY_EMULATED)])
    cpu = emulated if machine.emulated else "mode=host-passthrough"
    argv = [PROGRAM, "--connect", uri, "--name", machine.name, "--uuid", machine.uuid]
    argv += ["--virt-type", machine.virt_type, "--arch", "x86_64", "--machine", "q35", "--cpu", cpu]
    argv += ["--memory", str(machine.memory), "--vcpus", str(cpus)]
    argv += ["--osinfo", machine.os_variant or "detect=on,require=off", "--sysinfo", _NOVA]
    root, *others = disks
    argv += ["--disk", f"{root.words},bus=virtio,cache=unsafe,discard=unmap,alias.name={ROOT_ALIAS}"]
    for volume in others:
        # Not a CD-ROM: kernels made for clouds have no driver for one.
        argv += ["--disk", f"{volume.words},bus=virtio,readonly=yes,alias.name={DRIVE_ALIAS}"]
    argv += ["--network", f"{machine.network},model=virtio"]
    argv += ["--graphics", "none", "--serial", "pty", "--console", "pty,target_type=serial"]
    argv += ["--controller", "usb,model=none", "--sound", "none", "--memballoon", "virtio", "--rng", "/dev/urandom"]
    argv += ["--channel", "unix,target.type=virtio,target.name=org.qemu.guest_agent.0"]
    boot = [*(["uefi"] if machine.firmware == "uefi" else []), *([_HEAD_START] if installer else [])]
    argv += ["--boot", ",".join(boot)] if boot else []
    argv += _source(installer)
    # Whether the installation ends well is seen on the console, not by virt-install.
    return [*argv, "--noautoconsole", "--noreboot", *extra]


def _source(installer: Installer | None) -> list[str]:
    if installer is None:
        return ["--import"]
    if installer.location:
        location = ",".join(filter(None, (installer.location, installer.boot)))
        argv = ["--location", location, "--extra-args", installer.kernel_args]
    else:
        # In quotes, since its words may hold commas.
        arguments = f',kernel_args="{installer.kernel_args}"' if installer.kernel_args else ""
        argv = ["--install", f"kernel={installer.kernel},initrd={installer.initrd}{arguments}"]
    return [*argv, *(["--initrd-inject", installer.answers] if installer.answers else [])]
