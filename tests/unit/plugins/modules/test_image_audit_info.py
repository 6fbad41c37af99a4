# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module image_audit_info on a tree."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.modules import run_module
from helpers.system_trees import make_tree


@pytest.mark.parametrize("check", [True, False])
def test_a_good_tree_passes(tmp_path: Path, check: bool) -> None:
    tree = make_tree(tmp_path / "tree")
    result = run_module("image_audit_info", {"path": str(tree), "user": "debian"}, check=check)
    assert result["changed"] is False
    assert result["passed"] is True
    assert result["broken"] == []
    # There is no kernel in it, and no bus is given.
    assert {entry["id"] for entry in result["results"] if entry["verdict"] != "pass"} == {"Q9", "ids", "initramfs"}


def test_a_broken_rule_is_a_result_and_no_failure(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    (tree / "etc/machine-id").write_text("0123\n")
    result = run_module("image_audit_info", {"path": str(tree)})
    assert result["passed"] is False
    assert result["broken"] == ["machine_id"]
    assert "failed" not in result
    (entry,) = [entry for entry in result["results"] if entry["verdict"] == "fail"]
    assert entry["id"] == "machine_id"
    assert entry["evidence"] == ["/etc/machine-id: 0123"]


def test_what_is_not_there_fails(tmp_path: Path) -> None:
    result = run_module("image_audit_info", {"path": str(tmp_path / "none")})
    assert result["failed"] is True
    assert "is neither a file nor a folder" in result["msg"]
