# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest of libvirt brought up, powered off or removed."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.console import Console
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import account
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.progress import Progress
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt import ssh_route
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.installation import discard
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.virsh import Libvirt, State
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.vm_console import VmConsole

RUNNING, SHUT_OFF, ABSENT = STATES = ("running", "shut_off", "absent")
_GLANCE = 1.0
# To ask a libvirt elsewhere takes a login there.
_ASK_EVERY = 5.0
# A system that is still starting does not hear the button.
_PRESS_EVERY = 20.0


@dataclass(frozen=True)
class PowerPlan:
    """A state that a guest is to have; times in seconds."""

    uri: str
    name: str
    state: str
    user: str = ""
    key: str = ""
    console_log: str = ""
    timeout: float = 600
    force: bool = False

    def __post_init__(self) -> None:
        if self.state == RUNNING:
            account.check_user(self.user)
            if not os.path.isfile(self.key):
                raise OptionError("key", self.key, "no such file", hint="the private key that opens the account")


def ensure(runner: Runner, plan: PowerPlan, *, check_mode: bool) -> dict[str, Any]:
    """Bring the guest into its state; return what changed, and where it is reached if it runs."""
    libvirt = Libvirt(runner, plan.uri)
    domain, state = libvirt.domain(plan.name), libvirt.state(plan.name)
    if domain is None or state is None:
        if plan.state != ABSENT:
            raise OptionError("name", plan.name, f"there is no such machine at {plan.uri}", hint="virsh list --all")
        return {"changed": False, "diff": _diff(None, ABSENT)}
    if plan.state == ABSENT and not domain.is_ours and not plan.force:
        raise OptionError(
            "name",
            plan.name,
            f"vm_install did not make this machine at {plan.uri}",
            hint="with force it is removed all the same, and its disks stay",
        )
    changed = {
        RUNNING: state.name != "running",
        SHUT_OFF: not state.is_off,
        ABSENT: True,
    }[plan.state]
    result: dict[str, Any] = {"changed": changed, "diff": _diff(state, plan.state if changed else state.name)}
    if check_mode:
        return result
    if plan.state == RUNNING:
        result |= _Start(runner, libvirt, plan).run(state)
    elif plan.state == SHUT_OFF and changed:
        result["forced"] = _shut_off(libvirt, plan)
    elif plan.state == ABSENT:
        discard(libvirt, domain)
    return result


class _Start:
    """A guest on its way to a login."""

    def __init__(self, runner: Runner, libvirt: Libvirt, plan: PowerPlan) -> None:
        self._runner, self._libvirt, self._plan = runner, libvirt, plan
        self._console = VmConsole(libvirt, plan.name, Path(plan.console_log)) if plan.console_log else None
        self._seen = Console(Path(plan.console_log)) if plan.console_log else None
        self._started = time.monotonic()

    def run(self, state: State) -> dict[str, Any]:
        """Start the guest where it is off, and wait until it lets us in."""
        started = state.is_off
        if not started:
            # What it said before is not known, and its console may be another's.
            self._console = self._seen = None
        try:
            if started:
                self._start()
            elif state.name == "paused":
                self._libvirt.virsh("resume", "--domain", self._plan.name)
            access = self._wait()
        except BaseException:
            if started:
                # What does not come up is as it was before.
                self._libvirt.virsh("destroy", "--domain", self._plan.name, check=False)
            raise
        finally:
            if self._console:
                self._console.close()
        return {"ssh": access.facts(), "seconds": round(self._elapsed(), 1)}

    def _start(self) -> None:
        if self._console is None:
            self._libvirt.virsh("start", "--domain", self._plan.name)
            return
        self._console.empty()
        self._libvirt.virsh("start", "--domain", self._plan.name, "--paused")
        self._console.hold_and_listen()

    def _wait(self) -> ssh_route.Access:
        plan = self._plan
        progress = Progress(f"start {plan.name}", 100, "%")
        access, refusal, asked = None, "its address is not known", float("-inf")
        while True:
            if self._seen:
                self._seen.look(self._elapsed())
                if self._seen.fatal:
                    raise self._failure(self._seen.fatal)
            if self._elapsed() - asked >= _ASK_EVERY:
                asked = self._elapsed()
                access = self._find_access(access)
            if access is not None:
                refusal = ssh_route.try_login(self._runner, access, plan.timeout - self._elapsed())
                if not refusal:
                    progress(100)
                    return access
            if self._elapsed() > plan.timeout:
                raise self._failure(f"no login as {plan.user} within {plan.timeout:g} s ({refusal})")
            progress(100 * self._elapsed() / plan.timeout, self._seen.last_line if self._seen else refusal)
            time.sleep(_GLANCE)

    def _find_access(self, known: ssh_route.Access | None) -> ssh_route.Access | None:
        """Return the way to the guest, which stays the same while it runs, or None as long as nobody knows it."""
        state = self._libvirt.state(self._plan.name)
        if state is None or state.is_off:
            raise self._failure("the guest ended" + (f" ({state.reason})" if state else ""))
        if self._console:
            self._console.listen()
        if known is not None:
            return known
        domain = self._libvirt.domain(self._plan.name)
        address = ssh_route.find_address(self._libvirt, domain) if domain else None
        if domain is None or address is None:
            return None
        return ssh_route.Access(address, self._plan.user, self._plan.key, domain.installation or domain.uuid)

    def _elapsed(self) -> float:
        return time.monotonic() - self._started

    def _failure(self, reason: str) -> GoldsmithError:
        line = f"{self._plan.name} did not come up: {reason}"
        if self._seen is None:
            return GoldsmithError(line)
        self._seen.look(self._elapsed())
        return GoldsmithError(
            f"{line}; last on the console: {self._seen.last_line}",
            console_log=self._plan.console_log,
            console_tail=self._seen.tail(),
        )


def _shut_off(libvirt: Libvirt, plan: PowerPlan) -> bool:
    """Press the power button until the guest is off; return whether its power had to be cut."""
    began, pressed = time.monotonic(), float("-inf")
    progress = Progress(f"shut off {plan.name}", 100, "%")
    while True:
        now = time.monotonic()
        state = libvirt.state(plan.name)
        if state is None or state.is_off:
            progress(100)
            return False
        if now - began > plan.timeout:
            break
        if now - pressed >= _PRESS_EVERY:
            if state.name == "paused":
                libvirt.virsh("resume", "--domain", plan.name, check=False)
            # It may end in the very moment.
            libvirt.virsh("shutdown", "--domain", plan.name, "--mode", "acpi", check=False)
            pressed = now
        progress(100 * (now - began) / max(plan.timeout, 1), state.name)
        time.sleep(_GLANCE)
    if not plan.force:
        raise GoldsmithError(
            f"{plan.name} did not power off within {plan.timeout:g} s of its power button being pressed",
            hint="does it run a service for ACPI? force cuts its power",
        )
    libvirt.virsh("destroy", "--domain", plan.name)
    return True


def _diff(before: State | None, after: str) -> dict[str, str]:
    words = before.name if before else ABSENT
    return {"before": f"{words}\n", "after": f"{after.replace('_', ' ')}\n"}
