# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""QEMU: accelerator, firmware and command line of a machine."""

from __future__ import annotations

import os
import re
import select
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.hardware import Hardware
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.emulators import MACHINES
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import (
    Runner,
    find_program,
    missing_program,
)

# UEFI code and its empty variable store: Debian and Ubuntu, Fedora and its family, openSUSE, Arch.
_OVMF = (
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
    ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
    ("/usr/share/qemu/ovmf-x86_64-4m-code.bin", "/usr/share/qemu/ovmf-x86_64-4m-vars.bin"),
    ("/usr/share/qemu/ovmf-x86_64-code.bin", "/usr/share/qemu/ovmf-x86_64-vars.bin"),
    ("/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"),
)
_AAVMF = (
    ("/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd"),
    ("/usr/share/edk2/aarch64/QEMU_EFI-pflash.raw", "/usr/share/edk2/aarch64/vars-template-pflash.raw"),
    ("/usr/share/qemu/aavmf-aarch64-code.bin", "/usr/share/qemu/aavmf-aarch64-vars.bin"),
    ("/usr/share/edk2/aarch64/QEMU_CODE.fd", "/usr/share/edk2/aarch64/QEMU_VARS.fd"),
)
MAC = "52:54:00:60:1d:00"
# Address of a guest that has the metadata service.
METADATA_GUEST = "169.0.0.15"
# Network of a guest without DHCP: QEMU's usual one, in which its DHCP server gives another address than this.
STATIC_GUEST, STATIC_NETMASK, STATIC_ROUTER, STATIC_DNS = "10.0.2.99", "255.255.255.0", "10.0.2.2", "10.0.2.3"
# What an emulated processor had better not have. With cmpxchg16b Linux 6.12 crashes now and then; with five levels of
# page tables its mounts may stay busy for ever; fast string instructions are emulated byte by byte, and the kernel's
# and libc's other ways are faster. No program needs any of these but the first, which is part of x86-64-v2.
BADLY_EMULATED = ("cx16", "la57", "erms", "fsrm")
_PROBE_SECONDS = 5.0
_PID = "pid"
# The socket by which a machine is told what to do
CONTROL = "qmp"


@dataclass(frozen=True)
class Platform:
    """What QEMU needs for the machines of an architecture; the first of *types* is the usual one.

    *processor* is the emulated one, *options* follow the type, *console* is what Linux calls the serial line.
    """

    programs: tuple[str, ...]
    types: tuple[str, ...]
    firmware: tuple[tuple[str, str], ...]
    package: str  # Debian's, of the firmware
    processor: str
    options: str
    video: tuple[str, ...]
    console: str


# The Fedora family hides its only program. Without graphics SeaBIOS and GRUB speak on the serial console too, so what
# they miss is in the log.
PLATFORMS = {
    "amd64": Platform(
        programs=("qemu-system-x86_64", "/usr/libexec/qemu-kvm"),
        types=("q35", "pc"),
        firmware=_OVMF,
        package="ovmf",
        processor=",".join(["max", *(f"-{feature}" for feature in BADLY_EMULATED)]),
        options=",graphics=off",
        video=("-vga", "std"),
        console="ttyS0",
    ),
    # Signed pointers are slow to emulate in the standard's own way.
    "arm64": Platform(
        programs=("qemu-system-aarch64", "/usr/libexec/qemu-kvm"),
        types=("virt",),
        firmware=_AAVMF,
        package="qemu-efi-aarch64",
        processor="max,pauth-impdef=on",
        options="",
        video=(),
        console="ttyAMA0",
    ),
}


@dataclass(frozen=True)
class Disk:
    """A block device of *size* bytes; its *format* is never left to QEMU's guess."""

    path: str
    format: str
    size: int
    readonly: bool = False


