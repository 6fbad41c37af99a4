# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine as Fedora's installer leaves it: btrfs, a /boot of its own, swap, dracut's hostonly, NetworkManager."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.disks import tool
from helpers.emulator import quick_emulator
from helpers.family_mirrors import build, family_mirror
from helpers.installed_machines import MEMORY, capture, disk_of_fedora, tree_of

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(7200)]


def test_a_machine_on_btrfs(checkout: Path, tmp_path: Path) -> None:
    with family_mirror("fedora") as mirror:
        source = build(mirror, checkout, tmp_path, image_formats=["raw"], image_verify=[])
    tree = tree_of(source.file("raw"), tmp_path / "machine")
    source.file("raw").unlink()
    disk = disk_of_fedora(tree, tmp_path / "machine" / "disk.raw")
    with quick_emulator():
        image, said = capture(checkout, tmp_path, disk, vm_capture_initramfs="make")
    manifest = json.loads((image.folder / "manifest.json").read_text())
    captured = manifest["definition"]["captured"]
    found = [(part["mountpoint"], part["filesystem"], part["subvolume"]) for part in captured["filesystems"]]
    assert found == [("/", "btrfs", "root"), ("/boot", "ext4", None), ("/home", "btrfs", "home")]
    assert {left["source"].partition("=")[0] for left in captured["left_out"]} == {"UUID", "/var/swapfile"}
    assert any(path.startswith("/boot/loader/entries/") for path in captured["rewritten"])
    assert "/etc/NetworkManager/system-connections/wired.nmconnection" in captured["network_files"]
    assert any("has no virtio_blk" in line for line in captured["initramfs_remade"])
    assert any("which an instance waits for" in line for line in captured["initramfs_remade"])
    assert '/etc/dracut.conf.d/zz-any-machine.conf: hostonly="no"' in captured["initramfs_remade"]
    assert "the kernel gets its new root" in said
    console = (image.folder / "console.log").read_text(errors="replace")
    assert "login:" in console
    assert "resume=" not in console
    tool("qemu-img", "convert", "-O", "raw", image.file("qcow2"), tmp_path / "image.raw")
    assert MEMORY * 10 not in (tmp_path / "image.raw").read_bytes()
