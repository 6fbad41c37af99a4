# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The start script, from a checkout on which nothing is set up."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from helpers.tools import clean_environment, project_files, run_tool
from helpers.waiting import wait_for

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def fresh(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout, in a folder whose name has a blank, with a set-up that was killed half-way."""
    target = tmp_path_factory.mktemp("fresh") / "my checkout"
    for name in project_files(checkout):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(checkout / name, target / name)
    killed = start(target, "--version", cwd=target)
    wait_for((target / ".venv" / "bin" / "python").exists)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert not list((target / ".venv").glob("ready-*"))
    return target


@pytest.fixture(scope="module")
def ready(fresh: Path) -> Path:
    """The copy, after two starts at once, which set it up."""
    starts = [start(fresh, "--version", cwd=fresh), start(fresh, "--version", cwd=fresh)]
    outputs = [process.communicate(timeout=600)[0] for process in starts]
    assert [process.returncode for process in starts] == [0, 0], outputs
    assert sorted(output.count("setting up") for output in outputs) == [0, 1]
    return fresh


def test_only_what_playbooks_need_is_installed(ready: Path) -> None:
    assert (ready / ".venv/bin/ansible-playbook").exists()
    assert not (ready / ".venv/bin/pytest").exists()


def test_a_start_that_is_set_up_sets_up_nothing(ready: Path) -> None:
    places = [ready / ".venv", *(ready / ".venv").glob("ready-*"), *(ready / ".venv" / "bin").iterdir()]
    before = [path.stat().st_mtime_ns for path in places]
    said = run_tool([str(ready / "goldsmith"), "run", "true"], cwd=ready, environment=clean_environment())
    assert said == ""
    assert [path.stat().st_mtime_ns for path in places] == before


def test_playbooks_are_found_from_another_folder_and_write_there(ready: Path, tmp_path: Path) -> None:
    (ready / "probe.yml").write_text(
        """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.copy:
        dest: "{{ lookup('ansible.builtin.env', 'PWD') }}/made"
        content: "{{ words }}"
        mode: "0644"
"""
    )
    command = [str(ready / "goldsmith"), "playbook", "probe.yml", "-e", '{"words": "two  words"}']
    run_tool(command, cwd=tmp_path, environment=clean_environment())
    assert (tmp_path / "made").read_text() == "two  words"


def test_a_project_s_own_settings_go_first_and_know_the_collection(ready: Path, tmp_path: Path) -> None:
    (tmp_path / "ansible.cfg").write_text("[defaults]\n")
    command = [str(ready / "goldsmith"), "run", "ansible-doc", "--type", "callback", "goldsmith.openstack.progress"]
    output = run_tool(command, cwd=tmp_path, environment=clean_environment())
    assert "goldsmith.openstack.progress" in output.lower()
    assert f"config file = {tmp_path}/ansible.cfg" in run_tool(
        [str(ready / "goldsmith"), "playbook", "--version"], cwd=tmp_path, environment=clean_environment()
    )


def test_an_unknown_command_is_refused_with_the_usage(ready: Path) -> None:
    result = subprocess.run([ready / "goldsmith", "biuld"], check=False, capture_output=True, text=True)
    assert result.returncode == 2
    assert "./goldsmith playbook" in result.stderr


def test_a_file_of_tests_is_run_alone(checkout: Path) -> None:
    words = ["integration", "tests/unit/test_collection.py", "--collect-only", "--quiet"]
    said = run_tool([str(checkout / "goldsmith"), "test", *words], cwd=checkout, environment=clean_environment())
    files = {line.partition("::")[0] for line in said.splitlines() if "::" in line}
    assert files == {"tests/unit/test_collection.py"}


def start(checkout: Path, *words: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [checkout / "goldsmith", "playbook", *words],
        cwd=cwd,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
