# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module ends with the run that started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.waiting import wait_for

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import lifeline
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.lifeline import run_processes

# A process called ansible-..., and its worker, which starts a module that says how it ended; the worker may wait for
# the end of the first one before.
RUN = """
import os, subprocess, sys, time
run = os.getpid()
if os.fork() == 0:
    while sys.argv[4] == "late" and os.getppid() == run:
        time.sleep(0.01)
    subprocess.call([sys.executable, "-c", sys.argv[2], "module", sys.argv[3]], stdin=subprocess.DEVNULL)
    sys.exit()
sys.stdin.read()
"""
MODULE = f"""
import sys, time
sys.path[:0] = {sys.path!r}
from ansible_collections.goldsmith.openstack.plugins.module_utils._host import lifeline
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import Interrupted
said = open(sys.argv[2], "w", buffering=1)
try:
    lifeline.hold()
    said.write("ready\\n")
    time.sleep(30)
except Interrupted as reason:
    said.write(f"{{reason}}\\n")
"""


def start(tmp_path: Path, name: str = "ansible-playbook", when: str = "now") -> tuple[subprocess.Popen[bytes], Path]:
    said, program = tmp_path / "said", tmp_path / name
    program.write_text(RUN)
    command = [sys.executable, str(program), "ansible.yml", MODULE, str(said), when]
    run = subprocess.Popen(command, stdin=subprocess.PIPE)
    if when == "now":
        wait_for_text(said, "ready")
    else:
        wait_for_text(Path(f"/proc/{run.pid}/task/{run.pid}/children"), " ")  # the worker
    return run, said


def module_of(run: subprocess.Popen[bytes]) -> tuple[int, int]:
    """Return the pids of the worker and of the module."""
    worker = child(run.pid)
    return worker, child(worker)


def child(pid: int) -> int:
    (found,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(found)


def wait_for_text(path: Path, text: str) -> None:
    wait_for(lambda: path.exists() and text in path.read_text())


def test_the_end_of_the_run_interrupts_the_module(tmp_path: Path) -> None:
    run, said = start(tmp_path)
    run.send_signal(signal.SIGKILL)
    run.wait()
    wait_for_text(said, "stopped, because the playbook run ended")


def test_a_module_that_starts_after_the_end_of_the_run_does_nothing(tmp_path: Path) -> None:
    run, said = start(tmp_path, when="late")
    run.send_signal(signal.SIGKILL)
    run.wait()
    wait_for_text(said, "stopped, because the playbook run ended")
    assert "ready" not in said.read_text()


def test_the_processes_of_the_run_are_found(tmp_path: Path) -> None:
    run, said = start(tmp_path)
    try:
        worker, module = module_of(run)
        assert run_processes(module)[:2] == [worker, run.pid]
    finally:
        run.kill()
        run.wait()
    wait_for_text(said, "stopped")


def test_a_program_that_only_speaks_of_ansible_is_no_run(tmp_path: Path) -> None:
    run, _said = start(tmp_path, "pytest")
    worker, module = module_of(run)
    try:
        assert not {worker, run.pid} & set(run_processes(module))
    finally:
        os.kill(module, signal.SIGKILL)
        run.kill()
        run.wait()


def test_a_script_named_like_ansible_is_no_run(tmp_path: Path) -> None:
    said, program = tmp_path / "said", tmp_path / "ansible-nightly.sh"
    program.write_text('#!/bin/sh\n"$@"\n:\n')
    program.chmod(0o700)
    command = [str(program), sys.executable, "-c", MODULE, "module", str(said)]
    run = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        wait_for_text(said, "ready")
        module = child(run.pid)
        assert run.pid not in run_processes(module)
        os.kill(module, signal.SIGKILL)
    finally:
        run.kill()
        run.wait()
    assert said.read_text() == "ready\n"


def test_one_ancestor_alone_does_not_end_the_module(tmp_path: Path) -> None:
    said, program = tmp_path / "said", tmp_path / "ansible-playbook"
    program.write_text("import subprocess, sys\nsubprocess.call([sys.executable, '-c', *sys.argv[1:]])")
    run = subprocess.Popen([sys.executable, str(program), MODULE, "module", str(said)], stdin=subprocess.DEVNULL)
    try:
        wait_for_text(said, "ready")
        assert run_processes(child(run.pid))[:1] == [run.pid]
    finally:
        run.kill()
        run.wait()
    wait_for_text(said, "ready\nstopped, because the playbook run ended")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("ansible-playbook site.yml", True),
        ("/usr/bin/python3 /usr/bin/ansible-playbook site.yml", True),
        ("/usr/bin/python3 -sP /usr/bin/ansible-playbook site.yml", True),
        ("python3.12 -X dev -W error /opt/bin/ansible -m ping all", True),
        ("python3 -m ansible playbook site.yml", True),
        ("python3 /usr/bin/ansible-console", True),
        ("python3 /usr/bin/ansible-pull -U x", True),
        ("/bin/sh ./ansible-nightly.sh", False),
        ("python3 ansible_report.py", False),
        ("python3 -m pytest ansible-playbook", False),
        ("/usr/bin/ansible-lint site.yml", False),
        ("su - ansible", False),
        ("vi ansible-playbook", False),
        ("python3", False),
        ("", False),
    ],
)
def test_programs_of_ansible(command: str, expected: bool) -> None:
    words = [word.encode() for word in command.split(" ")]
    assert lifeline._is_ansible([*words, b""]) is expected


def test_init_belongs_to_no_run() -> None:
    assert run_processes(1) == []
    assert os.getpid() not in run_processes()


WORKER = """\
import os, sys, time
sys.path[:0] = eval(sys.argv[2])
from ansible_collections.goldsmith.openstack.plugins.module_utils._host import lifeline
playbook, (asked, answer) = os.getpid(), os.pipe()
if os.fork():
    os.read(asked, 1)
    os._exit(0)
before = lifeline.has_lost_its_run()
os.write(answer, b"x")
while os.getppid() == playbook:
    time.sleep(0.02)
with open(sys.argv[1], "w") as said:
    said.write(f"{before} {lifeline.has_lost_its_run()}\\n")
"""


@pytest.mark.parametrize(("name", "known"), [("ansible-playbook", True), ("some-service", False)])
def test_a_worker_knows_that_its_playbook_has_ended(tmp_path: Path, name: str, known: bool) -> None:
    program, said = tmp_path / name, tmp_path / "said"
    program.write_text(WORKER)
    subprocess.run([sys.executable, program, said, repr(sys.path)], check=True)
    wait_for_text(said, f"False {known}\n")
