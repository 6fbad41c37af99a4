# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every image must show, inside the booted guest."""

from __future__ import annotations

from testinfra.host import Host

GIB = 1 << 30


def test_no_unit_failed(guest: Host) -> None:
    assert guest.check_output("systemctl --failed --plain --no-legend") == ""


def test_the_root_file_system_has_grown_to_the_disk(guest: Host) -> None:
    blocks, size = guest.check_output("stat --file-system --format='%b %S' /").split()
    assert int(blocks) * int(size) > 5 * GIB


def test_root_has_its_label(root: Host) -> None:
    assert root.mount_point("/").filesystem in ("ext4", "ext3")
    assert root.check_output("findmnt --noheadings --output LABEL /") == "cloudimg-rootfs"


def test_host_name_and_user_data_are_applied(guest: Host) -> None:
    assert guest.check_output("hostname") == "molecule-guest"
    assert guest.file("/run/user-data").content_string.strip() == "user data was here"


def test_sshd_takes_keys_only(root: Host) -> None:
    assert root.service("ssh").is_running
    settings = root.check_output("sshd -T").lower().splitlines()
    assert "passwordauthentication no" in settings
    assert "kbdinteractiveauthentication no" in settings


def test_passwords_are_locked(root: Host) -> None:
    for line in root.file("/etc/shadow").content_string.splitlines():
        account, password = line.split(":")[:2]
        assert password.startswith(("!", "*")), f"{account} has a password"


def test_no_firewall(root: Host) -> None:
    states = root.run("systemctl is-enabled ufw firewalld nftables iptables netfilter-persistent").stdout.split()
    assert states
    assert set(states) <= {"not-found", "disabled", "masked"}
    # A rule needs a table, and a table its module; ip_tables itself is loaded by systemd.
    loaded = {line.split()[0] for line in root.file("/proc/modules").content_string.splitlines()}
    assert not {name for name in loaded if name == "nf_tables" or name.startswith(("iptable_", "ip6table_"))}
    assert root.run("cat /proc/net/ip_tables_names").stdout == ""


def test_console_and_login_prompt_on_the_serial_line(guest: Host) -> None:
    arguments = guest.file("/proc/cmdline").content_string.split()
    assert "console=tty0" in arguments
    assert "console=ttyS0,115200n8" in arguments
    # On a busy host the key may be taken before the prompt is there.
    assert guest.run("timeout 180 sh -c 'until systemctl -q is-active serial-getty@ttyS0; do sleep 2; done'").rc == 0


def test_no_mac_address_is_kept(root: Host) -> None:
    assert root.file("/etc/udev/rules.d/70-persistent-net.rules").size == 0
    # cloud-init writes that of this instance, at each first boot.
    command = "grep -riE --exclude='*cloud-init*' '([0-9a-f]{2}:){5}[0-9a-f]{2}' /etc/network /etc/systemd/network"
    assert root.run(command).stdout == ""


def test_machine_id_and_host_keys_are_of_this_boot(root: Host) -> None:
    assert len(root.file("/etc/machine-id").content_string.strip()) == 32
    booted = float(root.check_output("stat --format=%Y /proc/1"))
    assert root.file("/etc/ssh/ssh_host_ed25519_key").mtime.timestamp() > booted - 60


def test_the_program_that_makes_the_initramfs_is_that_of_its_package(root: Host) -> None:
    # A build puts it aside meanwhile.
    assert "/usr/sbin/update-initramfs" not in root.run("dpkg --verify initramfs-tools").stdout
    assert root.check_output("dpkg-divert --list '*/update-initramfs'") == ""
