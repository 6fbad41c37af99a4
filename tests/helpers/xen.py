# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Xen: Debian's own, with a dom0 that lives in its initramfs, under plain QEMU; and its pygrub on this host.

Guests are paravirtualised, so no processor has to help, and an emulated one will do.
"""

from __future__ import annotations

import gzip
import hashlib
import lzma
import re
import shutil
import struct
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from helpers.cache import cached
from helpers.cpio import CONSOLE, FOLDER, PROGRAM, Archive
from helpers.modules import run_module

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.console import plain_text
from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.qemu import end, program
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.namespaces import prefix
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

RELEASE = "bookworm"
PACKAGES = ["linux-image-amd64", "xen-hypervisor-4.17-amd64", "xen-utils-4.17", "xen-utils-common"]
EXCLUDED = ["/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/man/*"]
INIT = Path(__file__).with_name("xen_dom0.sh")
MODULES = ("virtio_pci", "virtio_blk", "virtio_console", "xen_blkback", "xen_evtchn", "xen_gntdev", "xen_gntalloc")
MODULES += ("xen_privcmd", "xenfs")
# What dom0 does not need while it runs: the smaller its initramfs, the sooner it is up.
LEFT_OUT = ("boot", "dev", "proc", "run", "sys", "tmp", "usr/share", "var/cache", "var/lib/apt", "var/lib/dpkg")
LEFT_OUT += tuple(f"usr/lib/{name}" for name in ("apt", "dpkg", "grub", "grub-xen", "modules", "systemd", "udev"))
LEFT_OUT += tuple(f"usr/lib/x86_64-linux-gnu/{name}" for name in ("gconv", "perl", "perl-base"))
MEMORY, DOM0_MEMORY, GUEST_MEMORY = 3072, 1024, 512  # MiB
# Emulation on a busy machine is slow; guests that work do not wait for it.
TIMEOUT = 900
# One of these in the words of dom0, Xen or a guest, and it will not come up.
FATAL = ("libxl: error", "Kernel panic", "ALERT!", "not xen image", "(initramfs)", "was not created", "Panic on CPU")
# Messages of services may follow it on its line.
_LOGIN = re.compile(r"^\S+ login: ", re.MULTILINE)


@dataclass(frozen=True)
class Started:
    """What pygrub found in an image: the kernel and the initramfs, by their digests, and the kernel's arguments."""

    kernel: str
    ramdisk: str
    arguments: list[str]


@dataclass(frozen=True)
class XenGuest:
    """A guest to start. *settings* are lines of its configuration, *files* what dom0 needs for it, by name."""

    name: str
    disks: Sequence[Path]
    settings: Mapping[str, object]
    files: Mapping[str, Path] = field(default_factory=dict)
    mark: str = ""  # what its console must say besides the login prompt


