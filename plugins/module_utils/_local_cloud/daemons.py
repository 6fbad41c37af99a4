# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that go on running after the module that started them."""

from __future__ import annotations

import hashlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import missing_program


@dataclass(frozen=True)
class Daemon:
    """One long-lived program. Its process is known by pid, start time and boot, so a foreign one is never touched.

    *record* is the file that says which process it is; *version* changes when a running one must be replaced.
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    record: Path
    log: Path
    version: str = ""
    grace: float = field(default=10.0)

    def pid(self) -> int | None:
        """Return the pid of the running process, or None."""
        known = self._read()
        pid, identity = known.get("pid"), known.get("identity")
        # One that ended before it was looked at has no identity, and is not alive.
        return pid if isinstance(pid, int) and identity and identity == _identity(pid) else None

    def current(self) -> bool:
        """Return whether it runs with the same arguments, environment and version as it would be started with now."""
        return self.pid() is not None and self._read().get("fingerprint") == self._fingerprint()

    def start(self) -> int:
        """Start the program in a session of its own, its output appended to the log; return the pid."""
        self.record.parent.mkdir(parents=True, exist_ok=True)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "ab") as log:
            try:
                process = subprocess.Popen(
                    self.argv,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=dict(self.environment),
                    cwd=self.record.parent,
                    start_new_session=True,
                )
            except FileNotFoundError:
                raise missing_program(self.argv[0]) from None
        known = {"pid": process.pid, "identity": _identity(process.pid), "fingerprint": self._fingerprint()}
        partial = self.record.with_suffix(".partial")
        partial.write_text(json.dumps(known), encoding="utf-8")
        partial.replace(self.record)
        return process.pid

    def stop(self) -> bool:
        """End the process and all of its session; return whether there was one."""
        pid = self.pid()
        if pid is not None:
            self._end(pid)
        self._end_orphans()
        self.record.unlink(missing_ok=True)
        return pid is not None

    def last_lines(self, count: int = 15) -> list[str]:
        """Return the last lines of the log."""
        try:
            with open(self.log, "rb") as log:
                log.seek(max(0, os.path.getsize(self.log) - 64 * 1024))
                return log.read().decode("utf-8", "replace").splitlines()[-count:]
        except OSError:
            return []

    def _end(self, pid: int) -> None:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        try:
            # The handle is of this process whatever becomes of the number; look once more before the first signal.
            if self.pid() != pid:
                return
            signal.pidfd_send_signal(handle, signal.SIGTERM)
            if not _ended(handle, self.grace):
                os.killpg(pid, signal.SIGKILL)
                if not _ended(handle, self.grace):
                    raise GoldsmithError(f"{self.name} (process {pid}) does not end, not even when killed")
        except ProcessLookupError:
            pass
        finally:
            os.close(handle)
            _reap(pid)

    def _end_orphans(self) -> None:
        # Of a process that was killed its children live on for a while, and keep its port.
        known = self._read()
        pid, identity = known.get("pid"), str(known.get("identity"))
        if not isinstance(pid, int) or identity.partition("/")[0] != _boot() or _identity(pid) is not None:
            return
        # The number cannot be another session's while these are in it.
        for orphan in _session(pid):
            try:
                os.kill(orphan, signal.SIGKILL)
            except ProcessLookupError:
                continue
            wait_until_gone(orphan, self.grace)

    def _fingerprint(self) -> str:
        what = [list(self.argv), sorted(self.environment.items()), self.version]
        return hashlib.sha256(json.dumps(what).encode()).hexdigest()

    def _read(self) -> dict[str, object]:
        try:
            return json.loads(self.record.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}


def wait_until_gone(pid: int, seconds: float) -> bool:
    """Return whether the process *pid* ended within that time."""
    deadline = time.monotonic() + seconds
    while _identity(pid) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _identity(pid: int) -> str | None:
    # A pid is used again, a pid with its start time within one boot is not.
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        boot = _boot()
    except OSError:
        return None
    # Field 3 is the state, field 22 the start time; a zombie is dead, only nobody asked for its status yet.
    return None if fields[0] in ("Z", "X") else f"{boot}/{fields[19]}"


def _boot() -> str:
    with open("/proc/sys/kernel/random/boot_id", encoding="utf-8") as file:
        return file.read().strip()


def _session(leader: int) -> list[int]:
    """Return the processes of a session."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                if os.getsid(int(entry.name)) == leader:
                    found.append(int(entry.name))
            except ProcessLookupError:
                continue
    return found


def _ended(handle: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(int(seconds * 1000)))


def _reap(pid: int) -> None:
    # Only where this very process started it.
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass
