# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each step takes what is its own, and all of them what the audit looks for."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from helpers.busybox import listing
from helpers.leftovers import CHANGED, EMPTIED, KEY, MAC, PUBLIC, REMOVED, REQUIREMENTS, broken, make_used_tree
from helpers.system_trees import make_tree

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit import leftovers
from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.requirements import no_mac_address
from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.rule import Guest
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import credentials
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import TreeFiles
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import seal_program, seal_steps
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.seal_steps import STEPS


@pytest.fixture(scope="session")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_used_tree(tmp_path_factory.mktemp("used") / "tree")


@pytest.fixture
def tree(used: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(used, tmp_path / "tree", symlinks=True))


def seal(tree: Path, *steps: str, **more: Any) -> dict[str, Any]:
    return seal_program.seal(seal_steps.Request(str(tree), steps or tuple(STEPS), **more))


def test_the_rules_are_those_of_the_audit() -> None:
    assert len(REQUIREMENTS) == 17


def test_a_used_tree_breaks_every_rule_and_a_sealed_one_none(tree: Path) -> None:
    assert broken(tree) == REQUIREMENTS
    report = seal(tree)
    assert not broken(tree)
    # A second time there is nothing to do.
    after = listing(tree)
    again = seal(tree)
    assert not any(step["count"] for step in again["steps"].values())
    assert listing(tree) == after
    assert all(step["count"] for step in report["steps"].values())


@pytest.mark.parametrize("step", STEPS)
def test_a_step_takes_its_own_and_nothing_else(tree: Path, step: str) -> None:
    before = listing(tree)
    report = seal(tree, step)["steps"]
    assert list(report) == [step]
    after = listing(tree)
    for name in REMOVED.get(step, {}):
        assert name not in after, name
    for name in EMPTIED.get(step, {}):
        assert (tree / name).read_bytes() == b"", name
    for name, (_before, text) in CHANGED.get(step, {}).items():
        assert (tree / name).read_text() == text, name
    # What differs is what the report says, and what lies below.
    named = [path.lstrip("/") for path in report[step]["done"]]
    differing = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert differing
    for name in differing:
        assert any(name == path or name.startswith(f"{path}/") for path in named), name


@pytest.mark.parametrize("step", STEPS)
def test_check_mode_reports_the_same_and_changes_nothing(tree: Path, step: str) -> None:
    for steps in ((step,), tuple(STEPS)):
        before = listing(tree)
        checked = seal(tree, *steps, check_mode=True)
        assert listing(tree) == before
        assert seal(tree, *steps) == checked


PATTERNS = [
    *leftovers._LEASES,
    *leftovers._SEEDS,
    *(f"{folder}/a/{name}" for folder, _kind in leftovers._CACHES for name in ("x.deb", "pkgcache.bin")),
    *(f"{folder}/a/x.key" for folder in credentials.KEY_FOLDERS),
    *(f"/root/{name}" for name in credentials.CREDENTIALS_OF_ACCOUNTS),
    *(f"/home/debian/.{name}" for name in ("zsh_history", "histfile", "lesshst", "wget-hsts", "rediscli_history")),
    *leftovers._TEMPORARY,
]


