# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module tree_rpm_database: what it tells, in check mode too."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from helpers.modules import run_module

NAME = "/var/lib/rpm/rpmdb.sqlite"


@pytest.mark.root
def test_it_is_settled_once(tmp_path: Path) -> None:
    path = tmp_path / NAME.lstrip("/")
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE Packages (blob BLOB)")
        database.commit()
    before = path.read_bytes()
    for check in (True, False):
        result = run_module("tree_rpm_database", {"path": str(tmp_path)}, check=check)
        assert (result["changed"], result["paths"]) == (True, [NAME]), result
        assert result["diff"] == {"before": f"{NAME}\n", "after": f"{NAME}: written anew\n"}
        assert (path.read_bytes() == before) is check
    result = run_module("tree_rpm_database", {"path": str(tmp_path)})
    assert (result["changed"], result["paths"]) == (False, [])


@pytest.mark.root
def test_a_tree_without_one_is_left_alone(tmp_path: Path) -> None:
    result = run_module("tree_rpm_database", {"path": str(tmp_path)})
    assert (result["changed"], result["paths"]) == (False, [])


def test_what_is_no_tree(tmp_path: Path) -> None:
    for path in ("/", str(tmp_path / "none")):
        result = run_module("tree_rpm_database", {"path": path})
        assert result["msg"] == f"path={path}: is not a folder with a root file system"
