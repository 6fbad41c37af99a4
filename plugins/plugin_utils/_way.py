# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to another machine: a connection of Ansible's own, with the variables that an inventory has for that host."""

from __future__ import annotations

import os
import shlex
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from ansible import constants, context
from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import become_loader, connection_loader


class Way:
    """Runs programs on the machine that *variables* reach; *play_context* has the passwords of the command line."""

    def __init__(self, variables: Mapping[str, Any], play_context: PlayContext) -> None:
        name = _of_connection(variables)
        self._connection = connection_loader.get(
            name, play_context, task_uuid="", ansible_playbook_pid=str(os.getppid())
        )
        if self._connection is None:
            raise AnsibleError(f"ansible_connection={name}: is not known; see ansible-doc -t connection -l")
        self._connection.set_options(var_options=variables)
        self._become = None
        if _becomes(variables):
            name = str(variables.get("ansible_become_method") or constants.DEFAULT_BECOME_METHOD)
            self._become = become_loader.get(name)
            if self._become is None:
                raise AnsibleError(f"ansible_become_method={name}: is not known; see ansible-doc -t become -l")
            password = play_context.become_pass
            self._become.set_options(task_keys={"become_pass": password} if password else None, var_options=variables)
            self._connection.set_become_plugin(self._become)
        found = str(variables.get("ansible_python_interpreter") or "auto")
        # What Ansible would look for; we need any Python 3.
        self.python = "python3" if found.startswith("auto") else found

    def run(self, words: Sequence[str], data: bytes) -> tuple[int, bytes, bytes]:
        """Run a program with *data*, which is not empty, on its stdin; return its exit status, stdout and stderr."""
        # With data on stdin ssh takes no terminal, which would change what goes through.
        command = shlex.join(words)
        if self._become:
            command = self._become.build_become_command(command, self._connection._shell)
        others = _children()
        try:
            return self._connection.exec_command(command, in_data=data, sudoable=True)
        except BaseException:  # such as the time limit of a task
            _end(_children() - others)
            raise

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def leads_away(variables: Mapping[str, Any]) -> bool:
    """Return whether what these variables reach is another machine than this one, or another account on it."""
    return bool(variables) and (
        _of_connection(variables) not in ("local", "ansible.builtin.local") or _becomes(variables)
    )


def end_with_children() -> None:
    """On SIGTERM let the programs that this process has started end before it: ssh, whose far end notices that."""
    before = signal.getsignal(signal.SIGTERM)

    def on_signal(signum: int, frame: FrameType | None) -> None:
        _end(_children())
        if callable(before):
            before(signum, frame)
        os._exit(128 + signum)

    signal.signal(signal.SIGTERM, on_signal)


def _children() -> set[int]:
    """Return the processes that this one has started."""
    return {int(pid) for path in Path("/proc/self/task").glob("*/children") for pid in path.read_text().split()}


def _end(pids: set[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def _of_connection(variables: Mapping[str, Any]) -> str:
    given = variables.get("ansible_connection") or context.CLIARGS.get("connection")
    return str(given or constants.DEFAULT_TRANSPORT)


def _becomes(variables: Mapping[str, Any]) -> bool:
    return boolean(variables.get("ansible_become", context.CLIARGS.get("become") or False))
