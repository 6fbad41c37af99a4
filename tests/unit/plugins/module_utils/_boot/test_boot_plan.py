# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be said of a boot before it happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot import qemu
from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.boot_plan import BootPlan
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "file"
    path.write_bytes(b"")
    return str(path)


def test_without_a_disk_the_ramdisk_is_the_system(file: str) -> None:
    plan = BootPlan(image=None, kernel=file, ramdisk=file, user="debian")
    assert (plan.form, plan.subject) == ("ramdisk", file)
    with pytest.raises(OptionError, match="there is nothing to boot; name an image, or kernel and ramdisk"):
        BootPlan(image=None, user="debian")


@pytest.mark.parametrize("option", ["image", "kernel", "ramdisk", "ssh_key"])
def test_missing_files(file: str, option: str) -> None:
    options = {"image": file, "kernel": file, "ramdisk": file, option: "/nonexistent"}
    with pytest.raises(OptionError, match=rf"^{option}=/nonexistent: no such file$"):
        BootPlan(user="debian", **options)


def test_kernel_without_ramdisk(file: str) -> None:
    with pytest.raises(OptionError, match="kernel and ramdisk go together"):
        BootPlan(image=file, user="debian", kernel=file)


def test_kernel_with_uefi(file: str) -> None:
    with pytest.raises(OptionError, match="firmware=uefi"):
        BootPlan(image=file, user="debian", kernel=file, ramdisk=file, firmware="uefi")


def test_uefi_without_firmware(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qemu, "find_uefi", lambda _architecture: None)
    with pytest.raises(OptionError, match=r"no UEFI firmware for amd64 .*install the package ovmf"):
        BootPlan(image=file, user="debian", firmware="uefi")
    with pytest.raises(OptionError, match=r"no UEFI firmware for arm64 .*install the package qemu-efi-aarch64"):
        BootPlan(image=file, user="debian", firmware="uefi", architecture="arm64")


def test_a_machine_of_another_architecture(file: str) -> None:
    with pytest.raises(OptionError, match=r"machine=q35: is none of arm64; use virt"):
        BootPlan(image=file, user="debian", architecture="arm64", machine="q35")
    with pytest.raises(OptionError, match=r"firmware=bios: no machine of arm64 has it; use uefi"):
        BootPlan(image=file, user="debian", architecture="arm64")
    triplet = BootPlan(image=file, kernel=file, ramdisk=file, user="debian", architecture="arm64")
    assert triplet.form == "arm64-triplet"


def test_commands_without_a_key(file: str) -> None:
    with pytest.raises(OptionError, match="give ssh_key"):
        BootPlan(image=file, user="debian", instance_data="none", commands=("id",))
    assert not BootPlan(image=file, user="debian", instance_data="none").can_log_in
    assert BootPlan(image=file, user="debian", instance_data="none", ssh_key=file).can_log_in


def test_what_a_boot_is_called(file: str) -> None:
    disk = BootPlan(image=file, user="debian")
    triplet = BootPlan(image=file, user="debian", kernel=file, ramdisk=file, name="second")
    assert (disk.form, disk.label) == ("bios", "boot file")
    assert (triplet.form, triplet.label) == ("triplet", "boot file (second)")
