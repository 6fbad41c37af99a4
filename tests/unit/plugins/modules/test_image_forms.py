# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module image_forms, with a small disk."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from helpers.modules import run_module


def arguments(folder: Path, *formats: str) -> dict[str, Any]:
    return {
        "src": str(folder / "a.raw"),
        "path": str(folder),
        "artifacts": [{"format": kind, "file": f"a.{kind}"} for kind in formats],
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with (tmp_path / "a.raw").open("wb") as file:
        file.truncate(1 << 20)
    return tmp_path


def test_forms_are_made_once(folder: Path) -> None:
    given = arguments(folder, "raw", "qcow2", "vhd")
    planned = run_module("image_forms", given, check=True)
    assert planned["changed"] is True
    assert [file["format"] for file in planned["files"]] == ["raw"]
    made = run_module("image_forms", given)
    assert made["changed"] is True
    for file in made["files"]:
        assert file["virtual_size"] == 1 << 20
        assert file["sha512"] == hashlib.sha512((folder / file["file"]).read_bytes()).hexdigest()
    again = run_module("image_forms", given)
    assert again["changed"] is False
    assert again["files"] == made["files"]


def test_a_tree_without_zstd_is_told(folder: Path) -> None:
    (folder / "tree" / "bin").mkdir(parents=True)
    made = run_module("image_forms", {**arguments(folder, "qcow2"), "tree": str(folder / "tree")})
    assert made["changed"] is True
    assert any("the zstd in the tree cannot be run here" in str(warning) for warning in made["warnings"])


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"src": "none"}, "src=none: is not a file"),
        ({"path": "none"}, "path=none: is not a folder; make it first"),
        ({"artifacts": [{"format": "raw", "file": "b.raw"}]}, "is not the raw disk"),
        ({"artifacts": [{"format": "vmdk", "file": "a"}]}, "value of format must be one of"),
    ],
)
def test_bad_parameters(folder: Path, more: dict[str, Any], message: str) -> None:
    given = {**arguments(folder, "qcow2"), **more}
    for name in ("src", "path"):
        given[name] = str(folder / given[name])
    result = run_module("image_forms", given)
    assert result["failed"] is True
    assert message.replace("none", str(folder / "none")) in result["msg"]
    assert "\n" not in result["msg"]
    assert [path.name for path in folder.iterdir()] == ["a.raw"]
