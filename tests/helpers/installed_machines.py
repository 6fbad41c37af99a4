# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks as installers leave them: several file systems on LVM or in subvolumes, swap, one network, one hardware.

The system on them is that of an image. The tools of each file system make them, and the kernel writes the files.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from helpers.disks import MIB, tool, unmount
from helpers.guests import TIMEOUT, BuiltImage
from helpers.lvm import lvm_on
from helpers.modules import run_module
from helpers.tools import run_tool

_ESP, _LVM = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "E6D6D379-F507-44C2-A23C-238F2A3DF928"
_VOLUMES = {"root": 1024, "var": 512, "swap": 64}
MEMORY = b"what was in memory "
# As the installer of Ubuntu leaves it for the card of its machine
NETPLAN = """\
network:
  ethernets:
    enp9s9:
      addresses: [192.0.2.17/24]
      nameservers: {addresses: [192.0.2.1]}
      routes: [{to: default, via: 192.0.2.1}]
  version: 2
"""
NO_NETWORK_OF_CLOUD_INIT = "network: {config: disabled}\n"
KEYFILE = """\
[connection]
id=Wired connection 1
uuid=11111111-2222-3333-4444-555555555555
type=ethernet
interface-name=enp9s9

[ipv4]
method=manual
address1=192.0.2.17/24,192.0.2.1
"""
# mkinitramfs makes the same of MODULES=dep on a machine with these; in a tree that cannot look at the hardware.
_OF_ONE_MACHINE = """
set -e
settings=$(mktemp -d)
cp -a /etc/initramfs-tools/. "$settings"
rm -f "$settings"/hooks/* "$settings"/conf.d/*
printf 'MODULES=list\\nRESUME=/dev/mapper/system-swap\\n' >"$settings/conf.d/one"
printf '%s\\n' nvme dm-mod xfs ext4 >"$settings/modules"
for kernel in /boot/vmlinuz-*; do
    mkinitramfs -d "$settings" -o "/boot/initrd.img-${kernel#/boot/vmlinuz-}" "${kernel#/boot/vmlinuz-}"
done
rm -r "$settings"
"""


@dataclass(frozen=True)
class Place:
    """Bytes of a disk."""

    start: int
    size: int


def tree_of(image: Path, folder: Path) -> Path:
    """The files of an image of ours, in a folder that other accounts cannot enter."""
    folder.mkdir(mode=0o700)
    result = run_module("disk_extract", {"src": str(image), "tree": str(folder / "tree"), "root_source": ""})
    assert result.get("changed") is True, result
    return folder / "tree"


def in_tree(tree: Path, script: str) -> str:
    """Run a script in a tree, which must succeed; return what it said."""
    result = run_module("chroot_exec", {"tree": str(tree), "script": script})
    assert not result.get("failed"), result
    return result["stdout"]


def write(tree: Path, files: Mapping[str, str], mode: int = 0o644) -> None:
    """Write files into a tree."""
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
        (tree / name).chmod(mode)


def capture(checkout: Path, folder: Path, disk: Path, **more: object) -> tuple[BuiltImage, str]:
    """Capture a disk with DHCP for every card, audit and boot the image; return it, and what was said in one line."""
    variables = {
        "vm_capture_disk": str(disk),
        "vm_capture_network": "dhcp",
        "image_output_dir": str(folder / "out"),
        "image_cache_dir": str(folder / "cache"),
        "image_formats": ["qcow2"],
        "image_verify_timeout": TIMEOUT,
        **more,
    }
    argv = ["./goldsmith", "playbook", "goldsmith.openstack.capture_vm", "-e", json.dumps(variables)]
    said = run_tool(argv, cwd=checkout, timeout=2 * TIMEOUT)
    return BuiltImage(folder / "out" / disk.stem, disk.stem), " ".join(said.split())


