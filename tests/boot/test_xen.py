# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The strategy xen: what a Xen host reads in the image, and the image as its guest, on a disk enlarged by the host."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.disks import MIB, tool
from helpers.guests import BuiltImage
from helpers.xen import Dom0, Started, XenGuest, digest

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.config_drive import make_config_drive
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

pytestmark = [pytest.mark.slow, pytest.mark.root]

START = MIB
GROWN = 3 << 30
CONSOLES = ["console=tty0", "console=ttyS0,115200n8", "console=hvc0"]
# There is no network to wait for, and on a busy machine an emulated console may come later than after 90 seconds.
EXTRA = "systemd.mask=systemd-networkd-wait-online.service systemd.default_device_timeout_sec=600"
# The prompt and what it needs.
NO_MORE = "systemd.unit=serial-getty@hvc0.service"
# Told by way of the kernel: the console itself is taken from everybody when the login prompt comes.
USER_DATA = """\
#!/bin/sh
echo "name: $(hostname)" >/dev/kmsg
echo "root: $(df -B1 --output=size / | tail -n 1)" >/dev/kmsg
update-grub
# Written to its place, not to the journal alone, for whoever reads the disk from outside.
fsfreeze --freeze / && fsfreeze --unfreeze /
echo "user data: done" >/dev/kmsg
"""


@pytest.fixture(scope="module")
def dom0() -> Dom0:
    return Dom0.cached()


@pytest.fixture(scope="module")
def image(built_image: Callable[[str], BuiltImage]) -> BuiltImage:
    return built_image("xen")


def expected(image: BuiltImage, root: str) -> Started:
    """What a host must find: kernel and initramfs of the triplet, and the arguments."""
    return Started(digest(image.file("vmlinuz")), digest(image.file("initrd")), [f"root={root}", "ro", *CONSOLES])


def target(image: Path) -> str:
    """The root file system of a disk or a bare one, for the tools of ext."""
    return str(image) if image.suffix == ".ext4" else f"{image}?offset={START}"


def uuid(image: Path) -> str:
    """The uuid of the root file system."""
    found = re.search(r"^Filesystem UUID: +(\S+)$", tool("dumpe2fs", "-h", target(image)), re.MULTILINE)
    assert found
    return found[1]


def grow(disk: Path, size: int) -> None:
    """Enlarge the disk, its partition and its file system as XenAPI's driver did: from outside, before the start."""
    os.truncate(disk, size)
    tool("sfdisk", "-q", "--no-reread", "-N", "1", disk, stdin=", +\n")
    tool("e2fsck", "-f", "-p", target(disk))
    tool("resize2fs", target(disk), f"{(size - START) // 1024}k")
    # It cuts the file to the size of the file system, as if that lay at its beginning.
    os.truncate(disk, size)
    tool("e2fsck", "-f", "-n", target(disk))


@pytest.mark.parametrize("form", ["raw", "ext4"])
def test_a_host_finds_kernel_and_initramfs(dom0: Dom0, image: BuiltImage, tmp_path: Path, form: str) -> None:
    path = image.file(form)
    assert dom0.pygrub(path, tmp_path) == expected(image, f"UUID={uuid(path)}")


@pytest.mark.parametrize("form", ["raw", "ext4"])
def test_menu_lst_serves_a_host_that_knows_nothing_else(
    dom0: Dom0, image: BuiltImage, tmp_path: Path, form: str
) -> None:
    path = tmp_path / f"image.{form}"
    shutil.copy(image.file(form), path)
    tool("debugfs", "-w", "-R", "rm /boot/grub/grub.cfg", target(path))
    assert dom0.pygrub(path, tmp_path) == expected(image, "LABEL=cloudimg-rootfs")


def test_a_guest_of_xen_comes_up_on_the_disk_that_its_host_enlarged(
    dom0: Dom0, image: BuiltImage, tmp_path: Path
) -> None:
    drive = tmp_path / "drive.iso"
    documents = {
        "meta_data.json": json.dumps({"uuid": "6b3ee9fd-7f9a-4e9c-9d1b-6e4d2f0a9d51", "hostname": "of-xen"}).encode(),
        "user_data": USER_DATA.encode(),
    }
    make_config_drive(Runner(), {f"openstack/latest/{name}": body for name, body in documents.items()}, drive)
    disks = {name: tmp_path / f"{name}.raw" for name in ("compute", "pygrub")}
    for disk in disks.values():
        tool("cp", "--sparse=always", image.file("raw"), disk)
    grow(disks["compute"], GROWN)
    # Compute's libvirt driver gave the kernel and the initramfs of the triplet, pygrub takes those of the disk. What
    # comes after the kernel is the same for both: the first does all of it.
    outside = {"kernel": "/guests/compute/vmlinuz", "ramdisk": "/guests/compute/initrd", "root": "/dev/xvda1 ro"}
    said = dom0.run(
        [
            XenGuest(
                "compute",
                [disks["compute"], drive],
                {**outside, "extra": f"console=hvc0 {EXTRA}"},
                {name: image.file(name) for name in ("vmlinuz", "initrd")},
                mark="user data: done",
            ),
            XenGuest("pygrub", [disks["pygrub"]], {"bootloader": "pygrub", "extra": f"{EXTRA} {NO_MORE}"}),
        ],
        tmp_path,
    )
    assert re.search(r"\] name: of-xen$", said["compute"], re.MULTILINE)
    root = re.search(r"\] root: +(\d+)$", said["compute"], re.MULTILINE)
    assert root and int(root[1]) > 0.9 * (GROWN - START) - 128 * MIB, root
    # What update-grub wrote in the guest serves a host as well.
    assert dom0.pygrub(disks["compute"], tmp_path) == expected(image, f"UUID={uuid(disks['compute'])}")