@dataclass(frozen=True)
class Machine:
    """A machine to start. *folder* takes its console log, sockets and process id."""

    folder: Path
    name: str
    uuid: str
    type: str
    accelerator: str
    memory: int
    cpus: int
    disks: tuple[Disk, ...]
    architecture: str = "amd64"
    uefi: tuple[str, str] | None = None
    kernel: str | None = None
    ramdisk: str | None = None
    kernel_args: str = ""
    metadata: str | None = None
    smbios: tuple[str, ...] = ()
    outbound: bool = False
    hardware: Hardware = field(default_factory=Hardware)
    # Of the guest; empty: the one that it gets by DHCP
    address: str = ""

    @property
    def console(self) -> Path:
        """The log of the serial console."""
        return self.folder / "console.log"

    @property
    def qmp(self) -> Path:
        """The control socket."""
        return self.folder / CONTROL

    @property
    def pidfile(self) -> Path:
        """The process id of a machine that was started as a daemon."""
        return self.folder / _PID


def program(architecture: str = "amd64") -> str:
    """Return the QEMU of this host for an architecture."""
    names = PLATFORMS[architecture].programs
    for name in names:
        if path := find_program(name):
            return path
    raise missing_program(names[0])


def usual_cpus(accelerator: str) -> int:
    """Return how many processors a guest gets when nobody says.

    Under emulation it is one: a kernel that patches its code while another processor runs it crashes now and then.
    """
    return 2 if accelerator == "kvm" else 1


def choose_accelerator(
    runner: Runner,
    wanted: str,
    architecture: str = "amd64",
    *,
    cpuinfo: str = "/proc/cpuinfo",
    device: str = "/dev/kvm",
) -> str:
    """Return C(kvm) where it really works, else C(tcg). Raises OptionError when C(kvm) was asked for in vain."""
    if wanted == "tcg":
        return "tcg"
    machine, ours = MACHINES[architecture], os.uname().machine
    if machine != ours:
        reason: str | None = f"the processors of this host are {ours}, not {machine}"
    else:
        reason = _kvm_obstacle(runner, cpuinfo if architecture == "amd64" else None, device)
    if reason is None:
        return "kvm"
    if wanted == "kvm":
        raise OptionError("accelerator", "kvm", reason, hint="use tcg or auto")
    return "tcg"


def find_uefi(architecture: str = "amd64") -> tuple[str, str] | None:
    """Return the UEFI firmware's code and its empty variable store, or None when no firmware is installed."""
    pairs = PLATFORMS[architecture].firmware
    return next((pair for pair in pairs if all(os.path.isfile(path) for path in pair)), None)


def command(machine: Machine, *, daemon: bool = False) -> list[str]:
    """Return the argv that starts a machine."""
    platform = PLATFORMS[machine.architecture]
    argv = [program(machine.architecture), "-name", _escape(machine.name), "-uuid", machine.uuid]
    argv += ["-nodefaults", "-no-user-config", "-machine", machine.type + platform.options]
    argv += [*_processor(machine), "-m", str(machine.memory >> 20), "-display", "none", *platform.video]
    argv += ["-chardev", f"file,id=console,path={_escape(machine.console)}", "-serial", "chardev:console"]
    argv += ["-qmp", f"unix:{_escape(machine.qmp)},server=on,wait=off"]
    if machine.uefi:
        for unit, (path, readonly) in enumerate(zip(machine.uefi, ("on", "off"))):
            argv += ["-drive", f"if=pflash,unit={unit},format=raw,readonly={readonly},file={_escape(path)}"]
    for number, disk in enumerate(machine.disks):
        argv += ["-drive", _drive(number, disk)]
    argv += machine.hardware.devices({f"disk{number}": disk.readonly for number, disk in enumerate(machine.disks)})
    argv += ["-netdev", _network(machine), "-device", f"{machine.hardware.card},netdev=net0,mac={MAC}"]
    if machine.smbios:
        argv += ["-smbios", ",".join(["type=1", *(_escape(field) for field in machine.smbios)])]
    if machine.kernel:
        argv += ["-kernel", machine.kernel, "-initrd", machine.ramdisk or "", "-append", machine.kernel_args]
    if daemon:
        argv += ["-daemonize", "-pidfile", str(machine.pidfile)]
    return argv


