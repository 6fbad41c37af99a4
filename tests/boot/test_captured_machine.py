# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine of one hardware and one network, on LVM and several file systems, becomes an image that boots elsewhere.

tests/distributions has one on btrfs, with dracut and NetworkManager.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.disks import tool
from helpers.guests import BuiltImage
from helpers.installed_machines import MEMORY, capture, disk_of_debian, in_tree, tree_of

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(3600)]
INSTALL = """
apt-get -q -o Acquire::Languages=none update
DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends netplan.io lvm2
"""


def test_a_machine_as_an_installer_made_it(
    built_image: Callable[[str], BuiltImage], checkout: Path, tmp_path: Path
) -> None:
    tree = tree_of(built_image("bios").file("raw"), tmp_path / "machine")
    in_tree(tree, INSTALL)
    disk = disk_of_debian(tree, tmp_path / "machine" / "disk.raw")
    tool("qemu-img", "convert", "-O", "vmdk", "-o", "subformat=streamOptimized", disk, tmp_path / "web.vmdk")
    # The proof logs in with a key, asks for failed units, and sees the disk's size taken.
    image, said = capture(checkout, tmp_path, tmp_path / "web.vmdk", vm_capture_initramfs="make")
    manifest = json.loads((image.folder / "manifest.json").read_text())
    captured = manifest["definition"]["captured"]
    assert [part["mountpoint"] for part in captured["filesystems"]] == ["/", "/boot", "/var"]
    assert {left["mountpoint"]: left["dropped"] for left in captured["left_out"]} == {"/boot/efi": True, "none": True}
    assert "/etc/netplan/00-installer-config.yaml" in captured["network_files"]
    kernel = captured["kernel_version"]
    assert captured["initramfs_remade"][0] == f"/boot/initrd.img-{kernel}: has no virtio_blk"
    assert "/etc/initramfs-tools/conf.d/driver-policy: MODULES=most" in captured["initramfs_remade"]
    for line in (
        "/etc/fstab loses /swap.img on none: a swap file: what was in memory",
        "gave way to DHCP for every card",
    ):
        assert line in said
    # It waits for no swap, and has none of what was in memory.
    console = (image.folder / "console.log").read_text(errors="replace")
    assert "login:" in console
    assert "resume=" not in console
    assert "Gave up waiting" not in console
    assert "Timed out waiting for device" not in console
    tool("qemu-img", "convert", "-O", "raw", image.file("qcow2"), tmp_path / "image.raw")
    assert MEMORY * 10 not in (tmp_path / "image.raw").read_bytes()
