# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What builds and used machines leave behind: a clean tree passes, and each leftover is found by its own rule."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from helpers.system_trees import make_tree

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit import leftovers as rules
from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.rule import FAIL, PASS, Guest
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import TreeFiles

RULES = {
    name: getattr(rules, name)
    for name in (
        *("machine_id", "ssh_host_keys", "authorized_keys", "private_keys", "passwords", "histories", "logs"),
        *("package_cache", "resolv_conf", "leases", "cloud_instance", "random_seed", "temporary_files", "secrets"),
        *("proxy", "policy_rc_d"),
    )
}
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n"
PUBLIC = "ssh-ed25519 AAAAC3 builder@host"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "tree")


def guest(tree: Path) -> Guest:
    return Guest(TreeFiles(str(tree)))


@pytest.mark.parametrize("id", RULES)
def test_a_clean_tree_passes(tree: Path, id: str) -> None:
    finding = RULES[id](guest(tree))
    assert finding.verdict == PASS, finding


@pytest.mark.parametrize(
    ("id", "path", "text"),
    [
        ("machine_id", "etc/machine-id", "0123456789abcdef0123456789abcdef\n"),
        ("machine_id", "var/lib/dbus/machine-id", "0123456789abcdef0123456789abcdef\n"),
        ("ssh_host_keys", "etc/ssh/ssh_host_rsa_key", KEY),
        ("ssh_host_keys", "etc/ssh/ssh_host_rsa_key.pub", PUBLIC),
        ("authorized_keys", "root/.ssh/authorized_keys", PUBLIC),
        ("authorized_keys", "home/debian/.ssh/authorized_keys2", PUBLIC),
        ("private_keys", "home/debian/.ssh/id_ed25519", KEY),
        ("private_keys", "root/deep/down/server.key", KEY),
        ("private_keys", "etc/ssl/private/a.pem", "-----BEGIN PRIVATE KEY-----\n"),
        ("passwords", "etc/shadow", "root:$6$a$b:1::::::\n"),
        ("passwords", "etc/shadow", "root:*:1::::::\ndebian::1::::::\n"),
        ("passwords", "etc/passwd", "root:$1$a$b:0:0::/root:/bin/sh\n"),
        ("passwords", "etc/shadow-", "debian:$y$a$b:1::::::\n"),
        ("histories", "root/.bash_history", "ls\n"),
        ("histories", "home/debian/.viminfo", ""),
        ("histories", "home/debian/.lesshst", ""),
        ("histories", "home/other/.python_history", ""),
        ("logs", "var/log/dpkg.log", "x"),
        ("logs", "var/log/journal/0123/system.journal", "x"),
        ("package_cache", "var/cache/apt/archives/a_1_amd64.deb", "x"),
        ("package_cache", "var/cache/apt/pkgcache.bin", "x"),
        ("package_cache", "var/lib/apt/lists/deb.example_InRelease", "x"),
        ("package_cache", "var/cache/dnf/a/b.rpm", "x"),
        ("leases", "var/lib/dhcp/dhclient.eth0.leases", "lease {}"),
        ("leases", "var/lib/NetworkManager/internal-eth0.lease", "x"),
        ("cloud_instance", "var/lib/cloud/instances/i-1/obj.pkl", "x"),
        ("cloud_instance", "var/lib/cloud/data/instance-id", "i-1"),
        ("random_seed", "var/lib/systemd/random-seed", "x"),
        ("temporary_files", "tmp/x", ""),
        ("temporary_files", "var/tmp/deep/x", ""),
        ("temporary_files", "root/.ansible/tmp/x", ""),
        ("secrets", "etc/apt/sources.list.d/a.list", "deb https://me:secret@mirror/ x main\n"),
        ("secrets", "etc/apt/apt.conf.d/80", '# Acquire::http::Proxy "http://me:secret@proxy";\n'),
        ("secrets", "etc/apt/auth.conf.d/a", "machine mirror login me password secret\n"),
        ("secrets", "etc/dnf/dnf.conf", "proxy_password=secret\n"),
        ("secrets", "root/.netrc", "x"),
        ("secrets", "home/debian/.config/openstack/clouds.yaml", "x"),
        ("proxy", "etc/apt/apt.conf.d/80", 'Acquire::http::Proxy "http://proxy:3128";\n'),
        ("proxy", "etc/environment", "https_proxy=http://me:secret@proxy:3128\n"),
        ("proxy", "etc/dnf/dnf.conf", "proxy=http://proxy:3128\n"),
        ("policy_rc_d", "usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n"),
    ],
)
def test_each_leftover_is_found_and_no_secret_is_shown(tree: Path, id: str, path: str, text: str) -> None:
    make_tree(tree, {path: text}, {})
    finding = RULES[id](guest(tree))
    assert finding.verdict == FAIL
    shown = " ".join(finding.evidence)
    assert f"/{path}" in shown or id == "temporary_files"
    for secret in ("secret", "$6$", "$y$", "AAAAC3", "b3Bl"):
        assert secret not in shown


