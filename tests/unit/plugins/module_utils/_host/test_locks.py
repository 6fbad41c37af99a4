# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one lock between processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import locks
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.locks import FOLDER, locked, take

# Counts up the number in a file; the file of the lock is another one each time.
COUNT = """
import sys
from pathlib import Path
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.locks import locked
number = Path(sys.argv[1])
for turn in range(50):
    with locked(sys.argv[1] + ".lock", remove=True):
        number.write_text(str(int(number.read_text()) + 1))
"""
HOLD = """
import sys, time
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.locks import take
take(sys.argv[1])
print("held", flush=True)
time.sleep(60)
"""


def start(program: str, path: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True, env=environment
    )


def test_one_at_a_time_though_each_removes_the_file(tmp_path: Path) -> None:
    number = tmp_path / "number"
    number.write_text("0")
    counters = [start(COUNT, number) for _turn in range(4)]
    for counter in counters:
        counter.communicate()
    assert number.read_text() == "200"
    assert [path.name for path in tmp_path.iterdir()] == ["number"]


def test_who_has_it_is_named_and_its_death_gives_it_free(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    holder = start(HOLD, path)
    try:
        assert holder.stdout and holder.stdout.readline() == "held\n"
        with pytest.raises(GoldsmithError, match=f"^x is made by process {holder.pid}; wait until it ends$"):
            take(path, "x is made")
    finally:
        holder.kill()
        holder.communicate()
    with locked(path, "x is made"):
        pass
    assert path.stat().st_mode & 0o777 == 0o600


def test_who_is_not_seen_is_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks.os, "major", lambda _device: 4095)
    with locked(tmp_path / "lock"), pytest.raises(GoldsmithError, match=r"^x is made by another process; wait"):
        take(tmp_path / "lock", "x is made")


def test_a_folder_is_locked_itself(tmp_path: Path) -> None:
    held = take(tmp_path, flags=FOLDER)
    with pytest.raises(GoldsmithError, match="is used by"):
        take(tmp_path, "it is used", flags=FOLDER)
    os.close(held)
    os.close(take(tmp_path, "it is used", flags=FOLDER))


def test_no_program_inherits_it(tmp_path: Path) -> None:
    held = take(tmp_path / "lock")
    assert not os.get_inheritable(held)
    os.close(held)


@pytest.mark.parametrize("kind", ["link", "dangling link", "pipe"])
def test_what_is_no_plain_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "lock"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(tmp_path if kind == "link" else tmp_path / "none")
    with pytest.raises(GoldsmithError, match="lock is no plain file, so it cannot be locked; remove it"):
        take(path)
    assert not (tmp_path / "none").exists()
