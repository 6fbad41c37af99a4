# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lets a host run the programs of other processors, and what is said where nothing does."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers.runners import RecordingRunner

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import emulators
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError


@pytest.fixture(params=["x86_64", "aarch64"])
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A host with these processors, which has the program that knows what runs."""
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine=request.param))
    monkeypatch.setattr(emulators, "find_program", lambda name: f"/usr/bin/{name}")
    return request.param


OWN = {"x86_64": ("amd64", "x86_64"), "aarch64": ("arm64", "aarch64")}
OTHER = {"x86_64": OWN["aarch64"], "aarch64": OWN["x86_64"]}


def test_without_an_emulator_there_is_nothing_to_register(tmp_path: Path) -> None:
    assert emulators.words(str(tmp_path / "formats"), str(tmp_path / "registered")) == []


def test_what_the_kernel_knows_is_not_registered(tmp_path: Path) -> None:
    formats, registered = tmp_path / "formats", tmp_path / "registered"
    for folder, name in ((formats, "qemu-aarch64.conf"), (formats, "java.conf"), (registered, "qemu-aarch64")):
        folder.mkdir(exist_ok=True)
        (folder / name).touch()
    assert emulators.words(str(formats), str(registered)) == []
    (formats / "qemu-riscv64.conf").touch()
    assert emulators.words(str(formats), str(registered))[-2:] == [str(registered), f"{formats}/qemu-*.conf"]


def test_a_host_needs_nothing_for_its_own_programs(machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulators, "find_program", lambda name: None)
    runner = RecordingRunner()
    for architecture in OWN[machine]:
        emulators.check(runner, architecture, ["behind"])
    assert runner.calls == []


def test_programs_of_others_are_tried_where_they_shall_run(machine: str) -> None:
    runner = RecordingRunner()
    for architecture in OTHER[machine]:
        emulators.check(runner, architecture, ["behind"])
    assert runner.calls == [["behind", "arch-test", OTHER[machine][0]]] * 2


def test_where_they_do_not_run_one_line_says_what_to_do(machine: str) -> None:
    runner = RecordingRunner(lambda argv: (1, f"{argv[-1]}: not supported on this machine/kernel\n", ""))
    name, other = OTHER[machine]
    with pytest.raises(OptionError) as caught:
        emulators.check(runner, other, [])
    assert str(caught.value) == (
        f"image_architecture={name}: this host, {machine}, cannot run its programs; as root: "
        "apt-get install qemu-user-static && /usr/lib/systemd/systemd-binfmt; "
        "an ordinary user with Linux 6.7 or newer needs the package alone"
    )


def test_the_program_that_knows_is_missing(machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulators, "find_program", lambda name: None)
    with pytest.raises(GoldsmithError, match=r"^the program arch-test is not installed; the role "):
        emulators.check(RecordingRunner(), OTHER[machine][0], [])
