# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GRUB: core images, boot sectors and grub.cfg for a disk image, with the modules of the image itself."""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.scratch import scratch_folder
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import MIB, SECTOR, align_up
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.rootfs import Kernel

BIOS = "i386-pc"
# The platforms with UEFI, and the names of their programs on the EFI system partition.
EFI_PROGRAMS = {"x86_64-efi": "BOOTX64.EFI", "arm64-efi": "BOOTAA64.EFI"}
_PACKAGES = {BIOS: "grub-pc-bin", "x86_64-efi": "grub-efi-amd64-bin", "arm64-efi": "grub-efi-arm64-bin"}
# What reads the root file system
_READERS = {"xfs": "xfs", "btrfs": "btrfs"}
_MODULES = ("part_msdos", "part_gpt", "{reader}", "lvm", "search", "search_fs_uuid", "normal", "configfile", "linux")
_MORE = ("echo", "test", "serial", "terminal", "gzio", "all_video")
_NOT_EVERYWHERE = ("serial", "all_video")

# Where distributions have GRUB's modules, and the command by which a GRUB reads boot loader entries, by its module.
_MODULE_FOLDERS = ("usr/lib/grub", "usr/share/grub2", "usr/lib/grub2")
_ENTRIES = "/boot/loader/entries"
_ENTRY_READERS = {"blscfg": f"set blsdir={_ENTRIES}\nblscfg", "blsuki": f"blscfg --path {_ENTRIES}"}

# The kernel argument by which the initramfs (openstack_guest/files/new-ids) knows that the id is still the image's.
NEW_IDS = "goldsmith.new_ids"

# Where the parts of the BIOS boot sector lie, in bytes (grub's boot.S).
_BPB = slice(0x03, 0x5A)
_KERNEL_SECTOR = 0x5C
_BOOT_DRIVE = 0x64
_DRIVE_CHECK = slice(0x66, 0x68)
_TABLE = slice(0x1B8, 0x200)
# The last entry of the block list in the first sector of core.img (grub's diskboot.S).
_BLOCK_LIST = slice(0x1F4, 0x200)
_CORE_SEGMENT = 0x820


@dataclass(frozen=True)
class Target:
    """The root file system that GRUB has to find. *volume* is the name in the device mapper where it lies in LVM,
    *volume_id* the ids of group and volume, with a slash between.

    *partition* is what GRUB calls its partition, as C(gpt1), where each instance gives it an id of its own: GRUB takes
    the one on the disk that it was loaded from, whatever its id is.
    """

    uuid: str
    volume: str | None = None
    filesystem: str = "ext4"
    partition: str = ""
    volume_id: str = ""

    @property
    def find(self) -> list[str]:
        """The commands of grub.cfg by which GRUB finds it."""
        if not self.partition:
            return [self.search]
        # Once the instance has an id of its own, new_ids is empty.
        return [
            f"set rootuuid={self.uuid}",
            "probe --set=rootuuid --fs-uuid $root",
            f"if [ $rootuuid = {self.uuid} ]; then set new_ids={NEW_IDS}; fi",
        ]

    @property
    def search(self) -> str:
        """The command by which GRUB finds it, whatever disk it was loaded from."""
        # Without a hint GRUB looks at each drive in turn, and a read error of an empty floppy ends its search. By name
        # it knows one group of those with the same name.
        hints = f"--hint=lvmid/{self.volume_id} --hint=lvm/{self.volume} " if self.volume else ""
        return f"search --no-floppy --fs-uuid --set=root {hints}{self.uuid}"

    @property
    def argument(self) -> str:
        """The kernel argument by which the initramfs finds it."""
        # By the name of the volume the initramfs knows which group to activate.
        if self.volume:
            return f"root=/dev/mapper/{self.volume}"
        return "root=UUID=$rootuuid $new_ids" if self.partition else f"root=UUID={self.uuid}"


@dataclass(frozen=True)
class Root:
    """What GRUB has to start. *reader* is the module by which it reads boot loader entries, empty for none."""

    target: Target
    kernel: Kernel
    kernel_args: str
    title: str
    serial: bool = True
    reader: str = ""


def boot_folder(tree: str) -> str:
    """Return the folder inside the tree in which GRUB, and what configures it there, look for its configuration."""
    folder = Path(tree, "boot/grub2")
    return "/boot/grub2" if folder.is_dir() and not folder.is_symlink() else "/boot/grub"


def efi_platform(tree: str) -> str:
    """Return the platform by which UEFI starts the tree: that of which it has the modules."""
    there = (name for name in EFI_PROGRAMS for folder in _MODULE_FOLDERS if Path(tree, folder, name).exists())
    return next(there, next(iter(EFI_PROGRAMS)))


def entries_reader(tree: str, platforms: Sequence[str]) -> str:
    """Return the module by which GRUB reads the boot loader entries of the tree; empty where it cannot, or has none."""
    if not any(Path(tree, _ENTRIES[1:]).glob("*.conf")):
        return ""
    folders = [module_folder(tree, platform) for platform in platforms]
    return next((name for name in _ENTRY_READERS if all((folder / f"{name}.mod").is_file() for folder in folders)), "")


def has_serial(tree: str, platform: str) -> bool:
    """Return whether GRUB itself can speak on a serial line there; UEFI may do it for it."""
    return (module_folder(tree, platform) / "serial.mod").is_file()