def digest(path: Path) -> str:
    """The sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Dom0:
    """Xen, the kernel and the initramfs of dom0, and the tree that they come from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tree = folder / "tree"

    @classmethod
    def cached(cls) -> Dom0:
        """The dom0 of the cache, made if it is not there."""
        recipe = repr((RELEASE, PACKAGES, EXCLUDED, MODULES, LEFT_OUT)) + INIT.read_text()
        return cls(cached("xen-dom0", recipe, lambda folder: cls(folder)._make()))

    def _make(self) -> None:
        wish = {"path": str(self.tree), "release": RELEASE, "packages": PACKAGES, "exclude": EXCLUDED}
        # Of the initramfs that the kernel's package makes nothing is used.
        early = [{"path": "/etc/initramfs-tools/conf.d/small", "content": "MODULES=list\n"}]
        made = run_module("tree_bootstrap", {**wish, "files": early})
        assert not made.get("failed"), made["msg"]
        (xen,) = (self.tree / "boot").glob("xen-*.gz")
        (self.folder / "xen").write_bytes(gzip.decompress(xen.read_bytes()))
        (kernel,) = (self.tree / "boot").glob("vmlinuz-*")
        # Xen would take 15 seconds for it under emulation, at every start.
        (self.folder / "vmlinux").write_bytes(unpacked_kernel(kernel.read_bytes()))
        with open(self.folder / "initrd", "wb") as file:
            archive = Archive(file)
            archive.add_tree(self.tree, lambda name: name not in LEFT_OUT)
            for name in ("dev", "guests", "modules", "proc", "run", "sys", "tmp"):
                archive.add(name, mode=FOLDER)
            archive.add("dev/console", mode=CONSOLE, device=(5, 1))
            archive.add("init", INIT.read_bytes(), PROGRAM)
            for number, module in enumerate(self._modules()):
                archive.add(f"modules/{number:02}.ko", module.read_bytes())
            archive.close()
        shutil.rmtree(self.tree / "usr/lib/modules")

    def _modules(self) -> list[Path]:
        """The modules and what they need, in the order in which they can be loaded."""
        (folder,) = (self.tree / "usr/lib/modules").iterdir()
        needs = dict(line.split(":") for line in (folder / "modules.dep").read_text().splitlines())
        paths = {Path(path).name.split(".")[0].replace("-", "_"): path for path in needs}
        # modules.dep names first what is needed last.
        ordered = [path for name in MODULES for path in [*reversed(needs[paths[name]].split()), paths[name]]]
        return [folder / path for path in dict.fromkeys(ordered)]

    def pygrub(self, image: Path, folder: Path) -> Started:
        """Let Xen's pygrub look into an image, as a host does before it starts a guest; *folder* is for its output."""
        output = folder / "pygrub"
        output.mkdir()
        script = (
            'for name in dev proc; do mount --rbind "/$name" "$1/$name" || exit; done; '
            'mount -t tmpfs tmpfs "$1/mnt" && mkdir "$1/mnt/image" "$1/mnt/output" && '
            'mount --bind "$2" "$1/mnt/image" && mount --bind "$3" "$1/mnt/output" && '
            'exec chroot "$1" sh -c \'exec /usr/lib/xen-*/bin/pygrub "$@"\' pygrub '
            '-q --output-format=simple --output-directory=/mnt/output "/mnt/image/$4"'
        )
        words = [str(self.tree), str(image.parent), str(output), image.name]
        result = subprocess.run(
            [*prefix(), "sh", "-c", script, "sh", *words],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert result.returncode == 0, f"pygrub on {image.name}: {result.stderr}"
        found = dict(line.split(" ", 1) for line in result.stdout.splitlines() if " " in line)
        kernel, ramdisk = (digest(output / Path(found[name]).name) for name in ("kernel", "ramdisk"))
        shutil.rmtree(output)
        return Started(kernel, ramdisk, found["args"].split())

    def run(self, guests: Sequence[XenGuest], folder: Path, *, timeout: float = TIMEOUT) -> dict[str, str]:
        """Start all guests at once, wait until each has its login prompt and has said its mark; return their consoles.

        *folder* is for the files of the machine. The guests write to their disks.
        """
        for name in ("xen", "vmlinux"):
            (folder / name).symlink_to(self.folder / name)
        shutil.copy(self.folder / "initrd", folder / "initrd")
        with open(folder / "initrd", "ab") as file:
            archive = Archive(file)
            self._add_guests(archive, guests)
            archive.close()
        log = folder / "dom0-xen.log"
        names = [guest.name for guest in guests]
        runner = Runner()
        with open(log, "wb") as file:
            machine = runner.start(["env", "--chdir", folder, *_machine(guests)], stdout=file)
        try:
            start = time.monotonic()
            while True:
                said = {name: _text(folder / f"{name}.log") for name in names}
                if all(_LOGIN.search(said[guest.name]) and guest.mark in said[guest.name] for guest in guests):
                    return said
                words = _text(log)
                told = f"\n{words[-3000:]}\n" + "\n".join(f"--- {name}\n{text[-3000:]}" for name, text in said.items())
                fatal = [line for line in [words, *said.values()] for word in FATAL if word in line]
                if fatal:
                    pytest.fail(f"a guest did not come up{told}", pytrace=False)
                if machine.poll() is not None:
                    pytest.fail(f"the machine has ended{told}", pytrace=False)
                if time.monotonic() - start > timeout:
                    pytest.fail(f"the guests were not up after {timeout:g} s{told}", pytrace=False)
                time.sleep(0.5)
        finally:
            end(runner, machine)

    @staticmethod
    def _add_guests(archive: Archive, guests: Sequence[XenGuest]) -> None:
        names = iter("abcdefghijklmnopqrstuvwxyz")
        for guest in guests:
            archive.add(f"guests/{guest.name}", mode=FOLDER)
            for name, path in guest.files.items():
                archive.add(f"guests/{guest.name}/{name}", path.read_bytes())
            letters = "ad"  # xvda, and xvdd as Compute calls the config drive
            disks = [
                f"phy:/dev/vd{next(names)},xvd{letter},{'r' if _is_drive(disk) else 'w'}"
                for letter, disk in zip(letters, guest.disks)
            ]
            settings = {
                "name": guest.name,
                "type": "pv",
                "memory": GUEST_MEMORY,
                "tsc_mode": "native",  # twice as fast under emulation
                "on_crash": "destroy",
                "disk": disks,
                **guest.settings,
            }
            lines = [f"{name} = {_quote(value)}\n" for name, value in settings.items()]
            archive.add(f"guests/{guest.name}.cfg", "".join(lines).encode())


def unpacked_kernel(image: bytes) -> bytes:
    """The ELF file inside a bzImage that is packed by xz, as its header says."""
    setup_sectors, (offset, length) = image[0x1F1], struct.unpack_from("<II", image, 0x248)
    start = (setup_sectors + 1) * 512 + offset
    return lzma.LZMADecompressor().decompress(image[start : start + length])


def _machine(guests: Sequence[XenGuest]) -> list[str]:
    """The argv of QEMU; its files lie in the current folder."""
    xen = f"com1=115200,8n1 console=com1 noreboot dom0_max_vcpus=1 dom0_mem={DOM0_MEMORY}M,max:{DOM0_MEMORY}M"
    argv = [program(), "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio"]
    # A plain processor: emulated smap crashes dom0, and what is newer crashes programs of the guests now and then.
    argv += ["-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "qemu64,-cx16", "-smp", "2", "-m", str(MEMORY)]
    argv += ["-kernel", "xen", "-append", xen, "-initrd", "vmlinux console=hvc0 quiet,initrd"]
    for number, disk in enumerate(disk for guest in guests for disk in guest.disks):
        path, mode = str(disk).replace(",", ",,"), "readonly=on" if _is_drive(disk) else "cache=unsafe"
        argv += ["-drive", f"if=none,id=disk{number},format=raw,{mode},file={path}"]
        argv += ["-device", f"virtio-blk-pci,drive=disk{number}"]
    argv += ["-device", "virtio-serial-pci"]
    for guest in guests:
        argv += ["-chardev", f"file,id={guest.name},path={guest.name}.log"]
        argv += ["-device", f"virtserialport,chardev={guest.name},name={guest.name}"]
    return argv


def _is_drive(disk: Path) -> bool:
    """Whether it is a config drive, which guests may share."""
    return disk.suffix == ".iso"


def _quote(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_quote(item) for item in value) + "]"
    return str(value) if isinstance(value, int) else f'"{value}"'


def _text(path: Path) -> str:
    return plain_text(path.read_bytes()) if path.exists() else ""