def test_a_missing_machine_id_fails(tree: Path) -> None:
    (tree / "etc/machine-id").unlink()
    assert rules.machine_id(guest(tree)).evidence == ("/etc/machine-id: missing",)


def test_a_machine_id_that_is_a_link_fails(tree: Path) -> None:
    (tree / "etc/machine-id").unlink()
    (tree / "etc/machine-id").symlink_to("/run/machine-id")
    assert rules.machine_id(guest(tree)).verdict == FAIL


def test_an_uninitialized_machine_id_passes(tree: Path) -> None:
    (tree / "etc/machine-id").write_text("uninitialized\n")
    assert rules.machine_id(guest(tree)).verdict == PASS


def test_the_cloud_instance_link_fails(tree: Path) -> None:
    make_tree(tree, {}, {"var/lib/cloud/instance": "/var/lib/cloud/instances/i-1"})
    assert rules.cloud_instance(guest(tree)).verdict == FAIL


@pytest.mark.parametrize(("text", "verdict"), [("", PASS), ("# none\n", PASS), ("nameserver 192.0.2.1\n", FAIL)])
def test_a_resolv_conf_that_is_a_file(tree: Path, text: str, verdict: str) -> None:
    (tree / "etc/resolv.conf").unlink()
    (tree / "etc/resolv.conf").write_text(text)
    assert rules.resolv_conf(guest(tree)).verdict == verdict


def test_keys_and_proxy_that_were_asked_for_pass(tree: Path) -> None:
    make_tree(tree, {"root/.ssh/authorized_keys": f"{PUBLIC}\n", "etc/environment": "http_proxy=http://proxy:3128/\n"})
    wanted = replace(guest(tree), authorized_keys=(PUBLIC,), proxy=("http://proxy:3128",))
    assert rules.authorized_keys(wanted).verdict == PASS
    assert rules.proxy(wanted).verdict == PASS
    assert rules.proxy(replace(wanted, proxy=("http://other:3128",))).verdict == FAIL


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("etc/goldsmith/authorized_keys", f"{PUBLIC}\n"),
        ("etc/cloud/cloud.cfg.d/90.cfg", f'ssh_authorized_keys: ["{PUBLIC}"]\n'),
        ("etc/cloud/cloud.cfg", f"ssh_authorized_keys:\n  - {PUBLIC}\n"),
    ],
)
def test_keys_that_an_agent_would_give_are_judged(tree: Path, path: str, text: str) -> None:
    make_tree(tree, {path: text}, {})
    found = rules.authorized_keys(guest(tree))
    assert found.verdict == FAIL and f"/{path}" in found.evidence[0]
    assert rules.authorized_keys(replace(guest(tree), authorized_keys=(f"restrict {PUBLIC}",))).verdict == PASS


def test_a_public_key_in_a_pem_file_is_no_private_key(tree: Path) -> None:
    make_tree(tree, {"root/ca.pem": "-----BEGIN CERTIFICATE-----\n"}, {})
    assert rules.private_keys(guest(tree)).verdict == PASS


def test_homes_of_services_are_not_searched(tree: Path) -> None:
    make_tree(tree, {"etc/passwd": "svc:x:101:101::/usr:/bin/false\n", "usr/.bash_history": "x"}, {})
    assert rules.histories(guest(tree)).verdict == PASS


def test_a_hostile_link_shows_nothing_of_the_host(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "host").write_text("deb https://me:secret@mirror/ x main\n")
    (tree / "etc/apt/sources.list").unlink()
    make_tree(tree, {}, {"etc/apt/sources.list": str(tmp_path / "host"), "var/log/a": "/etc/passwd"})
    assert rules.secrets(guest(tree)).verdict == PASS
    assert rules.logs(guest(tree)).verdict == PASS
