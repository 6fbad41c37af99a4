# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Q1 to Q7 and D7: a good tree passes, and each fault is found by its own rule."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from helpers.system_trees import ARGUMENTS, CLOUD_CFG, make_tree

from ansible_collections.goldsmith.openstack.plugins.module_utils import _audit_requirements as rules
from ansible_collections.goldsmith.openstack.plugins.module_utils._audit_rule import FAIL, PASS, Guest
from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest_files import TreeFiles

RULES = {
    "Q1c": rules.grows,
    "Q2": rules.no_mac_address,
    "Q3": rules.sshd,
    "D7": rules.ssh_without_password,
    "Q4": rules.no_firewall,
    "Q5": rules.instance_key,
    "Q6": rules.user_data,
    "Q7": rules.console,
}
WANTS = "etc/systemd/system/multi-user.target.wants"
DROP_IN = "etc/ssh/sshd_config.d"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "tree")


def guest(tree: Path) -> Guest:
    return Guest(TreeFiles(str(tree)), user="debian", filesystem="ext4", partitions=("linux",))


@pytest.mark.parametrize("id", RULES)
def test_a_good_tree_passes_and_shows_why(tree: Path, id: str) -> None:
    finding = RULES[id](guest(tree))
    assert finding.verdict == PASS, finding
    assert finding.evidence


@pytest.mark.parametrize(
    ("id", "files", "links", "said"),
    [
        ("Q1c", {"etc/fstab": "/dev/vda2 none swap sw 0 0\n"}, {}, "/etc/fstab: /dev/vda2"),
        ("Q1c", {"etc/cloud/cloud.cfg.d/90.cfg": "growpart: {mode: 'off'}\n"}, {}, "growpart.mode is off"),
        ("Q1c", {"etc/cloud/cloud-init.disabled": ""}, {}, "cloud-init.disabled"),
        ("Q1c", {"etc/cloud/cloud.cfg.d/90.cfg": "cloud_init_modules: [ssh]\n"}, {}, "growpart is not in"),
        ("Q2", {"etc/udev/rules.d/70-persistent-net.rules": "x\n"}, {}, "70-persistent-net.rules: is no empty file"),
        ("Q2", {}, {"etc/udev/rules.d/70-persistent-net.rules": "/dev/null"}, "is no empty file"),
        ("Q2", {"etc/sysconfig/network-scripts/ifcfg-eth0": "HWADDR=x\n"}, {}, "ifcfg-eth0: HWADDR"),
        ("Q2", {"etc/netplan/01.yaml": "macaddress: 52:54:00:AB:cd:01\n"}, {}, "52:54:00"),
        ("Q2", {"etc/systemd/network/10.link": "MACAddress=52:54:00:ab:cd:01\n"}, {}, "10.link"),
        ("Q2", {"etc/NetworkManager/system-connections/a": "mac-address=52:54:00:ab:cd:01\n"}, {}, "mac-address"),
        ("Q2", {"etc/network/interfaces.d/eth": "hwaddress ether 52:54:00:ab:cd:01\n"}, {}, "hwaddress"),
        ("Q3", {}, {"etc/systemd/system/ssh.service": "/dev/null"}, "neither ssh.service nor"),
        ("D7", {f"{DROP_IN}/05-first.conf": "PasswordAuthentication yes\n"}, {}, "05-first.conf: passwordauth"),
        ("D7", {f"{DROP_IN}/10-keys.conf": "PasswordAuthentication no\n"}, {}, "kbdinteractiveauthentication yes"),
        ("D7", {f"{DROP_IN}/20.conf": "Match User a\nPasswordAuthentication yes\n"}, {}, "in a Match block"),
        ("D7", {"etc/ssh/sshd_config": "UsePAM yes\n"}, {}, "passwordauthentication yes, by default"),
        ("D7", {"etc/cloud/cloud.cfg.d/90.cfg": "ssh_pwauth: true\n"}, {}, "ssh_pwauth"),
        ("Q4", {}, {f"{WANTS}/ufw.service": "/usr/lib/x"}, "multi-user.target.wants/ufw.service"),
        ("Q4", {}, {"etc/systemd/system/sysinit.target.wants/nftables.service": "/x"}, "nftables"),
        ("Q4", {"etc/ufw/ufw.conf": "ENABLED=yes\n"}, {}, "ufw.conf"),
        ("Q5", {"etc/cloud/cloud.cfg": CLOUD_CFG.replace("name: debian", "name: cloud")}, {}, "cloud, not debian"),
        ("Q5", {"etc/cloud/cloud.cfg.d/90.cfg": "datasource_list: [NoCloud]\n"}, {}, "OpenStack is not in"),
        ("Q5", {"etc/cloud/cloud.cfg.d/90.cfg": "users: [{name: me}]\n"}, {}, "not among the users"),
        ("Q6", {"etc/cloud/cloud.cfg.d/90.cfg": "cloud_final_modules: [x]\n"}, {}, "scripts_user is not in"),
        ("Q6", {"etc/cloud/cloud.cfg.d/90.cfg": "preserve_hostname: true\n"}, {}, "preserve_hostname"),
        ("Q7", {"boot/grub/grub.cfg": "linux /v root=x quiet\n"}, {}, "grub.cfg: linux"),
        ("Q7", {"etc/default/grub": 'GRUB_CMDLINE_LINUX="console=ttyS0"\n'}, {}, "/etc/default/grub: not both"),
        ("Q7", {"boot/loader/entries/a.conf": "options root=x console=tty0\n"}, {}, "a.conf"),
        ("Q7", {}, {"etc/systemd/system/serial-getty@.service": "/dev/null"}, "masked"),
    ],
)
def test_each_fault_is_found(tree: Path, id: str, files: dict[str, str], links: dict[str, str], said: str) -> None:
    make_tree(tree, files, links)
    finding = RULES[id](guest(tree))
    assert finding.verdict == FAIL
    assert any(said in line for line in finding.evidence), finding.evidence


