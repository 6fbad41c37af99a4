# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tree_labels, as far as it goes without a policy."""

from __future__ import annotations

from pathlib import Path

from helpers.modules import run_module


def test_a_tree_that_starts_no_selinux_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    result = run_module("tree_labels", {"path": str(tmp_path)})
    assert (result["changed"], result["mode"], result["count"], result["paths"]) == (False, "", 0, [])


def test_what_is_no_tree(tmp_path: Path) -> None:
    for path in ("/", str(tmp_path / "none")):
        result = run_module("tree_labels", {"path": path})
        assert result["msg"] == f"path={path}: is not a folder with a root file system"
