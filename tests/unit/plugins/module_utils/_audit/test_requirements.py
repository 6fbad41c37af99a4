# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Q2 to Q7 and D7: a good tree passes, and each fault is found by its own rule."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.system_trees import AGENT, AGENT_LINKS, ARGUMENTS, CLOUD_CFG, make_tree

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit import requirements as rules
from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.rule import FAIL, PASS, Finding, Guest
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import TreeFiles

RULES = {
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


def test_the_serial_console_is_that_of_the_architecture(tree: Path) -> None:
    make_tree(tree, {"usr/lib/ld-linux-aarch64.so.1": ""}, {})
    finding = rules.console(guest(tree))
    assert finding.verdict == FAIL and any("ttyS0" in line for line in finding.evidence), finding.evidence
    for name in ("boot/grub/grub.cfg", "etc/default/grub.d/50-goldsmith.cfg", "etc/default/grub"):
        if (tree / name).is_file():
            (tree / name).write_text((tree / name).read_text().replace("ttyS0", "ttyAMA0"))
    finding = rules.console(guest(tree))
    assert finding.verdict == PASS, finding.evidence
    assert any("serial-getty@ttyAMA0.service" in line for line in finding.evidence)


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


def test_a_drop_in_of_sshd_may_make_host_keys(tree: Path) -> None:
    (tree / "usr/bin/cloud-init").unlink()
    make_tree(tree, {"etc/systemd/system/ssh.service.d/10.conf": "ExecStartPre=/usr/bin/ssh-keygen -A\n"}, {})
    finding = rules.sshd(guest(tree))
    assert finding.verdict == PASS
    assert "/etc/systemd/system/ssh.service.d/10.conf" in finding.evidence


@pytest.mark.parametrize("judge", [rules.instance_key, rules.user_data])
@pytest.mark.parametrize(
    ("missing", "files", "said"),
    [
        (None, {}, None),
        ("usr/sbin/goldsmith-agent", {}, "goldsmith-agent: missing"),
        (f"{WANTS}/goldsmith-instance.service", {}, "goldsmith-instance.service: not enabled"),
        (None, {"etc/goldsmith/agent.conf": "# nobody\n"}, "names no user"),
        (None, {"etc/goldsmith/agent.conf": "user=ops\n"}, "there is no ops"),
        (None, {"etc/goldsmith/agent.conf": "user=root\n"}, "the user is root, not debian"),
    ],
)
def test_the_agent_takes_the_place_of_cloud_init(
    tree: Path, judge: Callable[[Guest], Finding], missing: str | None, files: dict[str, str], said: str | None
) -> None:
    (tree / "usr/bin/cloud-init").unlink()
    make_tree(tree, AGENT | files, AGENT_LINKS)
    if missing:
        (tree / missing).unlink()
    finding = judge(guest(tree))
    assert finding.verdict == (FAIL if said else PASS), finding
    assert said is None or any(said in line for line in finding.evidence), finding


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


def test_a_boot_loader_entry_has_kernel_and_arguments_in_two_lines(tree: Path) -> None:
    entry = "title a\nlinux /boot/vmlinuz-1\ninitrd /boot/initramfs-1.img\noptions root=x {}\n"
    make_tree(tree, {"boot/loader/entries/a.conf": entry.format(ARGUMENTS)}, {})
    assert rules.console(guest(tree)).verdict == PASS
    make_tree(tree, {"boot/loader/entries/a.conf": entry.format("quiet")}, {})
    finding = rules.console(guest(tree))
    assert finding.verdict == FAIL
    assert any("a.conf: options root=x quiet" in line for line in finding.evidence)


@pytest.mark.parametrize("module", ["usr/lib64/python3.9/site-packages", "usr/lib/python3/dist-packages"])
def test_an_enforcing_guest_can_label_the_key(tree: Path, module: str) -> None:
    contexts = "etc/selinux/targeted/contexts/files/file_contexts"
    make_tree(tree, {"etc/selinux/config": "SELINUX=enforcing\nSELINUXTYPE=targeted\n", contexts: ""}, {})
    finding = rules.instance_key(guest(tree))
    assert finding.verdict == FAIL
    assert any("without its module for Python the key gets no label" in line for line in finding.evidence)
    make_tree(tree, {f"{module}/selinux/__init__.py": ""}, {})
    assert rules.instance_key(guest(tree)).verdict == PASS


def test_settings_of_sshd_that_nobody_has_changed_lie_in_usr(tree: Path) -> None:
    text = (tree / "etc/ssh/sshd_config").read_text()
    (tree / "etc/ssh/sshd_config").unlink()
    make_tree(tree, {"usr/etc/ssh/sshd_config": "UsePAM yes\n"}, {})
    finding = rules.ssh_without_password(guest(tree))
    assert finding.verdict == FAIL
    assert "/usr/etc/ssh/sshd_config: passwordauthentication yes, by default" in finding.evidence
    make_tree(tree, {"usr/etc/ssh/sshd_config": text}, {})
    assert rules.ssh_without_password(guest(tree)).verdict == PASS