@pytest.mark.parametrize(
    ("id", "missing"),
    [
        ("Q1c", "usr/bin/growpart"),
        ("Q1c", "usr/bin/cloud-init"),
        ("Q2", "etc/udev/rules.d/70-persistent-net.rules"),
        ("Q2", "usr/lib/udev/rules.d/75-persistent-net-generator.rules"),
        ("Q3", "usr/sbin/sshd"),
        ("Q3", f"{WANTS}/ssh.service"),
        ("Q3", "usr/bin/cloud-init"),
        ("Q5", "usr/bin/cloud-init"),
        ("Q6", "usr/bin/cloud-init"),
        ("Q7", "usr/lib/systemd/system-generators/systemd-getty-generator"),
    ],
)
def test_what_is_missing_is_found(tree: Path, id: str, missing: str) -> None:
    (tree / missing).unlink()
    assert RULES[id](guest(tree)).verdict == FAIL


@pytest.mark.parametrize(
    "change",
    [{"filesystem": "ext2"}, {"partitions": ("linux", "lvm")}, {"partitions": ("82", "linux")}],
)
def test_a_disk_that_cannot_grow_is_found(tree: Path, change: dict[str, object]) -> None:
    assert rules.grows(replace(guest(tree), **change)).verdict == FAIL


def test_the_first_value_counts_for_sshd(tree: Path) -> None:
    make_tree(tree, {f"{DROP_IN}/90-late.conf": "PasswordAuthentication yes\n"}, {})
    assert rules.ssh_without_password(guest(tree)).verdict == PASS


def test_a_match_block_ends_with_its_file(tree: Path) -> None:
    make_tree(tree, {f"{DROP_IN}/05.conf": "Match User a\nPasswordAuthentication no\n"}, {})
    settings = list(rules.sshd_settings(guest(tree), "/etc/ssh/sshd_config"))
    assert ("/etc/ssh/sshd_config.d/05.conf", True, "passwordauthentication", "no") in settings
    assert ("/etc/ssh/sshd_config", False, "usepam", "yes") in settings


def test_a_file_that_includes_itself_ends(tree: Path) -> None:
    make_tree(tree, {f"{DROP_IN}/05.conf": "Include /etc/ssh/sshd_config.d/05.conf\nX y\n"}, {})
    assert len(list(rules.sshd_settings(guest(tree), "/etc/ssh/sshd_config"))) < 100


def test_without_cloud_init_a_unit_may_make_host_keys(tree: Path) -> None:
    (tree / "usr/bin/cloud-init").unlink()
    unit = "[Service]\nExecStart=/usr/bin/ssh-keygen -A\n"
    make_tree(tree, {"etc/systemd/system/keys.service": unit}, {f"{WANTS}/keys.service": "../keys.service"})
    assert rules.sshd(guest(tree)).verdict == PASS


def test_an_image_without_a_boot_loader_takes_its_arguments_from_the_cloud(tree: Path) -> None:
    (tree / "boot/grub/grub.cfg").unlink()
    (tree / "etc/default/grub").unlink()
    finding = rules.console(guest(tree))
    assert finding.verdict == PASS
    assert any("no boot loader" in line for line in finding.evidence)


def test_only_the_entry_that_boots_by_itself_counts(tree: Path) -> None:
    text = f"linux /v root=x {ARGUMENTS}\nlinux /v root=x single\n"
    make_tree(tree, {"boot/grub/grub.cfg": text}, {})
    assert rules.console(guest(tree)).verdict == PASS


def test_drop_ins_of_cloud_init_are_merged(tree: Path) -> None:
    make_tree(tree, {"etc/cloud/cloud.cfg.d/90.cfg": "system_info: {distro: debian}\n"}, {})
    config = rules.cloud_config(guest(tree))
    assert config["system_info"] == {"default_user": {"name": "debian", "lock_passwd": True}, "distro": "debian"}


def test_broken_yaml_is_one_line(tree: Path) -> None:
    make_tree(tree, {"etc/cloud/cloud.cfg": "a: [\n"}, {})
    with pytest.raises(GoldsmithError, match="is not YAML") as raised:
        rules.cloud_config(guest(tree))
    assert "\n" not in str(raised.value)
