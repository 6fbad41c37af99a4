# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The callback progress: what it shows, and what it leaves."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from helpers.waiting import wait_for

from ansible_collections.goldsmith.openstack.plugins.callback import progress
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.progress import PROGRESS_FILE, Progress


class Screen:
    """Stands for Ansible's Display: a lock, and lines."""

    verbosity = 0

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.lines: list[str] = []

    def display(self, text: str, **_more: Any) -> None:
        self.lines.append(text)

    def banner(self, text: str) -> None:
        self.lines.append(f"[{text}]")


class Run:
    """A run of the callback, as Ansible would drive it."""

    def __init__(self, interval: float = 0.0) -> None:
        self.screen = Screen()
        options = {"interval": interval, "threshold": 0.1}
        self.callback = progress.CallbackModule(display=self.screen)
        self.callback.get_option = options.__getitem__
        self.callback.v2_playbook_on_start(None)

    def wait_for(self, text: str) -> None:
        wait_for(lambda: any(text in line for line in self.screen.lines))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Run]:
    monkeypatch.setattr(progress.constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    monkeypatch.delenv(PROGRESS_FILE, raising=False)
    started = Run()
    yield started
    started.callback.v2_playbook_on_stats(None)


def test_a_module_s_progress_is_shown_as_plain_lines(run: Run) -> None:
    Progress("convert disk", 100, "%")(25, "zstd")
    run.wait_for("convert disk  25 %  zstd")


def test_at_the_end_neither_file_nor_thread_nor_variable_is_left(run: Run, tmp_path: Path) -> None:
    assert Path(os.environ[PROGRESS_FILE]).parent == tmp_path
    run.callback.v2_playbook_on_stats(None)
    assert PROGRESS_FILE not in os.environ
    assert not list(tmp_path.iterdir())
    assert "goldsmith-progress" not in {thread.name for thread in threading.enumerate()}


def test_the_work_of_a_process_that_died_is_not_shown_for_ever(run: Run) -> None:
    pid = os.fork()
    if pid == 0:
        Progress("doomed", 100, "%")(1)
        os._exit(0)
    os.waitpid(pid, 0)
    time.sleep(0.5)
    run.screen.lines.clear()
    time.sleep(0.5)
    assert not run.screen.lines


def test_on_a_terminal_the_line_is_painted_and_cleared_before_others_speak(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress.constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    run = Run()
    Progress("convert disk", 100, "%")(25)

    def painted() -> str:
        with run.screen._lock:
            return capsys.readouterr().out

    shown = ""
    while "convert disk  25 %" not in shown:
        shown += wait_for(painted)
    assert not run.screen.lines
    run.screen.display("changed: [localhost]")
    shown = painted()
    assert "\r\x1b[K" in shown
    run.callback.v2_playbook_on_stats(None)
    assert (shown + painted()).endswith("\r\x1b[K")


def test_summary_comes_last(run: Run) -> None:
    task = SimpleNamespace(get_name=lambda: "goldsmith.openstack.disk_image : Make the disk")
    result = SimpleNamespace(
        host=SimpleNamespace(get_name=lambda: "localhost"),
        result={"elapsed": 0.2, "artifacts": [{"path": "dist/x.raw", "size": 1 << 30}]},
    )
    run.callback.v2_playbook_on_task_start(task, False)
    time.sleep(0.2)
    run.callback.v2_runner_on_ok(result)
    run.callback.v2_playbook_on_stats(None)
    text = "\n".join(run.screen.lines)
    assert text.index("[SUMMARY]") < text.index("disk_image : Make the disk") < text.index("1.0 GiB  dist/x.raw")


def test_a_host_that_cannot_be_reached_is_told_with_task_and_cause(run: Run) -> None:
    result = SimpleNamespace(
        host=SimpleNamespace(get_name=lambda: "image_system"), task_name="greeter : Copy", result={"msg": "no\nroute"}
    )
    run.callback.v2_runner_on_unreachable(result)
    run.callback.v2_playbook_on_stats(None)
    assert "image_system could not be reached in the task greeter : Copy: no route" in run.screen.lines
