# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings without the swap and the disk of one machine."""

from __future__ import annotations

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import disk_settings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RESUME=UUID=1234\n", None),
        ("# why\nRESUME=/dev/mapper/vg-swap", None),
        ("MODULES=most\nRESUME = /dev/vda2\nBUSYBOX=auto\n", "MODULES=most\nBUSYBOX=auto\n"),
        ("RESUME=none\n", "RESUME=none\n"),
        ("RESUME=auto\n", "RESUME=auto\n"),
        ('RESUME=""\n', 'RESUME=""\n'),
        ("#RESUME=UUID=1\n", "#RESUME=UUID=1\n"),
        ("MODULES=dep\n", "MODULES=dep\n"),
        ("", ""),
    ],
)
def test_the_setting_of_initramfs_tools(text: str, expected: str | None) -> None:
    assert disk_settings.resume_setting(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('GRUB_CMDLINE_LINUX="resume=UUID=1 rhgb quiet"\n', 'GRUB_CMDLINE_LINUX="rhgb quiet"\n'),
        ("GRUB_CMDLINE_LINUX='quiet resume=/dev/vg/swap resume_offset=7'\n", "GRUB_CMDLINE_LINUX='quiet'\n"),
        ("GRUB_CMDLINE_LINUX=resume=/dev/vda2\n", "GRUB_CMDLINE_LINUX=\n"),
        ("resume=UUID=1 quiet\n", "quiet\n"),
        ("resume=UUID=1 resume_offset=7 quiet\n", "quiet\n"),
        ("root=UUID=1 ro resume=UUID=2 quiet\n", "root=UUID=1 ro quiet\n"),
        ("options root=/dev/mapper/a resume=/dev/mapper/b\n", "options root=/dev/mapper/a\n"),
        ('kernel_cmdline+=" resume=UUID=1 "\n', 'kernel_cmdline+=" "\n'),
        ("# resume=UUID=1 stays\nnoresume=1 xresume=2\n", "# resume=UUID=1 stays\nnoresume=1 xresume=2\n"),
    ],
)
def test_the_arguments_of_the_kernel(text: str, expected: str) -> None:
    assert disk_settings.kernel_arguments(text) == expected


def test_the_environment_of_grub_keeps_its_size() -> None:
    text = "# GRUB Environment Block\nkernelopts=root=/dev/a ro resume=/dev/b quiet\n"
    changed = disk_settings.kernel_arguments(text.ljust(1024, "#"))
    assert changed == "# GRUB Environment Block\nkernelopts=root=/dev/a ro quiet\n".ljust(1024, "#")
    assert disk_settings.kernel_arguments(changed) == changed


def test_grub_is_installed_on_no_disk_and_that_is_meant() -> None:
    text = (
        "Name: grub-pc/hidden_timeout\nTemplate: grub-pc/hidden_timeout\nValue: true\nOwners: grub-pc\n\n"
        "Name: grub-pc/install_devices\nTemplate: grub-pc/install_devices\nValue: /dev/disk/by-id/ata-1, /dev/vda\n"
        "Owners: grub-pc\nFlags: seen\nVariables:\n CHOICES = /dev/disk/by-id/ata-1\n\n"
        "Name: grub-pc/install_devices_empty\nTemplate: grub-pc/install_devices_empty\nValue: false\nOwners: x\n\n"
        "Name: grub-efi/install_devices_empty\nTemplate: grub-efi/install_devices_empty\nOwners: grub-pc\n\n"
    )
    changed = disk_settings.answers(text)
    values = {
        fields["Name"]: fields.get("Value")
        for stanza in changed.strip().split("\n\n")
        if (fields := dict(line.split(":", 1) for line in stanza.splitlines() if not line.startswith(" ")))
    }
    assert values == {
        " grub-pc/hidden_timeout": " true",
        " grub-pc/install_devices": "",
        " grub-pc/install_devices_empty": " true",
        " grub-efi/install_devices_empty": " true",
    }
    assert disk_settings.answers(changed) == changed
    others = "Name: tzdata/Areas\nTemplate: tzdata/Areas\nValue: Europe\n"
    assert disk_settings.answers(others) == others


def test_a_file_of_disks_goes() -> None:
    assert disk_settings.no_more("/dev/disk/by-id/virtio-1\n") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("root=/dev/mapper/vg-root ro rd.lvm.lv=vg/root rd.lvm.lv=vg/swap rhgb\n", "root=LABEL=new ro rhgb\n"),
        ("options root=UUID=1 ro rootflags=subvol=root quiet\n", "options root=LABEL=new ro quiet\n"),
        ('GRUB_CMDLINE_LINUX="rd.luks.uuid=luks-1 rd.md.uuid=1:2 quiet"\n', 'GRUB_CMDLINE_LINUX="quiet"\n'),
        # No disk is named.
        ("rd.lvm=0 rd.luks=0 overlayroot=tmpfs fakeroot=1\n", "rd.lvm=0 rd.luks=0 overlayroot=tmpfs fakeroot=1\n"),
        ("# root=UUID=1 stays\n", "# root=UUID=1 stays\n"),
    ],
)
def test_the_root_among_the_arguments(text: str, expected: str) -> None:
    assert disk_settings.root_arguments(text, "LABEL=new") == expected


def test_the_environment_of_grub_gets_the_root_in_its_size() -> None:
    text = "# GRUB Environment Block\nkernelopts=root=/dev/mapper/a ro rd.lvm.lv=a/b\n".ljust(1024, "#")
    changed = disk_settings.root_arguments(text, "LABEL=new")
    assert changed == "# GRUB Environment Block\nkernelopts=root=LABEL=new ro\n".ljust(1024, "#")


def test_the_files_of_a_boot_loader_entry() -> None:
    text = "title X\nversion 1\nlinux /vmlinuz-1\ninitrd  /initramfs-1.img $tuned_initrd\noptions root=/x\n"
    expected = text.replace(" /vmlinuz", " /boot/vmlinuz").replace(" /initramfs", " /boot/initramfs")
    assert disk_settings.boot_entry(text, lambda path: f"/boot{path}") == expected
