# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Live progress and a summary."""

from __future__ import annotations

DOCUMENTATION = """
name: progress
type: notification
short_description: Shows what long work is doing, and tells durations and sizes at the end
version_added: 1.0.0
author: Goldsmith contributors (@goldsmith)
description:
  - While a module of this collection works for long, shows its label, percent, bytes, speed and time left. On a
    terminal that is one line that is painted again and again; otherwise a plain line every few seconds. Work that goes
    on side by side, uploads to several clouds for example, has a line each.
  - At the end, tells how long the steps took, and the sizes of the files and images that were made; and of a host that
    could not be reached any more, in which task that was, and why.
  - Works beside any stdout callback. Shows the progress of modules that run on this machine without a change of user.
requirements:
  - Enabled by C(callbacks_enabled=goldsmith.openstack.progress) in C(ansible.cfg).
options:
  interval:
    description: Seconds between two plain lines, where the output is not a terminal.
    type: float
    default: 10
    env:
      - name: GOLDSMITH_PROGRESS_INTERVAL
    ini:
      - section: callback_goldsmith_progress
        key: interval
  threshold:
    description: Steps shorter than this, in seconds, are told as one in the summary; so short a run has no summary.
    type: float
    default: 1
    env:
      - name: GOLDSMITH_PROGRESS_THRESHOLD
    ini:
      - section: callback_goldsmith_progress
        key: threshold
"""

import os
import shutil
import sys
import tempfile
import threading
import time
from typing import Any

from ansible import constants
from ansible.plugins.callback import CallbackBase

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.progress import PROGRESS_FILE
from ansible_collections.goldsmith.openstack.plugins.plugin_utils._meter import Meters
from ansible_collections.goldsmith.openstack.plugins.plugin_utils._summary import Summary

_POLL = 0.2


class CallbackModule(CallbackBase):
    """The notification callback goldsmith.openstack.progress."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "goldsmith.openstack.progress"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._summary = Summary(time.monotonic())
        self._tail: _Tail | None = None
        self._unreachable: list[str] = []

    def v2_playbook_on_start(self, playbook: Any) -> None:
        self._tail = _Tail(self._display, float(self.get_option("interval")))
        self._tail.start()

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._summary.begin(task.get_name(), time.monotonic())

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        self._summary.begin(task.get_name(), time.monotonic())

    def v2_runner_on_ok(self, result: Any) -> None:
        self._summary.hear(result.host.get_name(), result.result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._summary.hear(result.host.get_name(), result.result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        cause = " ".join(str(result.result.get("msg", "")).split())
        self._unreachable.append(
            f"{result.host.get_name()} could not be reached in the task {result.task_name}: {cause}"
        )

    def v2_playbook_on_stats(self, stats: Any) -> None:
        if self._tail:
            self._tail.stop()
            self._tail = None
        lines = [*self._unreachable, *self._summary.lines(time.monotonic(), float(self.get_option("threshold")))]
        if lines:
            self._display.banner("SUMMARY")
            for line in lines:
                self._display.display(line)


class _Tail:
    """A thread that reads the progress file and paints, in the main process only."""

    def __init__(self, display: Any, interval: float) -> None:
        self._display = display
        self._interval = interval
        self._meters = Meters()
        self._painted = 0
        self._spoken = time.monotonic()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="goldsmith-progress", daemon=True)
        descriptor, self._path = tempfile.mkstemp(prefix="goldsmith-progress-", dir=constants.DEFAULT_LOCAL_TMP)
        self._file = os.fdopen(descriptor, "rb", buffering=0)

    def start(self) -> None:
        os.environ[PROGRESS_FILE] = self._path
        if _terminal():
            self._clear_before_others_speak()
        # The thread does not exist in a forked worker: nor may the worker paint, or clear what it did not paint.
        os.register_at_fork(after_in_child=self._leave)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, and remove the lines and the file."""
        self._stopped.set()
        self._thread.join()
        os.environ.pop(PROGRESS_FILE, None)
        self._file.close()
        try:
            os.unlink(self._path)
        except FileNotFoundError:
            pass

    def _leave(self) -> None:
        self._stopped.set()
        self._painted = 0

    def _run(self) -> None:
        while not self._stopped.wait(_POLL):
            self._meters.feed(self._file.read() or b"", time.monotonic())
            for pid in self._meters.pids:
                if not _alive(pid):
                    self._meters.forget(pid)
            self._show(self._meters.lines())
        self._show([])

    def _show(self, lines: list[str]) -> None:
        if _terminal():
            # Ansible forks its workers while it holds this lock, so no worker is born in the middle of a line.
            with self._display._lock:
                self._clear()
                if lines:
                    width = shutil.get_terminal_size().columns - 1
                    sys.stdout.write("\n".join(line[:width] for line in lines))
                    self._painted = len(lines)
                sys.stdout.flush()
        elif lines and time.monotonic() - self._spoken >= self._interval:
            self._spoken = time.monotonic()
            for line in lines:
                self._display.display(line)

    def _clear(self) -> None:
        if self._painted:
            # The cursor is at the end of the last line: each is emptied, from there up to the first.
            sys.stdout.write("\r\x1b[K" + "\x1b[A\x1b[K" * (self._painted - 1))
            self._painted = 0

    def _clear_before_others_speak(self) -> None:
        speak = self._display.display

        def display(*args: Any, **kwargs: Any) -> None:
            with self._display._lock:
                self._clear()
                speak(*args, **kwargs)

        self._display.display = display


def _terminal() -> bool:
    return sys.stdout.isatty()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