def test_wherever_the_audit_looks_nothing_is_left(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    for pattern in PATTERNS:
        path = tree / pattern.replace("*", "x").lstrip("/")
        path = path / "x" if path.is_dir() else path
        make_tree(tree, {str(path.relative_to(tree)): KEY}, {})
    seal(tree)
    assert not broken(tree)


@pytest.mark.parametrize(
    "line", ["deb http://a:b@mirror/ x", "password = x", "machine a login b password c", "http_proxy=http://p:1"]
)
def test_whatever_setting_the_audit_reads_gives_nothing_away(tmp_path: Path, line: str) -> None:
    tree = make_tree(tmp_path / "tree")
    names = [pattern.replace("*", "x").lstrip("/") for pattern in leftovers._SETTINGS]
    make_tree(tree, dict.fromkeys(names, f"first\n{line}\x0c{line}\nlast\n"), {})
    assert broken(tree)
    seal(tree)
    assert not broken(tree)
    for name in names:
        assert "auth.conf" in name or (tree / name).read_text().startswith("first\n")


def test_missing_files_are_made(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree", {"etc/hostname": "localhost\n"}, {})
    report = seal(tree)["steps"]
    assert report["machine_id"]["done"] == {"/etc/machine-id": "made"}
    assert no_mac_address(Guest(TreeFiles(str(tree)))).verdict == "pass"
    assert (tree / "etc/machine-id").stat().st_mode & 0o777 == 0o444


def test_an_uninitialized_machine_id_becomes_empty(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree", {"etc/machine-id": "uninitialized\n"}, {})
    assert seal(tree, "machine_id")["steps"]["machine_id"]["done"] == {"/etc/machine-id": "emptied"}


@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_a_machine_id_that_is_no_file(tmp_path: Path, kind: str) -> None:
    tree = make_tree(tmp_path / "tree", {"etc/x": "x"}, {})
    path = tree / "etc/machine-id"
    {
        "link": lambda: path.symlink_to("x"),
        "folder": lambda: (path / "a").mkdir(parents=True),
        "pipe": lambda: os.mkfifo(path),
    }[kind]()
    seal(tree, "machine_id")
    assert path.read_bytes() == b""
    assert not path.is_symlink()
    assert (tree / "etc/x").read_text() == "x"


RESOLVED = {"etc/systemd/system/sysinit.target.wants/systemd-resolved.service": "/usr/lib/systemd/system/x"}
STUB = "../run/systemd/resolve/stub-resolv.conf"


@pytest.mark.parametrize(
    ("before", "enabled", "after"),
    [
        ("nameserver 192.0.2.1\n", False, None),
        ("# made by hand\noptions edns0\n", False, "# made by hand\noptions edns0\n"),
        (None, False, None),
        ("nameserver 192.0.2.1\n", True, f"-> {STUB}"),
        (None, True, f"-> {STUB}"),
        ("-> ../run/systemd/resolve/stub-resolv.conf", True, f"-> {STUB}"),
        ("-> /run/NetworkManager/resolv.conf", True, "-> /run/NetworkManager/resolv.conf"),
        ("-> resolv.real", False, None),
    ],
)
def test_name_servers(tmp_path: Path, before: str | None, enabled: bool, after: str | None) -> None:
    tree = make_tree(tmp_path / "tree", {"etc/resolv.real": "nameserver 192.0.2.1\n"}, RESOLVED if enabled else {})
    path = tree / "etc/resolv.conf"
    if before and before.startswith("-> "):
        path.symlink_to(before[3:])
    elif before:
        path.write_text(before)
    seal(tree, "network")
    found = f"-> {os.readlink(path)}" if path.is_symlink() else path.read_text() if path.exists() else None
    assert found == after


NETPLAN = f"network: {{ethernets: {{ens3: {{match: {{macaddress: '{MAC}'}}, dhcp4: true}}}}}}\n"


@pytest.mark.parametrize(
    ("files", "left"),
    [
        ({"usr/bin/cloud-init": "x"}, []),
        # Where nobody makes it anew, the network would be gone with it.
        ({}, ["50-network.yaml"]),
        (
            {"usr/bin/cloud-init": "x", "etc/cloud/cloud.cfg.d/99.cfg": "network: {config: disabled}\n"},
            ["50-network.yaml"],
        ),
        ({"usr/bin/cloud-init": "x", "etc/cloud/cloud.cfg": "network:\n  config: disabled\n"}, ["50-network.yaml"]),
    ],
)
def test_the_network_stays_where_cloud_init_does_not_make_it(
    tmp_path: Path, files: dict[str, str], left: list[str]
) -> None:
    tree = make_tree(tmp_path / "tree", {**files, "etc/netplan/50-cloud-init.yaml": NETPLAN}, {})
    seal(tree, "network")
    assert [path.name for path in (tree / "etc/netplan").iterdir()] == left
    for name in left:
        assert 'match: {name: "e*"}, dhcp4: true' in (tree / "etc/netplan" / name).read_text()


def test_scripts_that_an_image_brings_for_cloud_init_stay(tmp_path: Path) -> None:
    scripts = {"var/lib/cloud/scripts/per-boot/a": "x", "var/lib/cloud/handlers/b": "x", "var/lib/cloud/sem/c": ""}
    tree = make_tree(tmp_path / "tree", {**scripts, "etc/hostname": ""}, {})
    seal(tree, "instance_data")
    assert sorted(path.name for path in (tree / "var/lib/cloud").iterdir()) == ["handlers", "scripts"]


def test_a_diverted_program_comes_back(tmp_path: Path) -> None:
    tree = make_tree(
        tmp_path / "tree",
        {"usr/sbin/start-stop-daemon": "false", "usr/sbin/start-stop-daemon.REAL": "real", "etc/hostname": ""},
        {"sbin": "usr/sbin"},
    )
    report = seal(tree, "build")["steps"]["build"]
    assert report["done"] == {"/usr/sbin/start-stop-daemon.REAL": "renamed"}
    assert (tree / "usr/sbin/start-stop-daemon").read_text() == "real"


def test_the_proxy_that_was_asked_for_stays(tmp_path: Path) -> None:
    text = "http_proxy=http://wanted:3128\nhttps_proxy=http://me:secret@wanted:3128/\n"
    tree = make_tree(tmp_path / "tree", {"etc/environment": text}, {})
    seal(tree, "secrets", "proxy", proxy=["http://wanted:3128"])
    assert (tree / "etc/environment").read_text() == text.replace("me:secret@", "")


def test_keys_of_services_are_named(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree", {"etc/ssl/private/a.key": "-----BEGIN PRIVATE KEY-----", "root/b.key": KEY}, {})
    report = seal(tree, "private_keys")
    assert sorted(report["steps"]["private_keys"]["done"]) == ["/etc/ssl/private/a.key", "/root/b.key"]
    assert len(report["warnings"]) == 1
    assert report["warnings"][0].startswith("/etc/ssl/private/a.key goes: ")


def test_what_stays_is_said(tmp_path: Path) -> None:
    files = {
        "etc/hostname": "web\n",
        "etc/iscsi/initiatorname.iscsi": "InitiatorName=iqn.x\n",
        "var/spool/cron/crontabs/root": "x",
        "etc/dropbear/dropbear_rsa_host_key": "x",
    }
    tree = make_tree(tmp_path / "tree", files, {})
    stays = seal(tree)["stays"]
    assert sorted(line.split(":")[0] for line in stays) == sorted(f"/{name}" for name in files)
    assert all((tree / name).read_text() == text for name, text in files.items())


@pytest.mark.parametrize("home", ["/", "/etc", "../..", "relative", "/missing", "", "/../..", "/etc/passwd", "/a\0b"])
def test_odd_homes(tmp_path: Path, home: str) -> None:
    """Of people and services: what is theirs goes, what is the system's stays."""
    outside = make_tree(tmp_path, {".ssh/canary": PUBLIC, ".bash_history": "x", "relative/.ssh/canary": PUBLIC}, {})
    files = {
        "etc/.ssh/id_rsa": KEY,
        ".ssh/id_rsa": KEY,
        "etc/.bash_history": "x",
        "etc/issue": "x",
        "relative/.ssh/x": "",
    }
    tree = make_tree(tmp_path / "tree", {**files, "etc/passwd": f"a:x:1000:1000::{home}:/x\nb:x:9:9::{home}:/x\n"}, {})
    seal(tree)
    assert (outside / ".ssh/canary").exists()
    assert (outside / ".bash_history").exists()
    assert (outside / "relative/.ssh/canary").exists()
    assert (tree / "etc/issue").read_text() == "x"
    assert (tree / "relative/.ssh/x").exists()
    assert (tree / "etc/.ssh").exists() == (home != "/etc")
    # Below / lies all that is the system's: only its own names go, and keys.
    assert (tree / ".ssh").exists() == (home not in ("/", "/../.."))


def test_a_swap_that_is_gone_is_told_and_that_of_a_machine_that_is_on_stays(tmp_path: Path) -> None:
    name, text = "etc/initramfs-tools/conf.d/resume", "RESUME=UUID=1\n"
    tree = make_tree(tmp_path / "tree", {name: text, "etc/kernel/cmdline": "ro resume=UUID=1\n"}, {})
    assert seal(tree, "storage", running=True)["warnings"] == []
    assert (tree / name).read_text() == text
    (warning,) = seal(tree, "storage")["warnings"]
    assert warning.startswith(f"/{name}, /etc/kernel/cmdline: no longer names a swap to wake up from")
    assert not (tree / name).exists()
    assert (tree / "etc/kernel/cmdline").read_text() == "ro\n"


@pytest.mark.parametrize("more", [{"pubring.kbx": "x" * 900}, {"gpg.conf": "x"}, {"private-keys-v1.d/a.key": "x"}])
def test_keyrings_of_people_stay(tmp_path: Path, more: dict[str, str]) -> None:
    tree = make_tree(tmp_path / "tree")
    files = {"pubring.kbx": "x" * 32, "trustdb.gpg": "x", **more}
    make_tree(tree, {f"root/.gnupg/{name}": text for name, text in files.items()}, {})
    seal(tree, "caches")
    assert all((tree / "root/.gnupg" / name).is_file() for name in files)
