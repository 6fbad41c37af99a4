# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scratch folders."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import scratch
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.scratch import scratch_folder

HOLD = """
import time
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.scratch import scratch_folder
with scratch_folder("test") as folder:
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def own_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def test_private_and_gone_afterwards() -> None:
    with scratch_folder("test") as folder:
        assert not list(folder.iterdir())
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "file").write_text("x")
    assert not folder.exists()


def test_gone_after_an_error() -> None:
    with pytest.raises(ValueError, match="stop"), scratch_folder("test") as folder:
        raise ValueError("stop")
    assert not folder.exists()


def test_the_next_run_removes_that_of_a_killed_one_only() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    holder = subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert holder.stdout is not None
        held = Path(holder.stdout.readline().strip())
        with scratch_folder("test"):
            assert held.exists()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert held.exists()
        with scratch_folder("test"):
            assert not held.exists()
    finally:
        holder.kill()
        holder.communicate()


def test_a_folder_that_others_can_enter_is_refused(tmp_path: Path) -> None:
    (tmp_path / f"goldsmith-test-{os.geteuid()}").mkdir(mode=0o755)
    with pytest.raises(GoldsmithError, match="not a private folder"), scratch_folder("test"):
        pass


def test_no_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "none"))
    with pytest.raises(GoldsmithError, match="set TMPDIR"), scratch_folder("test"):
        pass


def test_runs_that_start_together_keep_their_own() -> None:
    def many(_run: int) -> list[bool]:
        kept = []
        for _turn in range(100):
            with scratch_folder("test") as folder:
                kept.append(folder.exists())
        return kept

    with ThreadPoolExecutor(4) as runs:
        assert all(all(kept) for kept in runs.map(many, range(4)))


@pytest.mark.parametrize(
    ("uid", "ids", "expected"),
    [
        (1000, "0 0 4294967295\n", 1000),
        (0, "0 0 4294967295\n", 0),
        # In the namespace of user 1000, root is that user, and the others are its subordinate ids.
        (0, "0 1000 1\n1 100000 65536\n", 1000),
        (33, "0 1000 1\n1 100000 65536\n", 100032),
        (65534, "0 1000 1\n", 65534),
    ],
)
def test_a_user_has_the_same_folders_inside_a_namespace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uid: int, ids: str, expected: int
) -> None:
    (tmp_path / "uid_map").write_text(ids)
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setattr(scratch, "open", lambda path, **more: (tmp_path / "uid_map").open(**more), raising=False)
    assert scratch._user() == expected
