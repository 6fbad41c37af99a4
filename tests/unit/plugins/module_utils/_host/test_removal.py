# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removal of folders."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from helpers.runners import RecordingRunner

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import removal
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner


@pytest.mark.root
def test_files_that_nobody_may_change_are_removed(tmp_path: Path) -> None:
    for name, flag in (("immutable", "+i"), ("log", "+a")):
        (tmp_path / "tree" / name).mkdir(parents=True)
        (tmp_path / "tree" / name / "file").write_text("x")
        for path in (tmp_path / "tree" / name / "file", tmp_path / "tree" / name):
            subprocess.run(["chattr", flag, path], check=True)
    removal.remove(Runner(), str(tmp_path / "tree"), [])
    assert not (tmp_path / "tree").exists()


def test_removal_stays_on_one_file_system(tmp_path: Path) -> None:
    runner = RecordingRunner()
    removal.remove(runner, str(tmp_path / "none"), ["unshare"])
    assert runner.calls == []
    removal.remove(runner, str(tmp_path), ["unshare"])
    assert runner.calls == [["unshare", "rm", "-rf", "--one-file-system", "--", str(tmp_path)]]
