# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module build_workspace."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.modules import run_module


@pytest.mark.parametrize("check", [True, False])
def test_bad_parameters(tmp_path: Path, check: bool) -> None:
    arguments = {"output_dir": str(tmp_path / "out"), "cache_dir": str(tmp_path / "cache")}
    for more, message in (({"name": "a/b"}, "name=a/b: is not a file name"), ({}, "missing required arguments: name")):
        result = run_module("build_workspace", {**arguments, **more}, check=check)
        assert result["failed"] is True
        assert message in result["msg"]
    assert not list(tmp_path.iterdir())


def test_take_and_give_back(tmp_path: Path) -> None:
    arguments = {"name": "image", "output_dir": str(tmp_path / "out"), "cache_dir": str(tmp_path / "cache")}
    assert run_module("build_workspace", arguments, check=True)["changed"] is True
    assert not list(tmp_path.iterdir())
    result = run_module("build_workspace", arguments)
    assert result["changed"] is True
    assert list(Path(result["path"]).iterdir()) == []
    gone = run_module("build_workspace", {**arguments, "state": "absent"})
    assert (gone["changed"], gone["path"]) == (True, result["path"])
    assert not Path(result["path"]).exists()
    assert not (tmp_path / "out").exists()
    assert run_module("build_workspace", {**arguments, "state": "absent"})["changed"] is False
