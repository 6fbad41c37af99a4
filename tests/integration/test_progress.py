# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The callback progress in a real run: on a terminal, and without one."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.tools import clean_environment, tool
from helpers.waiting import PATIENCE

PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  tasks:
    - name: Long work
      ansible.builtin.command:
        argv: ["{{ ansible_playbook_python }}", worker.py]
    - name: Result
      ansible.builtin.set_fact:
        made: true
"""
WORKER = f"""
import sys, time
sys.path[:0] = {sys.path!r}
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.progress import Progress
progress = Progress("convert disk", 100 << 20)
for step in range(12):
    progress(step * (5 << 20))
    time.sleep(0.15)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "playbook.yml").write_text(PLAYBOOK)
    (tmp_path / "worker.py").write_text(WORKER)
    (tmp_path / "local").mkdir()
    return tmp_path


def environment(folder: Path) -> dict[str, str]:
    return {
        **clean_environment(),
        "ANSIBLE_CALLBACKS_ENABLED": "goldsmith.openstack.progress",
        "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"],
        "ANSIBLE_LOCAL_TEMP": str(folder / "local"),
        "GOLDSMITH_PROGRESS_INTERVAL": "0.5",
        "TERM": "xterm",
        "COLUMNS": "60",
    }


# Uploads to two clouds, as the threads of one module make them.
SIDE_BY_SIDE = WORKER.replace(
    'progress = Progress("convert disk", 100 << 20)',
    """
both = [Progress(f"upload disk to {cloud}", 100 << 20) for cloud in ("north", "south")]
progress = lambda done: [one(done) for one in both]
""",
)


def start(folder: Path, stdout: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [tool("ansible-playbook"), "playbook.yml"], cwd=folder, env=environment(folder), stdout=stdout
    )


def end(process: subprocess.Popen[bytes], folder: Path) -> None:
    assert process.wait(timeout=PATIENCE) == 0
    assert not [path for path in (folder / "local").rglob("*") if path.is_file()]


def test_plain_lines_and_a_summary(folder: Path) -> None:
    with (folder / "output").open("wb") as output:
        end(start(folder, output.fileno()), folder)
    text = (folder / "output").read_text()
    assert "\x1b" not in text
    assert 2 <= text.count("\nconvert disk  ") <= 6
    assert "MiB of 100.0 MiB" in text
    summary = text[text.index("SUMMARY") :]
    assert "s  Long work\n" in summary
    assert "s  1 shorter steps\n" in summary
    assert "of it Ansible and small tasks" in summary


def test_work_side_by_side_has_plain_lines_each(folder: Path) -> None:
    (folder / "worker.py").write_text(SIDE_BY_SIDE)
    with (folder / "output").open("wb") as output:
        end(start(folder, output.fileno()), folder)
    said = [line for line in (folder / "output").read_text().splitlines() if line.startswith("upload disk to ")]
    assert len(said) >= 4
    assert [line.split()[3] for line in said[:4]] == ["north", "south", "north", "south"]


def test_work_side_by_side_has_painted_lines_each(folder: Path) -> None:
    (folder / "worker.py").write_text(SIDE_BY_SIDE)
    text = painted(folder)
    states = text[text.index("upload disk to north") : text.index("changed: [localhost]")].split("\r\x1b[K\x1b[A\x1b[K")
    assert len(states) > 3
    # Both are painted, and what comes after finds both cleared.
    assert all("to north" in state and "to south" in state for state in states[:-1])
    assert "upload" not in states[-1]


def test_one_repainted_line_on_a_terminal(folder: Path) -> None:
    text = painted(folder)
    body = text[text.index("Long work") : text.index("PLAY RECAP")].split("\r\n")
    lines = [line for line in body if "convert disk" in line]
    # All on one line, which others then find cleared, and never wider than the terminal.
    assert len(lines) == 1
    states = lines[0].split("\r\x1b[K")
    assert len(states) > 3
    assert all(len(state) < 60 for state in states if "convert disk" in state)
    assert "changed: [localhost]" in states[-1]


def painted(folder: Path) -> str:
    """What a run writes to a terminal."""
    master, slave = pty.openpty()
    process = start(folder, slave)
    os.close(slave)
    text = ""
    try:
        while block := os.read(master, 65536):
            text += block.decode()
    except OSError:
        pass  # the end of a terminal without writers
    finally:
        os.close(master)
    end(process, folder)
    return text
