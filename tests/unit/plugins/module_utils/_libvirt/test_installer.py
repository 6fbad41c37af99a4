# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watching an installation, with a program in place of virt-install and a guest whose states are told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt import installer
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.installer import InstallerRun
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.installer_console import MARK
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.virsh import State

RUNNING, OFF, DESTROYED = State("running"), State("shut off", "shutdown"), State("shut off", "destroyed")
STEP = "Installing the base system ... 50%\n"
AWAY = GoldsmithError("libvirt went out")


class Guest:
    """A libvirt whose guest has one state after the other, the last for ever; an error among them is raised."""

    def __init__(self, *states: State | GoldsmithError | None) -> None:
        self.states = list(states)
        self.runner = Runner()

    def state(self, name: str) -> State | None:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if isinstance(state, GoldsmithError):
            raise state
        return state


class Console:
    """A console on which a text stands as soon as somebody listens."""

    text = ""
    trouble = ""

    def __init__(self, libvirt: object, name: str, path: Path) -> None:
        self.path = path

    def empty(self) -> None:
        self.path.write_text("")

    def hold_and_listen(self) -> None:
        self.path.write_text(Console.text)

    def listen(self) -> None:
        pass

    def drain(self) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture
def follow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[dict[str, Any]]]:
    monkeypatch.setattr(installer, "VmConsole", Console)
    for name in ("_GLANCE", "_ASK_EVERY"):
        monkeypatch.setattr(installer, name, 0.01)
    monkeypatch.setattr(installer, "_GRACE", 0.5)

    def run(
        guest: Guest, text: str = "", program: str = "exit 0", *, timeout: float = 20, marked: bool = True
    ) -> list[dict[str, Any]]:
        Console.text = text
        installation = InstallerRun(
            guest,  # type: ignore[arg-type]
            "web",
            tmp_path / "console.log",
            "preseed",
            timeout=timeout,
            marked=marked,
        )
        return installation.follow(["sh", "-c", program], tmp_path / "output")

    return run


# A program that ends before there is a guest has failed.
@pytest.mark.parametrize(("program", "begin"), [("exit 0", RUNNING), ("sleep 60", None)])
def test_the_end_is_the_mark_and_the_power_off(
    follow: Callable[..., list[dict[str, Any]]], program: str, begin: State | None
) -> None:
    steps = follow(Guest(begin, RUNNING, RUNNING, OFF), STEP + MARK, program)
    assert [step["name"] for step in steps] == ["Installing the base system"]
    assert steps[0]["seconds"] >= 0


def test_answers_without_a_mark(follow: Callable[..., list[dict[str, Any]]]) -> None:
    assert follow(Guest(RUNNING, OFF), STEP, marked=False)


@pytest.mark.parametrize(
    ("states", "text", "marked", "reason"),
    [
        ((RUNNING, OFF), STEP, True, "the guest powered off before the last step of its installation"),
        ((RUNNING, DESTROYED), STEP, True, "the guest was destroyed in the middle"),
        ((RUNNING, DESTROYED), STEP, False, "the guest was destroyed in the middle"),
        ((RUNNING, None), STEP, True, "the guest was removed"),
        ((RUNNING, State("crashed", "panicked")), STEP, True, "the guest crashed (panicked)"),
        ((RUNNING, State("paused", "I/O error")), STEP, True, "a disk of the guest cannot be written"),
        (
            (RUNNING,),
            f"{STEP}[    1.000000] Kernel panic - not syncing: no init\n",
            True,
            "the kernel panicked ([    1.000000] Kernel panic - not syncing: no init)",
        ),
    ],
)
def test_failures(
    follow: Callable[..., list[dict[str, Any]]],
    tmp_path: Path,
    states: tuple[State | None, ...],
    text: str,
    marked: bool,
    reason: str,
) -> None:
    with pytest.raises(GoldsmithError) as caught:
        follow(Guest(*states), text, marked=marked)
    assert str(caught.value).startswith(
        f"the installation of web failed at the step 'Installing the base system': {reason}"
    )
    assert str(caught.value).endswith(f"last on the console: {text.splitlines()[-1]}")
    assert caught.value.facts == {
        "step": "Installing the base system",
        "percent": 39.5,
        "console_log": str(tmp_path / "console.log"),
        "console_tail": text.splitlines(),
    }


def test_time_is_up(follow: Callable[..., list[dict[str, Any]]]) -> None:
    with pytest.raises(GoldsmithError, match=r"before its first step: it did not end within 0.3 s; last.*: nothing"):
        follow(Guest(RUNNING), timeout=0.3)


def test_a_long_silence_is_told(follow: Callable[..., list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installer.InstallerConsole, "silence", lambda self, now: 61.0)
    with pytest.raises(GoldsmithError, match="and said nothing for the last 61 s"):
        follow(Guest(RUNNING), STEP, timeout=0.3)


def test_what_the_installer_calls_an_error(follow: Callable[..., list[dict[str, Any]]]) -> None:
    with pytest.raises(GoldsmithError, match="the installer says: Bad archive mirror; last on the console: next"):
        follow(Guest(RUNNING, OFF), STEP + "!! ERROR: Bad archive mirror\nnext\n")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            "ERROR    Network not found: no network with matching name 'lan'\nDomain installation does not appear",
            "virt-install does not start web: Network not found: no network with matching name 'lan'; network: virsh",
        ),
        ("ERROR    Cannot get interface MTU on 'br9': No such device", "; network: make the bridge"),
        ("ERROR    Could not find an installable distribution at URL 'http://h/'", "; location: the tree"),
        ("ERROR    Unknown OS name 'minix'. See `--osinfo list` for valid values.", "; os_variant: virt-install"),
        ("ERROR    internal error: QEMU is old", "virt-install does not start web: internal error: QEMU is old"),
        ("Traceback (most recent call last):\nValueError: bad", "virt-install does not start web: ValueError: bad"),
    ],
)
def test_virt_install_fails(follow: Callable[..., list[dict[str, Any]]], said: str, message: str) -> None:
    quoted = said.replace("'", "'\\''")
    with pytest.raises(GoldsmithError) as caught:
        follow(Guest(None), program=f"echo '{quoted}' >&2; exit 1")
    assert message in str(caught.value)


def test_no_virt_install(tmp_path: Path, follow: Callable[..., list[dict[str, Any]]]) -> None:
    run = InstallerRun(Guest(None), "web", tmp_path / "log", "preseed", timeout=5, marked=True)  # type: ignore[arg-type]
    with pytest.raises(GoldsmithError, match="the program gs-no-such-program is not installed"):
        run.follow(["gs-no-such-program"], tmp_path / "output")


def test_a_guest_that_nobody_saw(follow: Callable[..., list[dict[str, Any]]]) -> None:
    with pytest.raises(GoldsmithError, match="the guest ended as soon as it began"):
        follow(Guest(None, OFF))


def test_a_console_that_broke_is_told(
    follow: Callable[..., list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Console, "trouble", "the device is locked")
    with pytest.raises(GoldsmithError, match="; the console broke: the device is locked; last on the console"):
        follow(Guest(RUNNING, OFF), STEP)


def test_libvirt_may_be_restarted(follow: Callable[..., list[dict[str, Any]]]) -> None:
    assert follow(Guest(RUNNING, RUNNING, AWAY, AWAY, RUNNING, OFF), STEP + MARK)


def test_libvirt_stays_away(follow: Callable[..., list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installer, "_AWAY_SECONDS", 0.2)
    with pytest.raises(GoldsmithError, match="libvirt went away: libvirt went out"):
        follow(Guest(RUNNING, AWAY), STEP)
