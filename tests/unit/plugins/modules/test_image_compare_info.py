# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module image_compare_info on small files."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.modules import run_module


@pytest.mark.parametrize("check", [True, False])
def test_what_a_playbook_gets(tmp_path: Path, check: bool) -> None:
    (tmp_path / "one").write_text("one text")
    (tmp_path / "other").write_text("one test")
    words = {"path": str(tmp_path / "one"), "other": str(tmp_path / "other")}
    result = run_module("image_compare_info", words, check=check, environment={"TMPDIR": str(tmp_path)})
    assert (result["changed"], result["identical"], result["same_content"]) == (False, False, False)
    assert result["differences"][-1] == {
        "where": "content",
        "what": "bytes",
        "one": None,
        "other": None,
        "byte": 6,
        "count": 1,
    }
    assert (result["left_out"], len(result["summary"])) == (0, 2)
    assert (result["one"]["size"], result["other"]["format"]) == (8, "raw")
    assert "diff" not in result


def test_a_missing_file_fails(tmp_path: Path) -> None:
    result = run_module("image_compare_info", {"path": str(tmp_path / "none"), "other": str(tmp_path / "none")})
    assert result["failed"] is True
    assert result["msg"] == f"path={tmp_path}/none: No such file or directory"
