# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of an installer in a guest, watched from its first word to its end."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.progress import Progress
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.installer_console import InstallerConsole
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.virsh import Libvirt, State
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.vm_console import VmConsole

_GLANCE = 0.2
_ASK_EVERY = 2.0
# libvirt may be restarted under a guest.
_AWAY_SECONDS = 120.0
_GRACE = 5.0
_TROUBLES = (
    ("Network not found", "network", "virsh net-list --all shows those of libvirt"),
    ("Cannot get interface MTU", "network", "make the bridge on libvirt's host"),
    ("Could not find an installable distribution", "location", "the tree of an installer, or give kernel and initrd"),
    ("Validating install media", "location", "is the URL right?"),
    ("Unknown OS name", "os_variant", "virt-install --osinfo list shows all"),
    ("Permission denied", "path", "libvirt's QEMU must be able to read the folder and all above it"),
)  # fmt: skip


class NameTaken(GoldsmithError):
    """There is such a guest already, or one with its disk."""


class InstallerRun:
    """A guest that installs itself."""

    def __init__(self, libvirt: Libvirt, name: str, log: Path, kind: str, *, timeout: float, marked: bool) -> None:
        """*marked* says that the installer's last step writes the mark."""
        self._libvirt, self._name, self._timeout, self._marked = libvirt, name, timeout, marked
        self._console = VmConsole(libvirt, name, log)
        self._seen = InstallerConsole(log, kind)
        self._started = time.monotonic()
        self._begun: list[tuple[str, float]] = []

    def follow(self, argv: list[str], output: Path) -> list[dict[str, Any]]:
        """Start the guest by virt-install and wait for the end of the installation; return its steps with seconds.

        *output* is a file for what virt-install says.
        """
        self._console.empty()
        self._started = time.monotonic()
        with open(output, "wb") as said:
            process = self._libvirt.runner.start(argv, stdout=said)
        try:
            self._await_start(process, output)
            self._watch(process, output)
        finally:
            self._console.close()
            _end(process)
        ends = [begin for _name, begin in self._begun[1:]] + [self._now()]
        return [{"name": name, "seconds": round(end - begin, 1)} for (name, begin), end in zip(self._begun, ends)]

    def _now(self) -> float:
        return time.monotonic() - self._started

    def _await_start(self, process: subprocess.Popen[bytes], output: Path) -> None:
        while True:
            ended = process.poll()
            state = self._libvirt.state(self._name)
            if state is not None and not state.is_off:
                self._console.hold_and_listen()
                return
            if ended is not None:
                self._judge_start(process, output)
                raise self._failure("the guest ended as soon as it began")
            self._require_time()
            time.sleep(_GLANCE)

    def _watch(self, process: subprocess.Popen[bytes], output: Path) -> None:
        progress = Progress(f"install {self._name}", 100, "%")
        asked = answered = self._now()
        while True:
            self._look(progress)
            if process.poll() not in (None, 0):
                self._judge_start(process, output)
            if self._now() - asked >= _ASK_EVERY:
                asked = self._now()
                try:
                    state = self._libvirt.state(self._name)
                    answered = asked
                except GoldsmithError as error:
                    if asked - answered > _AWAY_SECONDS:
                        raise self._failure(f"libvirt went away: {error}") from error
                    state = State("running")
                if state is None or state.is_off:
                    self._console.drain()
                    self._look(progress)
                    self._judge_end(state)
                    return
                self._judge_state(state)
                self._console.listen()
            if self._seen.console.fatal:
                raise self._failure(self._seen.console.fatal)
            if self._seen.question:
                raise self._failure(f"the installer asks a question: {self._seen.question}")
            self._require_time()
            time.sleep(_GLANCE)

    def _look(self, progress: Progress) -> None:
        seen = self._seen
        seen.look(self._now())
        if seen.step and (not self._begun or self._begun[-1][0] != seen.step):
            self._begun.append((seen.step, self._now()))
        progress(round(seen.percent, 1), seen.step or seen.last_line)

    def _judge_start(self, process: subprocess.Popen[bytes], output: Path) -> None:
        """Raise GoldsmithError if virt-install failed."""
        if process.poll() in (None, 0):
            return
        words = output.read_text(encoding="utf-8", errors="replace")
        words += process.stderr.read().decode("utf-8", "replace") if process.stderr else ""
        errors = [line.partition("ERROR")[2].strip() for line in words.splitlines() if line.startswith("ERROR")]
        reason = (errors or [line.strip() for line in words.splitlines() if line.strip()] or ["no output"])[-1]
        if "already in use" in reason:
            raise NameTaken(f"virt-install does not start {self._name}: {reason}")
        for said, option, hint in _TROUBLES:
            if said in reason:
                raise GoldsmithError(f"virt-install does not start {self._name}: {reason}", hint=f"{option}: {hint}")
        raise GoldsmithError(f"virt-install does not start {self._name}: {reason}")

    def _judge_state(self, state: State) -> None:
        if state.name == "crashed":
            raise self._failure(f"the guest crashed ({state.reason})")
        if state.name == "paused" and state.reason == "I/O error":
            raise self._failure("a disk of the guest cannot be written, perhaps because its host has no space left")

    def _judge_end(self, state: State | None) -> None:
        if self._seen.complete:
            return
        if state is None:
            raise self._failure("the guest was removed")
        if state.reason in ("destroyed", "crashed", "failed"):
            raise self._failure(f"the guest was {state.reason} in the middle")
        if self._marked:
            raise self._failure("the guest powered off before the last step of its installation")

    def _require_time(self) -> None:
        if self._now() > self._timeout:
            silence = self._seen.silence(self._now())
            quiet = f", and said nothing for the last {silence:.0f} s" if silence > 60 else ""
            raise self._failure(f"it did not end within {self._timeout:g} s{quiet}")

    def _failure(self, reason: str) -> GoldsmithError:
        seen = self._seen
        seen.look(self._now())
        where = f"at the step '{seen.step}'" if seen.step else "before its first step"
        called = f"; the installer says: {seen.error}" if seen.error and seen.error not in reason else ""
        called += f"; the console broke: {self._console.trouble}" if self._console.trouble else ""
        return GoldsmithError(
            f"the installation of {self._name} failed {where}: {reason}{called}; last on the console: {seen.last_line}",
            step=seen.step or None,
            percent=round(seen.percent, 1),
            console_log=os.fspath(self._console.path),
            console_tail=seen.tail(),
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    # It removes the kernel and the initrd that it copied, if it is let.
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stderr:
        process.stderr.close()
