# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image with an LVM root and the guest's own agent must show."""

from __future__ import annotations

from testinfra.host import Host

MIB = 1 << 20


def test_root_is_a_logical_volume(root: Host) -> None:
    assert root.mount_point("/").device == "/dev/mapper/system-root"


def test_the_volume_group_is_good_and_has_no_free_extent(root: Host) -> None:
    root.check_output("vgck system")
    assert root.check_output("vgs --noheadings -o vg_free_count system").strip() == "0"


def test_the_other_volume_is_mounted_and_kept_its_size(root: Host) -> None:
    assert root.mount_point("/var/log").device == "/dev/mapper/system-var--log"
    command = "lvs --noheadings --units b --nosuffix -o lv_size system/var-log"
    assert int(root.check_output(command)) == 256 * MIB


def test_neither_cloud_init_nor_python(guest: Host) -> None:
    assert guest.run("command -v cloud-init python3").stdout == ""


def test_the_agent_has_done_its_work(root: Host) -> None:
    for unit in ("goldsmith-grow", "goldsmith-instance"):
        assert root.check_output(f"systemctl show -P Result {unit}.service") == "success"
    assert root.check_output("systemctl is-enabled goldsmith-grow.service") == "enabled"


def test_the_network_without_dhcp_is_that_of_the_config_drive(guest: Host) -> None:
    addresses = guest.check_output("ip -4 -oneline address show scope global")
    assert " 10.0.2.99/24 " in addresses
    assert addresses.count("inet") == 1
    assert "default via 10.0.2.2 " in guest.check_output("ip -4 route show")
    assert "10.0.2.3" in guest.check_output("cat /etc/resolv.conf /run/systemd/resolve/resolv.conf")


def test_keys_stand_between_marks_and_are_the_account_s(root: Host) -> None:
    keys = root.file("/home/debian/.ssh/authorized_keys")
    assert (keys.user, keys.mode) == ("debian", 0o600)
    assert keys.content_string.startswith("# goldsmith-agent: ")


def test_the_partition_table_is_whole_and_the_config_drive_is_put_back(root: Host) -> None:
    assert root.file("/sys/firmware/efi").is_directory
    assert "No errors" in root.check_output("sfdisk --verify /dev/vda 2>&1")
    assert root.run("findmnt --noheadings --output TARGET --types iso9660").stdout == ""