def daemon_pid(machine_folder: Path) -> int | None:
    """Return the process id of the machine that runs as a daemon in a folder, or None when it has ended."""
    try:
        pid = int((machine_folder / _PID).read_text(encoding="ascii"))
        # The number may be another's by now: the folder is in our own command line.
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if os.fsencode(machine_folder / _PID) in words else None


def end(runner: Runner, process: subprocess.Popen[bytes]) -> None:
    """Kill a process that the runner started, and close its pipes."""
    runner.stop(process)
    for stream in (process.stdout, process.stderr):
        if stream:
            stream.close()


def _kvm_obstacle(runner: Runner, cpuinfo: str | None, device: str) -> str | None:
    """Return why KVM does not work; *cpuinfo* is for processors of x86, which say whether they can."""
    if cpuinfo and not _has_virtualisation(cpuinfo):
        return f"{cpuinfo} shows neither vmx nor svm"
    try:
        os.close(os.open(device, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return f"{device} cannot be opened: {error.strerror}"
    if cpuinfo and not _firmware_runs(runner):
        return "a machine started with it executes nothing"
    return None


def _has_virtualisation(cpuinfo: str) -> bool:
    # Some sandboxes offer the device on processors without it; kernels hang there.
    try:
        flags = Path(cpuinfo).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return bool(re.search(r"^flags\s*:.*\b(vmx|svm)\b", flags, re.MULTILINE))


def _firmware_runs(runner: Runner) -> bool:
    # The BIOS speaks on its debug port within milliseconds, if the processor executes anything at all.
    argv = [program(), "-accel", "kvm", "-cpu", "host", "-machine", "q35", "-m", "64", "-nodefaults"]
    argv += ["-display", "none", "-chardev", "stdio,id=debug,signal=off"]
    argv += ["-device", "isa-debugcon,iobase=0x402,chardev=debug"]
    process = runner.start(argv)
    try:
        if process.stdout is None:
            return False
        ready, _w, _x = select.select([process.stdout], [], [], _PROBE_SECONDS)
        return bool(ready) and bool(os.read(process.stdout.fileno(), 1))
    finally:
        end(runner, process)


def _processor(machine: Machine) -> Sequence[str]:
    if machine.accelerator == "kvm":
        return ["-accel", "kvm", "-cpu", "host", "-smp", str(machine.cpus)]
    cpu = PLATFORMS[machine.architecture].processor
    return ["-accel", "tcg,thread=multi", "-cpu", cpu, "-smp", str(machine.cpus)]


def _drive(number: int, disk: Disk) -> str:
    mode = "readonly=on" if disk.readonly else "cache=unsafe,discard=unmap"
    return f"if=none,id=disk{number},format={disk.format},{mode},file={_escape(disk.path)}"


def _network(machine: Machine) -> str:
    words = ["user", "id=net0"]
    if machine.metadata:
        # The address of the service must lie in the guest's network. Not 169.254.0.0/16 alone: a link-local address
        # does not count as a network for every guest.
        words += ["net=169.0.0.0/8", "host=169.0.0.2", "dns=169.0.0.3", f"dhcpstart={METADATA_GUEST}"]
        words.append(f"guestfwd=tcp:169.254.169.254:80-cmd:{_escape(machine.metadata)}")
    if not machine.outbound:
        # A restricted network has no router either.
        words.append("restrict=on")
    # Port 0: the system chooses a free one, so two boots never meet.
    words.append(f"hostfwd=tcp:127.0.0.1:0-{machine.address}:22")
    return ",".join(words)


def _escape(value: str | os.PathLike[str]) -> str:
    text = os.fspath(value)
    if "\n" in text:
        raise GoldsmithError(f"the path {text!r} holds a line break", hint="rename it")
    return text.replace(",", ",,")
