# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module file_set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.modules import run_module


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"path": "relative", "content": ""}, "files.path=relative: is not absolute; begin it with /"),
        ({"path": "/x"}, "needs either content or target"),
        ({"path": "/x", "content": "", "target": "y"}, "needs either content or target"),
        ({"path": "/x", "content": "", "mode": "u=rw"}, "files.mode=u=rw: is not octal; write it like '0644'"),
        ({"path": "/x", "content": "", "mode": "0888"}, "is not octal"),
        ({"content": ""}, "missing required arguments: path"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_bad_parameters(tmp_path: Path, item: dict[str, Any], message: str, check: bool) -> None:
    good = {"path": str(tmp_path / "good"), "content": "x"}
    result = run_module("file_set", {"files": [good, item]}, check=check)
    assert result["failed"] is True
    assert message in result["msg"]
    assert not list(tmp_path.iterdir())


def test_a_set(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    files = [
        {"path": str(tmp_path / "etc" / "name"), "content": "text\n", "mode": "0600"},
        {"path": str(tmp_path / "link"), "target": "etc/name"},
        {"path": str(tmp_path / "old"), "state": "absent"},
        {"path": str(tmp_path / "empty"), "content": ""},
    ]
    checked = run_module("file_set", {"files": files}, check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    result = run_module("file_set", {"files": files})
    assert result["changed"] is checked["changed"] is True
    assert result["paths"] == checked["paths"] == [item["path"] for item in files]
    assert result["diff"] == checked["diff"]
    assert (tmp_path / "link").read_text() == "text\n"
    assert (tmp_path / "etc" / "name").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "empty").read_bytes() == b""
    assert not (tmp_path / "old").exists()
    again = run_module("file_set", {"files": files})
    assert (again["changed"], again["paths"]) == (False, [])


def test_a_file_that_others_have_changed_stays(tmp_path: Path) -> None:
    path = tmp_path / "sources.list"
    item = {"path": str(path), "content": "new\n", "replaces": "old\n"}
    for before, kept in (("theirs\n", True), ("old\n", False), ("new\n", False)):
        path.write_text(before)
        for check in (True, False):
            result = run_module("file_set", {"files": [item]}, check=check)
            assert result["kept"] == ([str(path)] if kept else [])
            assert result["changed"] is (before == "old\n")
        assert path.read_text() == (before if kept else "new\n")
    path.unlink()
    assert run_module("file_set", {"files": [item]})["changed"] and path.read_text() == "new\n"