def disk_of_debian(tree: Path, disk: Path) -> Path:
    """A GPT disk with an ESP, /boot on ext4, and LVM of lvm2 with the root on xfs, /var on ext4 and swap.

    Its initramfs is for a machine with NVMe and that swap, its network for one card.
    """
    esp, boot, group = _gpt(disk, [(_ESP, 64), ("L", 256), (_LVM, sum(_VOLUMES.values()) + 16)])
    with lvm_on(disk, [(group.start, group.size)]) as lvm:
        lvm.run("pvcreate", lvm.devices[0])
        lvm.run("vgcreate", "system", lvm.devices[0])
        for name, size in _VOLUMES.items():
            lvm.run("lvcreate", "-an", "-Zn", "-Wn", "-y", "-L", f"{size}M", "-n", name, "system")
        rows = lvm.report("lvs", "lv_name,lv_size,seg_pe_ranges,vg_uuid,lv_uuid,vg_extent_size")
        first = int(lvm.report("pvs", "pe_start")[0]["pe_start"]) + group.start
    volumes = {}
    for row in rows:
        extent = int(row["seg_pe_ranges"].rpartition(":")[2].partition("-")[0])
        volumes[row["lv_name"]] = Place(first + extent * int(row["vg_extent_size"]), int(row["lv_size"]))
    var_id = next(row["vg_uuid"] + row["lv_uuid"] for row in rows if row["lv_name"] == "var").replace("-", "")
    uuids = {
        "/boot/efi": _made(disk, esp, "mkfs.vfat", "-F", "32"),
        "/boot": _made(disk, boot, "mkfs.ext4", "-q"),
        "/": _made(disk, volumes["root"], "mkfs.xfs", "-q"),
        "/var": _made(disk, volumes["var"], "mkfs.ext4", "-q"),
    }
    swap_uuid = _made(disk, volumes["swap"], "mkswap")
    lines = [
        "/dev/mapper/system-root / xfs defaults 0 0",
        f"UUID={uuids['/boot']} /boot ext4 defaults 0 2",
        f"UUID={uuids['/boot/efi']} /boot/efi vfat umask=0077 0 1",
        f"/dev/disk/by-id/dm-uuid-LVM-{var_id} /var ext4 defaults 0 2",
        f"/dev/disk/by-uuid/{swap_uuid} none swap sw 0 0",
        "/swap.img none swap sw 0 0",
    ]
    write(
        tree,
        {
            "etc/fstab": "".join(f"{line}\n" for line in lines),
            "etc/initramfs-tools/conf.d/driver-policy": "MODULES=dep\n",
            "etc/initramfs-tools/conf.d/resume": f"RESUME=UUID={swap_uuid}\n",
            "etc/default/grub.d/resume.cfg": 'GRUB_CMDLINE_LINUX_DEFAULT="quiet resume=/dev/mapper/system-swap"\n',
            "etc/cloud/cloud.cfg.d/subiquity-disable-cloudinit-networking.cfg": NO_NETWORK_OF_CLOUD_INIT,
        },
    )
    write(tree, {"etc/netplan/00-installer-config.yaml": NETPLAN, "swap.img": ""}, mode=0o600)
    (tree / "swap.img").write_bytes(MEMORY * 100_000)
    for name in ("conf.d/goldsmith", "hooks/goldsmith"):
        (tree / "etc/initramfs-tools" / name).unlink()
    (tree / "etc/systemd/network/80-dhcp.network").unlink()
    in_tree(tree, _OF_ONE_MACHINE)
    (tree / "boot/efi").mkdir(exist_ok=True)
    tool("mmd", "-i", f"{disk}@@{esp.start}", "::EFI")
    with _mounted(disk, [("/", volumes["root"]), ("/boot", boot), ("/var", volumes["var"])]) as root:
        _copy(tree, root)
    return disk


