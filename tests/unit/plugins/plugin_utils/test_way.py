# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to another machine, here by Ansible's connection local."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleError
from ansible.playbook.play_context import PlayContext
from helpers.waiting import PATIENCE, wait_for

from ansible_collections.goldsmith.openstack.plugins.plugin_utils import _way

HERE = {"ansible_connection": "local"}
_WAIT = """
import sys
from ansible_collections.goldsmith.openstack.plugins.plugin_utils import _way
from ansible.playbook.play_context import PlayContext
_way.end_with_children()
way = _way.Way({"ansible_connection": "local"}, PlayContext())
# The connection starts a shell that starts this one.
way.run(["sh", "-c", 'echo $PPID >"$0"; while kill -0 $PPID 2>/dev/null; do sleep 0.1; done', sys.argv[1]], b"x")
"""


def test_words_data_and_streams() -> None:
    way = _way.Way(HERE, PlayContext())
    words = ["sh", "-c", 'cat; echo "$1" >&2; exit 3', "sh", "two  words; $(x)"]
    assert way.run(words, b"\0in\xff") == (3, b"\0in\xff", b"two  words; $(x)\n")
    way.close()


@pytest.mark.parametrize(
    ("variables", "away"),
    [
        ({}, False),
        (HERE, False),
        ({"ansible_connection": "ansible.builtin.local"}, False),
        ({**HERE, "ansible_become": "no"}, False),
        ({**HERE, "ansible_become": "yes"}, True),
        ({"ansible_host": "builder"}, True),
        ({"ansible_connection": "ssh"}, True),
    ],
)
def test_where_it_leads(variables: dict[str, Any], away: bool) -> None:
    assert _way.leads_away(variables) is away


def test_the_python_there() -> None:
    for given, python in ((None, "python3"), ("auto_silent", "python3"), ("/opt/python", "/opt/python")):
        assert _way.Way({**HERE, "ansible_python_interpreter": given}, PlayContext()).python == python


@pytest.mark.parametrize(
    ("variables", "fault"),
    [
        ({"ansible_connection": "no.such.one"}, "ansible_connection=no.such.one: is not known"),
        (
            {**HERE, "ansible_become": True, "ansible_become_method": "no.such.one"},
            "ansible_become_method=no.such.one: is not known",
        ),
    ],
)
def test_what_is_not_known(variables: dict[str, Any], fault: str) -> None:
    with pytest.raises(AnsibleError, match=fault):
        _way.Way(variables, PlayContext())


def test_its_programs_end_with_it(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.environ["ANSIBLE_COLLECTIONS_PATH"]}
    process = subprocess.Popen([sys.executable, "-c", _WAIT, str(tmp_path / "pid")], env=environment)
    wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 128 + signal.SIGTERM
    wait_for(lambda: not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists())


def test_the_time_limit_of_a_task_ends_its_programs_and_no_others(tmp_path: Path) -> None:
    def on_alarm(signum: int, frame: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, on_alarm)
    other = subprocess.Popen(["sleep", "1000"])
    words = ["sh", "-c", 'echo $PPID >"$0"; while kill -0 $PPID 2>/dev/null; do sleep 0.1; done', str(tmp_path / "pid")]
    try:
        signal.setitimer(signal.ITIMER_REAL, 1)
        with pytest.raises(TimeoutError):
            _way.Way(HERE, PlayContext()).run(words, b"x")
        stat = Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}/stat")
        # Nobody waits for it any more.
        wait_for(lambda: not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z")
        assert other.poll() is None
    finally:
        signal.signal(signal.SIGALRM, before)
        other.kill()
        other.wait()
