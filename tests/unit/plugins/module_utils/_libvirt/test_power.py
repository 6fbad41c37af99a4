# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""States of guests, with recorded answers of virsh. Real ones: tests/integration/test_vm_install.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.runners import Answer, RecordingRunner

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt import power
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.power import PowerPlan
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.virsh import our_uuid

NAME = "web"
NO_DOMAIN = (1, "", "error: failed to get domain 'web'\n")
FORWARD = "  TCP[HOST_FORWARD]  16       127.0.0.1 44961       10.0.2.15    22     0     0\n"
XML = """<domain><name>web</name><uuid>{uuid}</uuid>
<metadata><m:machine xmlns:m="urn:goldsmith:machine" installation="7-7"/></metadata>
<devices><interface type='user'><mac address='52:54:00:00:00:01'/></interface></devices></domain>"""


class Guest:
    """A guest that answers virsh. *deaf* does not hear its power button; *refusals* are logins that fail before one."""

    def __init__(self, state: str | None, *, uuid: str = "", deaf: bool = False, refusals: int = 0) -> None:
        self.state, self.deaf, self.refusals = state, deaf, refusals
        self.uuid = uuid or our_uuid(NAME)
        self.runner = RecordingRunner(self.answer)

    def answer(self, argv: list[str]) -> Answer:
        if argv[0] == "ssh":
            self.refusals -= 1
            return (0, "", "") if self.refusals < 0 else (255, "", "Connection refused\n")
        word = argv[4]
        if self.state is None and word in ("dumpxml", "domstate"):
            return NO_DOMAIN
        if word == "domstate":
            return 0, f"{self.state} (reason)\n", ""
        if word == "dumpxml":
            return 0, XML.format(uuid=self.uuid), ""
        if word == "qemu-monitor-command":
            return 0, FORWARD, ""
        after = {"start": "running", "resume": "running", "destroy": "shut off", "undefine": None}
        if word == "shutdown" and not self.deaf:
            self.state = "shut off"
        self.state = after.get(word, self.state)
        return 0, "", ""

    def words(self) -> list[str]:
        asked = ("domstate", "dumpxml", "qemu-monitor-command")
        return [call[4] for call in self.runner.calls if call[0] == "virsh" and call[4] not in asked]


@pytest.fixture
def ensure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    monkeypatch.setattr(power, "_GLANCE", 0.01)
    (tmp_path / "key").touch()

    def run(guest: Guest, state: str, *, check: bool = False, **settings: Any) -> dict[str, Any]:
        way = {"user": "debian", "key": str(tmp_path / "key")} if state == "running" else {}
        plan = PowerPlan(**{"uri": "qemu:///system", "name": NAME, "state": state, "timeout": 5, **way, **settings})
        return power.ensure(guest.runner, plan, check_mode=check)  # type: ignore[arg-type]

    return run


@pytest.mark.parametrize(
    ("before", "wanted", "changed", "words"),
    [
        ("shut off", "running", True, ["start"]),
        ("paused", "running", True, ["resume"]),
        ("running", "running", False, []),
        ("running", "shut_off", True, ["shutdown"]),
        ("shut off", "shut_off", False, []),
        ("running", "absent", True, ["destroy", "undefine"]),
        ("shut off", "absent", True, ["undefine"]),
        (None, "absent", False, []),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_states(
    ensure: Callable[..., dict[str, Any]],
    before: str | None,
    wanted: str,
    changed: bool,
    words: list[str],
    check: bool,
) -> None:
    guest = Guest(before)
    result = ensure(guest, wanted, check=check)
    assert result["changed"] is changed
    assert guest.words() == ([] if check else words)
    names = {"before": before or "absent", "after": wanted.replace("_", " ")}
    assert result["diff"] == {moment: f"{name}\n" for moment, name in names.items()}


def test_the_way_to_a_running_guest(ensure: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    ssh = ensure(Guest("shut off", refusals=2), "running")["ssh"]
    assert {name: ssh[name] for name in ("host", "port", "user")} == {
        "host": "127.0.0.1",
        "port": 44961,
        "user": "debian",
    }
    # Another installation of the same name has other host keys.
    assert "HostKeyAlias=goldsmith-7-7" in ssh["args"]


@pytest.mark.parametrize(("before", "ended"), [("shut off", True), ("running", False)])
def test_a_guest_that_lets_nobody_in(ensure: Callable[..., dict[str, Any]], before: str, ended: bool) -> None:
    guest = Guest(before, refusals=10**6)
    with pytest.raises(GoldsmithError) as caught:
        ensure(guest, "running", timeout=0.2)
    assert str(caught.value) == "web did not come up: no login as debian within 0.2 s (Connection refused)"
    # Only what we have started is ended.
    assert ("destroy" in guest.words()) is ended


def test_a_guest_that_ends_at_once(ensure: Callable[..., dict[str, Any]]) -> None:
    guest = Guest("paused")

    def end(argv: list[str]) -> Answer:
        said = guest.answer(argv)
        if argv[4:5] == ["resume"]:
            guest.state = "shut off"
        return said

    guest.runner = RecordingRunner(end)
    with pytest.raises(GoldsmithError, match=r"web did not come up: the guest ended \(reason\)"):
        ensure(guest, "running")


def test_a_deaf_guest(ensure: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(power, "_PRESS_EVERY", 0.05)
    guest = Guest("running", deaf=True)
    with pytest.raises(GoldsmithError, match=r"web did not power off within 0.3 s.*; .*force cuts its power"):
        ensure(guest, "shut_off", timeout=0.3)
    # A system that is still starting does not hear the first time.
    assert guest.words().count("shutdown") > 1
    assert ensure(guest, "shut_off", timeout=0.1, force=True)["forced"] is True
    assert guest.state == "shut off"


def test_a_paused_guest_is_let_go_to_power_off(ensure: Callable[..., dict[str, Any]]) -> None:
    guest = Guest("paused")
    assert ensure(guest, "shut_off")["forced"] is False
    assert guest.words() == ["resume", "shutdown"]


@pytest.mark.parametrize("state", ["running", "shut_off"])
def test_no_such_machine(ensure: Callable[..., dict[str, Any]], state: str) -> None:
    with pytest.raises(OptionError, match="name=web: there is no such machine at qemu:///system"):
        ensure(Guest(None), state)


def test_a_machine_of_others(ensure: Callable[..., dict[str, Any]]) -> None:
    guest = Guest("running", uuid="1-2")
    with pytest.raises(OptionError, match="vm_install did not make this machine"):
        ensure(guest, "absent")
    assert guest.words() == []
    assert ensure(guest, "absent", force=True)["changed"] is True
    # To bring it up or to power it off is no harm.
    assert ensure(Guest("running", uuid="1-2"), "shut_off")["changed"] is True


@pytest.mark.parametrize(
    ("way", "message"), [({"key": "/no"}, "key=/no: no such file"), ({"user": "A B"}, "user=A B: not the name")]
)
def test_refused(ensure: Callable[..., dict[str, Any]], way: dict[str, str], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        ensure(Guest("running"), "running", **way)
    assert str(caught.value).startswith(message)