def module_folder(tree: str, platform: str) -> Path:
    """Return the host path of the tree's GRUB modules; raise GoldsmithError when the tree has none."""
    places = [Path(tree, folder, platform) for folder in _MODULE_FOLDERS]
    folder = next((place for place in places if place.is_symlink() or place.exists()), places[0])
    # A tree may be foreign: what its links lead to on this host is none of its GRUB.
    odd = [path for path in (folder, *list(folder.parents)[:3]) if path.is_symlink()]
    if not odd and folder.is_dir():
        used = [entry for entry in folder.iterdir() if entry.suffix in (".img", ".lst", ".mod")]
        odd = [entry for entry in used if entry.is_symlink() or not entry.is_file()]
    if odd:
        raise GoldsmithError(f"{odd[0]} is not a plain file or folder", hint="install GRUB in the tree again")
    if not (folder / "moddep.lst").is_file():
        raise GoldsmithError(
            f"the tree {tree} has no GRUB for {platform} in {' or '.join(f'/{name}' for name in _MODULE_FOLDERS)}",
            hint=f"add the package of its modules, for Debian {_PACKAGES[platform]}, or set firmware=none",
        )
    return folder


def module_files(tree: str, platform: str) -> dict[str, str]:
    """Return what grub-install would copy to the boot folder: names inside the image and their host paths."""
    folder, boot = module_folder(tree, platform), boot_folder(tree)
    return {
        f"{boot}/{platform}/{entry.name}": str(entry)
        for entry in sorted(folder.iterdir())
        if entry.suffix in (".mod", ".lst")
    }


def make_core(runner: Runner, tree: str, platform: str, target: Target, output: str) -> None:
    """Make the core image (BIOS) or the EFI program that finds the root file system.

    *output* lies in a folder for temporary files.
    """
    folder, boot = module_folder(tree, platform), boot_folder(tree)
    more = [name for name in _MORE if name not in _NOT_EVERYWHERE or (folder / f"{name}.mod").is_file()]
    reader = _READERS.get(target.filesystem, "ext2")
    modules = [
        *(name.format(reader=reader) for name in _MODULES),
        *more,
        *(["biosdisk"] if platform == BIOS else ["fat"]),
    ]
    argv = ["grub-mkimage", "-d", str(folder), "-O", platform, "-o", output]
    if target.partition:
        # GRUB puts the disk that it was loaded from before the comma.
        runner.run([*argv, "-p", f"(,{target.partition}){boot}", *modules])
        return
    early = Path(f"{output}.cfg")
    early.write_text(f"{target.search}\nset prefix=($root){boot}\n")
    runner.run([*argv, "-c", str(early), "-p", boot, *modules])
    early.unlink()


def embed(disk: str, boot: bytes, core: bytes, *, sector: int, room: int) -> None:
    """Write boot.img into the first sector of a disk image and core.img at *sector*, as grub-bios-setup does.

    *room* is the number of bytes free there. No Reed-Solomon codes are written: an image file does not decay.
    """
    size = align_up(len(core), SECTOR)
    if len(boot) != SECTOR or size <= SECTOR:
        raise GoldsmithError("boot.img or core.img is not that of GRUB", hint="install GRUB in the tree again")
    if size > room:
        raise GoldsmithError(f"GRUB needs {size} bytes behind sector {sector}, only {room} are free")
    first = bytearray(boot)
    struct.pack_into("<Q", first, _KERNEL_SECTOR, sector)
    first[_BOOT_DRIVE] = 0xFF  # the drive that the BIOS booted from
    first[_DRIVE_CHECK] = b"\x90\x90"  # no workaround for BIOSes that pass a wrong drive
    body = bytearray(core.ljust(size, b"\0"))
    body[_BLOCK_LIST] = struct.pack("<QHH", sector + 1, size // SECTOR - 1, _CORE_SEGMENT)
    with open(disk, "r+b") as file:
        old = file.read(SECTOR)
        first[_BPB] = old[_BPB]
        first[_TABLE] = old[_TABLE]
        file.seek(0)
        file.write(first)
        file.seek(sector * SECTOR)
        file.write(body)


def install_bios(runner: Runner, disk: str, tree: str, target: Target, *, bios_boot: tuple[int, int] | None) -> None:
    """Make a disk image bootable by BIOS; *bios_boot* is start and size of that partition, None on an MBR disk."""
    start, room = bios_boot or (SECTOR, MIB - SECTOR)
    with scratch_folder("image") as folder:
        core = os.path.join(folder, "core.img")
        make_core(runner, tree, BIOS, target, core)
        boot = module_folder(tree, BIOS) / "boot.img"
        embed(disk, boot.read_bytes(), Path(core).read_bytes(), sector=start // SECTOR, room=room)


def configuration(root: Root) -> str:
    """Return the first grub.cfg; where GRUB reads no boot loader entries, the guest's own tool replaces it when it gets
    another kernel."""
    serial = ["serial --unit=0 --speed=115200", "terminal_input console serial", "terminal_output console serial"]
    begin = ["set default=0", "set timeout=0", *(serial if root.serial else ()), *root.target.find]
    if root.reader:
        # An update may have chosen the kernel to start.
        chosen = (
            "if [ -s $prefix/grubenv ]; then load_env; fi",
            'if [ -n "$saved_entry" ]; then set default="$saved_entry"; fi',
        )
        words = [*begin, *chosen, f"insmod {root.reader}", _ENTRY_READERS[root.reader]]
        return "# Each kernel has an entry in /boot/loader/entries.\n" + "\n".join(words) + "\n"
    entry = [
        *begin,
        f"menuentry {_quote(root.title)} {{",
        f"  linux {root.kernel.image} {root.target.argument} ro {' '.join(root.kernel_args.split())}".rstrip(),
        f"  initrd {root.kernel.ramdisk}",
        "}",
    ]
    return "# Written with the image; update-grub replaces it.\n" + "\n".join(entry) + "\n"


def _quote(text: str) -> str:
    return "'" + " ".join(text.split()).replace("'", "'\\''") + "'"
