# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from helpers.waiting import wait_for

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._local_cloud import daemons
from ansible_collections.goldsmith.openstack.plugins.module_utils._local_cloud.daemons import Daemon, wait_until_gone

SLEEP = "import time; print('up', flush=True); time.sleep(60)"
PARENT = "import subprocess; print(subprocess.Popen(['sleep', '60']).pid, flush=True); print('up', flush=True)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


@pytest.fixture
def make(tmp_path: Path):
    """Make daemons, and end those that the test leaves."""
    made: list[Daemon] = []

    def daemon(code: str = SLEEP, **fields: object) -> Daemon:
        options = {"environment": {}, "record": tmp_path / "run" / "it.json", "log": tmp_path / "it.log", "grace": 0.5}
        made.append(Daemon("it", (sys.executable, "-c", code), **{**options, **fields}))
        return made[-1]

    yield daemon
    for one in made:
        one.stop()


def until_up(daemon: Daemon) -> None:
    wait_for(lambda: "up" in daemon.last_lines())


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize("code", [SLEEP, STUBBORN])
def test_it_runs_until_it_is_stopped(make, code: str) -> None:
    daemon = make(code)
    assert daemon.pid() is None
    pid = daemon.start()
    until_up(daemon)
    assert daemon.pid() == pid
    # A session of its own: what ends the module does not end it.
    assert os.getsid(pid) == pid
    assert daemon.stop()
    assert gone(pid)
    assert daemon.pid() is None
    assert not daemon.stop()


def test_another_start_is_known_by_arguments_environment_and_version(make) -> None:
    make().start()
    assert make().current()
    assert not make(environment={"A": "1"}).current()
    assert not make(version="2").current()
    assert not make(SLEEP + "\n").current()


def test_a_foreign_process_with_the_pid_is_left_alone(make, tmp_path: Path) -> None:
    daemon = make()
    pid = daemon.start()
    record = tmp_path / "run" / "it.json"
    text = record.read_text()
    daemon.stop()
    # The number lives on in another process: this very one.
    record.write_text(text.replace(f'"pid": {pid}', f'"pid": {os.getpid()}'))
    assert daemon.pid() is None
    assert not daemon.stop()


def test_the_children_of_one_that_was_killed_are_ended(make) -> None:
    daemon = make(PARENT)
    leader = daemon.start()
    until_up(daemon)
    child = int(daemon.last_lines()[0])
    os.waitpid(leader, 0)
    assert daemon.pid() is None
    assert not wait_until_gone(child, 0)
    daemon.stop()
    assert wait_until_gone(child, 0)


def test_its_children_end_with_it(make) -> None:
    # The signal that ends it is for itself alone.
    daemon = make(f"{PARENT}; import time; time.sleep(60)")
    daemon.start()
    until_up(daemon)
    child = int(daemon.last_lines()[0])
    assert daemon.stop()
    assert wait_until_gone(child, 0)


def test_one_that_ended_is_known_to_have_ended(make) -> None:
    daemon = make("print('bad luck')")
    daemon.start()
    # Nobody asked for its status, so it is a zombie, which does not count as alive.
    wait_for(lambda: daemon.pid() is None)
    assert daemon.last_lines() == ["bad luck"]


def test_one_that_ended_before_it_was_looked_at_is_not_alive(make, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = make("print('bad luck')")
    monkeypatch.setattr(daemons, "_identity", lambda pid: None)
    daemon.start()
    assert daemon.pid() is None


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    daemon = Daemon("it", ("no-such-program",), {}, tmp_path / "it.json", tmp_path / "it.log")
    with pytest.raises(GoldsmithError, match="no-such-program is not installed"):
        daemon.start()
