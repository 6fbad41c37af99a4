# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listening to a console, with a program in place of virsh. A real one: tests/integration/test_vm_install.py."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.waiting import wait_for

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt import vm_console
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.virsh import Libvirt
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.vm_console import VmConsole

VIRSH = """#!/bin/sh
echo "$4 $5 $6" >>"$0.calls"
[ "$4" = console ] || exit 0
if [ -e "$0.locked" ]; then echo "error: operation failed: it is locked" >&2; exit 1; fi
[ -t 0 ] || exit 1
echo heard
if [ -e "$0.stay" ]; then exec sleep 60; fi
"""


@pytest.fixture
def virsh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "bin" / "virsh"
    program.parent.mkdir()
    program.write_text(VIRSH)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(vm_console, "_UNTIL_HEARD", 0.0)
    return program


@pytest.fixture
def console(virsh: Path, tmp_path: Path) -> Iterator[VmConsole]:
    listening = VmConsole(Libvirt(Runner(), "qemu:///system"), "web", tmp_path / "logs" / "console.log")
    listening.empty()
    yield listening
    listening.close()


def calls(virsh: Path) -> list[str]:
    return virsh.with_name("virsh.calls").read_text().splitlines()


def wait_for_text(path: Path, text: str) -> None:
    wait_for(lambda: path.read_text() == text)


def test_a_guest_is_held_until_it_is_heard(console: VmConsole, virsh: Path) -> None:
    virsh.with_name("virsh.stay").touch()
    console.hold_and_listen()
    wait_for_text(console.path, "heard\n")
    words = [line.split()[0] for line in calls(virsh)]
    assert sorted(words) == ["console", "resume", "suspend"]
    assert (words[0], calls(virsh)[0].split()[1:]) == ("suspend", ["--domain", "web"])


def test_it_listens_once(console: VmConsole, virsh: Path) -> None:
    virsh.with_name("virsh.stay").touch()
    console.listen()
    wait_for_text(console.path, "heard\n")
    console.listen()
    assert len(calls(virsh)) == 1


def test_it_listens_again_after_a_break(console: VmConsole) -> None:
    console.listen()
    console.drain()
    console.listen()
    console.drain()
    assert console.path.read_text() == "heard\nheard\n"


def test_why_it_broke_is_known(console: VmConsole, virsh: Path) -> None:
    virsh.with_name("virsh.locked").touch()
    console.listen()
    console.drain()
    assert console.trouble == ""
    virsh.with_name("virsh.locked").unlink()
    console.listen()
    assert console.trouble == "operation failed: it is locked"
    wait_for_text(console.path, "heard\n")


def test_the_end_of_listening_leaves_no_process_and_no_descriptor(console: VmConsole, virsh: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    virsh.with_name("virsh.stay").touch()
    console.listen()
    wait_for_text(console.path, "heard\n")
    console.close()
    assert len(os.listdir("/proc/self/fd")) == before
    console.close()


def test_the_log_begins_anew(console: VmConsole) -> None:
    console.path.write_text("old")
    console.empty()
    assert console.path.read_text() == ""


def test_a_log_that_cannot_be_written(virsh: Path) -> None:
    console = VmConsole(Libvirt(Runner(), "qemu:///system"), "web", Path("/proc/nowhere/console.log"))
    with pytest.raises(GoldsmithError, match=r"cannot write /proc/nowhere/console\.log"):
        console.empty()
