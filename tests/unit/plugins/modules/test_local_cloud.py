# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from helpers.glance import run_module


@pytest.mark.parametrize(
    ("state", "changed"), [("started", True), ("stopped", False), ("reset", True), ("absent", False)]
)
def test_check_mode_foresees_and_makes_nothing(tmp_path: Path, state: str, changed: bool) -> None:
    directory = tmp_path / "cloud"
    result = run_module("local_cloud", {"directory": str(directory), "state": state}, check=True)
    assert result["changed"] is changed
    assert result["diff"]["before"] == {"state": "absent"}
    assert not directory.exists()


@pytest.mark.parametrize("state", ["stopped", "absent"])
def test_there_is_nothing_to_end_where_there_is_no_cloud(tmp_path: Path, state: str) -> None:
    result = run_module("local_cloud", {"directory": str(tmp_path / "cloud"), "state": state})
    assert not result["changed"]
    assert result["processes"] == {}
    assert not (tmp_path / "cloud").exists()