def disk_of_fedora(tree: Path, disk: Path) -> Path:
    """An MBR disk with /boot on ext4, swap, and a btrfs whose subvolumes are the root and /home.

    Its initramfs is for a machine with NVMe and that swap, its network for one card.
    """
    boot, swap, root = _mbr(disk, [(83, 256), (82, 64), (83, 2048)])
    uuids = {
        "/boot": _made(disk, boot, "mkfs.ext4", "-q"),
        "/": _made(disk, root, "mkfs.btrfs", "-q"),
        "swap": _made(disk, swap, "mkswap"),
    }
    lines = [
        f"UUID={uuids['/']} / btrfs subvol=root,compress=zstd:1 0 0",
        f"UUID={uuids['/boot']} /boot ext4 defaults 1 2",
        f"UUID={uuids['/']} /home btrfs subvol=home,compress=zstd:1 0 0",
        f"UUID={uuids['swap']} none swap defaults 0 0",
        "/var/swapfile none swap defaults 0 0",
    ]
    resume = f"resume=UUID={uuids['swap']}"
    write(
        tree,
        {
            "etc/fstab": "".join(f"{line}\n" for line in lines),
            "etc/dracut.conf.d/50-goldsmith.conf": 'hostonly="yes"\n',
            "etc/cloud/cloud.cfg.d/99-no-network.cfg": NO_NETWORK_OF_CLOUD_INIT,
        },
    )
    write(tree, {"etc/NetworkManager/system-connections/wired.nmconnection": KEYFILE}, mode=0o600)
    (tree / "var/swapfile").write_bytes(MEMORY * 100_000)
    omitted = "virtio_pci virtio_blk virtio_scsi virtio_mmio"
    # GRUB counts from the file system that holds /boot.
    own = f"root=UUID={uuids['/']} rootflags=subvol=root ro {resume}"
    for entry in (tree / "boot/loader/entries").glob("*.conf"):
        entry.write_text(re.sub(r"root=\S+", own, entry.read_text()).replace(" /boot/", " /"))
    (tree / "etc/kernel/cmdline").write_text(re.sub(r"root=\S+", own, (tree / "etc/kernel/cmdline").read_text()))
    # The machine's command line is in it too.
    arguments = f"--force --no-hostonly --omit-drivers '{omitted}' --kernel-cmdline '{resume}'"
    in_tree(
        tree, f"cd /boot; for file in vmlinuz-*; do dracut {arguments} initramfs-${{file#*-}}.img ${{file#*-}}; done"
    )
    with tempfile.TemporaryDirectory() as top, _attached(disk, root) as device:
        tool("mount", device, top)
        try:
            for name in ("root", "home"):
                tool("btrfs", "subvolume", "create", Path(top, name))
        finally:
            unmount(top, disk)
    parts = [("/", root, "subvol=root,compress=zstd"), ("/boot", boot), ("/home", root, "subvol=home,compress=zstd")]
    with _mounted(disk, parts) as mounted:
        _copy(tree, mounted)
    return disk


def _gpt(disk: Path, parts: Sequence[tuple[str, int]]) -> list[Place]:
    return _partitioned(disk, "gpt", parts)


def _mbr(disk: Path, parts: Sequence[tuple[int, int]]) -> list[Place]:
    return _partitioned(disk, "dos", parts)


def _partitioned(disk: Path, label: str, parts: Sequence[tuple[str | int, int]]) -> list[Place]:
    """Make a disk with partitions of these types and sizes in MiB, one after the other."""
    places, start = [], MIB
    for _kind, size in parts:
        places.append(Place(start, size * MIB))
        start += size * MIB
    with open(disk, "wb") as file:
        file.truncate(start + MIB)
    lines = [
        f"start={place.start // 512}, size={place.size // 512}, type={kind}"
        for (kind, _size), place in zip(parts, places, strict=True)
    ]
    tool("sfdisk", "-q", disk, stdin="\n".join([f"label: {label}", *lines, ""]))
    return places


def _made(disk: Path, place: Place, *argv: str) -> str:
    """Have a file system made in its place; return its UUID."""
    with _attached(disk, place) as device:
        tool(*argv, device)
        return tool("blkid", "-p", "-o", "value", "-s", "UUID", device).strip()


@contextmanager
def _attached(disk: Path, place: Place) -> Iterator[str]:
    where = [f"--offset={place.start}", f"--sizelimit={place.size}"]
    device = tool("losetup", "--find", "--show", *where, disk).strip()
    try:
        yield device
    finally:
        tool("losetup", "--detach", device)


@contextmanager
def _mounted(disk: Path, parts: Sequence[tuple[str, Place] | tuple[str, Place, str]]) -> Iterator[Path]:
    """Mount parts in their order, the root first, each with its options."""
    with tempfile.TemporaryDirectory() as top, ExitStack() as stack:
        devices: dict[Place, str] = {}
        for mountpoint, place, *options in parts:
            folder = Path(top + mountpoint)
            folder.mkdir(exist_ok=True)
            if place not in devices:
                devices[place] = stack.enter_context(_attached(disk, place))
            tool("mount", *(word for one in options for word in ("-o", one)), devices[place], folder)
            stack.callback(unmount, folder, disk)
        yield Path(top)


def _copy(tree: Path, root: Path) -> None:
    tool("cp", "-a", f"{tree}/.", root)
