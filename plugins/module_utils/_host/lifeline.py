# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module ends when the playbook run that started it is gone."""

from __future__ import annotations

import os
import select
import signal
import threading

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import Interrupted

# Of ansible-runner, ansible-navigator and molecule the playbooks are run by these as well.
_PROGRAMS = (b"ansible", b"ansible-console", b"ansible-playbook", b"ansible-pull")
# PF_FORKNOEXEC of the kernel.
_FORKED = 0x40


def hold() -> None:
    """Turn the end of ansible-playbook, or SIGTERM, into Interrupted in the main thread, so that all is cleaned up.

    Ansible's own workers outlive an ansible-playbook that was killed with -9, and so would our work.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    over = False
    descriptors = []
    for pid in run_processes():
        try:
            descriptors.append(os.pidfd_open(pid))
        except ProcessLookupError:
            over = True
        except OSError:
            continue
    # It may have ended before we could look.
    if over or has_lost_its_run():
        _end()
    if descriptors:
        threading.Thread(target=_watch, args=(descriptors,), daemon=True).start()


def has_lost_its_run() -> bool:
    """Return whether this process is, or was started by, a worker of Ansible whose ansible-playbook has ended."""
    run = run_processes()
    own = [os.getpid()] if _is_ansible(_read("/proc/self/cmdline").split(b"\0")) else []
    return any(_is_forked(pid) and _parent(pid) not in run for pid in (*own, *run))


def run_processes(pid: int | None = None) -> list[int]:
    """Return the ancestors that belong to the ansible run, the nearest first; empty on a remote host."""
    found: list[int] = []
    current = _parent(pid or os.getpid())
    # In a container ansible-playbook may be process 1.
    while current > 0:
        if _is_ansible(_read(f"/proc/{current}/cmdline").split(b"\0")):
            found.append(current)
        current = _parent(current)
    return found


def run_owner() -> tuple[int, str]:
    """Return pid and start time (in clock ticks since boot) of the process that stands for this whole run.

    On a remote host that is the ssh session, which outlives the single task.
    """
    pid = next(reversed(run_processes()), None) or _session() or os.getppid()
    return pid, start_time(pid)


def start_time(pid: int) -> str:
    """Return when a process began, in clock ticks since boot; empty when there is none of that number."""
    fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    return fields[19].decode() if len(fields) > 19 else ""


def _is_ansible(words: list[bytes]) -> bool:
    """Return whether an argv is that of a program of Ansible; its workers have the same."""
    program, *arguments = words
    if os.path.basename(program) in _PROGRAMS:
        return True
    if not os.path.basename(program).startswith(b"python"):
        return False
    while arguments and arguments[0].startswith(b"-"):
        if arguments[0] == b"-m":
            return arguments[1:2] == [b"ansible"]
        # An option with its value as a word of its own.
        del arguments[: 2 if arguments[0] in (b"-X", b"-W") else 1]
    return bool(arguments) and os.path.basename(arguments[0]) in _PROGRAMS


def _is_forked(pid: int) -> bool:
    """Return whether a process runs the program of its parent, as a worker of Ansible does."""
    fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    return len(fields) > 6 and bool(int(fields[6]) & _FORKED)


def _session() -> int:
    current = _parent(os.getpid())
    while current > 1:
        if _read(f"/proc/{current}/comm").startswith(b"sshd"):
            return current
        current = _parent(current)
    return 0


def _interrupt(signum: int, frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Interrupted("stopped, because the playbook run ended")


def _watch(descriptors: list[int]) -> None:
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    poll.poll()
    _end()


def _end() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def _parent(pid: int) -> int:
    # The name in parentheses may hold blanks: count from its end.
    fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    return int(fields[1]) if len(fields) > 1 else 0


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
