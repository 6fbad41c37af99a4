# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an installation asks before it begins. Real ones: tests/integration/test_vm_install.py."""

from __future__ import annotations

import fcntl
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from helpers.runners import Answer, RecordingRunner

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot import qemu
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt import installation
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.installation import (
    Installer,
    InstallPlan,
    Machine,
    Place,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.installer import NameTaken

NAME = "web"
NO_DOMAIN = (1, "", "error: failed to get domain 'web'\n")
DISK = "<disk><source file='/p/web.goldsmith.qcow2'/><alias name='ua-goldsmith-root'/></disk>"
MARK = '<metadata><m:machine xmlns:m="urn:goldsmith:machine" installation="1"/></metadata>'


def domain(uuid: str, mark: str) -> str:
    return f"<domain><name>{NAME}</name><uuid>{uuid}</uuid>{mark}<devices>{DISK}</devices></domain>"


def plan(folder: Path, **settings: Any) -> InstallPlan:
    for name in ("linux", "initrd", "key"):
        (folder / name).touch()
    usual = {
        "uri": "qemu:///system",
        "machine": Machine(NAME, installation.our_uuid(NAME)),
        "place": Place(),
        "disk_size": 1 << 30,
        "console_log": str(folder / "log" / "console.log"),
        "installer": Installer(kernel=str(folder / "linux"), initrd=str(folder / "initrd")),
    }
    return InstallPlan(**{**usual, **settings})


def runner(described: Answer = NO_DOMAIN, networks: str = "default", capabilities: str = "") -> RecordingRunner:
    answers = {
        "dumpxml": described,
        "pool-dumpxml": (0, "<pool/>", ""),
        "pool-list": (0, "default\n", ""),
        "net-list": (0, networks, ""),
        "capabilities": (0, capabilities, ""),
    }
    return RecordingRunner(lambda argv: answers[argv[4]])


def install(folder: Path, recording: RecordingRunner, **settings: Any) -> dict[str, Any]:
    return installation.install(recording, plan(folder, **settings), check_mode=True)  # type: ignore[arg-type]


def test_a_plan_changes_nothing(tmp_path: Path) -> None:
    recording = runner()
    result = install(tmp_path, recording)
    assert result["changed"] is True
    assert result["diff"] == {"before": "absent\n", "after": "installed\n"}
    assert {call[4] for call in recording.calls} <= {"dumpxml", "pool-dumpxml", "pool-list", "net-list"}
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize(
    ("mark", "changed", "before"), [(MARK, False, None), ("", True, "unfinished\n")], ids=["installed", "unfinished"]
)
def test_a_guest_of_ours(tmp_path: Path, mark: str, changed: bool, before: str | None) -> None:
    result = install(tmp_path, runner((0, domain(installation.our_uuid(NAME), mark), "")))
    assert result["changed"] is changed
    assert result["diff"].get("before") == before
    assert changed or result["disk"] == {"path": "/p/web.goldsmith.qcow2"}


def test_a_guest_of_others(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="name=web: another machine at qemu:///system has this name"):
        install(tmp_path, runner((0, domain("1-2", MARK), "")))


@pytest.mark.parametrize(
    ("network", "active"), [("network=default", True), ("network=lan", False), ("bridge=br0", True), ("user", True)]
)
def test_networks_of_libvirt_are_looked_up(tmp_path: Path, network: str, active: bool) -> None:
    machine = replace(plan(tmp_path).machine, network=network)
    if active:
        assert install(tmp_path, runner(), machine=machine)["changed"] is True
        return
    with pytest.raises(OptionError, match="virsh net-start lan, or one of the active ones: default"):
        install(tmp_path, runner(), machine=machine)


@pytest.mark.parametrize(
    ("uri", "wanted", "works", "offered", "taken"),
    [
        ("qemu:///system", "auto", "kvm", True, "kvm"),
        ("qemu:///system", "auto", "tcg", True, "qemu"),
        ("qemu:///system", "auto", "kvm", False, "qemu"),
        ("qemu:///system", "qemu", "kvm", True, "qemu"),
        ("qemu+ssh://kvm1/system", "auto", "tcg", True, "kvm"),
        ("qemu+ssh://kvm1/system", "auto", "kvm", False, "qemu"),
        ("qemu+ssh://kvm1/system", "qemu", "tcg", True, "qemu"),
    ],
)
def test_kvm_only_where_it_works(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    uri: str,
    wanted: str,
    works: str,
    offered: bool,
    taken: str,
) -> None:
    # What this host can do says nothing of another.
    monkeypatch.setattr(qemu, "choose_accelerator", lambda runner, asked: works if asked == "auto" else asked)
    recording = runner(capabilities="<domain type='kvm'/>" if offered else "")
    attempt = _attempt(recording, plan(tmp_path, uri=uri, virt_type=wanted), tmp_path)
    assert attempt._choose_virt_type() == taken


def test_kvm_that_does_not_work_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qemu, "choose_accelerator", lambda runner, asked: "tcg")
    with pytest.raises(OptionError, match=r"virt_type=kvm: libvirt at qemu:///system cannot use it.*; use auto"):
        attempt = _attempt(runner(capabilities="<domain type='kvm'/>"), plan(tmp_path, virt_type="kvm"), tmp_path)
        attempt._choose_virt_type()


def test_kvm_that_is_asked_for_in_vain(tmp_path: Path) -> None:
    wanted = plan(tmp_path, uri="qemu+ssh://kvm1/system", virt_type="kvm")
    with pytest.raises(OptionError, match=r"virt_type=kvm: libvirt at qemu\+ssh://kvm1/system does not offer it"):
        _attempt(runner(), wanted, tmp_path)._choose_virt_type()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"installer": None}, "one source is needed; give location, or kernel and initrd, or import"),
        ({"image": "/disk"}, "one source is needed"),
        ({"installer": Installer(kernel="/no", initrd="/no")}, "kernel=/no: no such file"),
        ({"answers": "/no", "kind": "kickstart"}, "kickstart=/no: no such file"),
        ({"installer": None, "image": "/disk", "user": "A", "authorized_key": "ssh-rsa AAAA"}, "user=A: not the name"),
        ({"installer": None, "image": "/disk", "user": "a", "authorized_key": "AAAA"}, "authorized_key=AAAA: not a"),
    ],
)
def test_refused_plans(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(GoldsmithError) as caught:
        plan(tmp_path, **settings)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("ours", [True, False])
def test_a_guest_of_a_killed_attempt_that_comes_late_is_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ours: bool
) -> None:
    done: list[str] = []

    def begin(_self: object, _machine: Machine) -> list[dict[str, Any]]:
        done.append("begin")
        if done == ["begin"]:
            raise NameTaken("virt-install does not start web: its disk is already in use by other guests ['web']")
        return []

    monkeypatch.setattr(installation._Installation, "_install", begin)
    monkeypatch.setattr(installation._Installation, "_choose_virt_type", lambda _self: "qemu")
    monkeypatch.setattr(installation._Installation, "_clean", lambda _self: done.append("clean") or "")
    monkeypatch.setattr(installation.volumes, "open_pool", lambda _libvirt, _place: "default")
    late = SimpleNamespace(is_ours=ours, disks=())
    libvirt = SimpleNamespace(domain=lambda _name: late, mark_installed=lambda _name: done.append("mark"))
    attempt = installation._Installation(runner(), libvirt, plan(tmp_path), tmp_path)  # type: ignore[arg-type]
    if ours:
        attempt.run(None)
        assert done == ["begin", "clean", "begin", "mark"]
    else:
        with pytest.raises(NameTaken):
            attempt.run(None)
        assert done == ["begin", "clean"], "as after any failure"


@pytest.mark.parametrize(("ours", "removed"), [(True, [NAME]), (False, [])])
def test_only_a_guest_of_ours_is_removed_after_a_failure(tmp_path: Path, ours: bool, removed: list[str]) -> None:
    done: list[str] = []
    found = SimpleNamespace(is_ours=ours, name=NAME)
    libvirt = SimpleNamespace(domain=lambda _name: found, remove=done.append)
    attempt = installation._Installation(runner(), libvirt, plan(tmp_path), tmp_path)  # type: ignore[arg-type]
    assert attempt._clean() == ""
    assert done == removed


def test_the_log_is_for_one_installation(tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    with open(log, "w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        refused = pytest.raises(GoldsmithError, match=r"is being written by process \d+; wait until it ends")
        with refused, installation._locked(str(log)):
            pass
    with installation._locked(str(log)):
        pass


def test_a_log_that_cannot_be_written() -> None:
    refused = pytest.raises(GoldsmithError, match=r"cannot write /proc/x/console\.log")
    with refused, installation._locked("/proc/x/console.log"):
        pass


def _attempt(recording: RecordingRunner, wanted: InstallPlan, folder: Path) -> installation._Installation:
    libvirt = installation.Libvirt(recording, wanted.uri)  # type: ignore[arg-type]
    return installation._Installation(recording, libvirt, wanted, folder)  # type: ignore[arg-type]
