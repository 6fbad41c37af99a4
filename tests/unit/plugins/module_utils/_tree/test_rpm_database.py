# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases of packages are the same bytes for the same content, and know nothing of the build."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import rpm_database


def history(path: Path, cmdline: str, begin: int) -> Path:
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute(
            "CREATE TABLE trans (id INTEGER, dt_begin INTEGER, dt_end INTEGER, user_id INTEGER, cmdline TEXT)"
        )
        database.execute("CREATE TABLE console_output (line TEXT)")
        database.execute("INSERT INTO trans VALUES (1, ?, ?, 4711, ?)", (begin, begin + 7, cmdline))
        database.execute("INSERT INTO console_output VALUES (?)", (cmdline * 50,))
        database.commit()
    return path


def test_a_history_forgets_the_build(tmp_path: Path) -> None:
    paths = [history(tmp_path / "a", "--installroot /home/me/tree", 5), history(tmp_path / "b", "--other", 77777)]
    for path in paths:
        rpm_database.settle(str(path), 1700000000)
        with closing(sqlite3.connect(path)) as database:
            assert database.execute("SELECT * FROM trans").fetchall() == [(1, 1700000000, 1700000000, 0, "")]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert b"/home/me" not in paths[0].read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_other_databases_keep_what_they_say(tmp_path: Path) -> None:
    path = history(tmp_path / "rpmdb.sqlite", "kept", 5)
    rpm_database.settle(str(path), None)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT dt_begin, cmdline FROM trans").fetchall() == [(5, "kept")]


def test_how_often_a_database_was_written_does_not_show(tmp_path: Path) -> None:
    paths = [history(tmp_path / name, "kept", 5) for name in ("a", "b")]
    with closing(sqlite3.connect(paths[1], isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=DELETE")
        for begin in (6, 5):
            database.execute("UPDATE trans SET dt_begin = ?", (begin,))
    for path in paths:
        rpm_database.settle(str(path), None)
        with closing(sqlite3.connect(path)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            database.execute("UPDATE trans SET dt_begin = 7")
            database.rollback()
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_what_is_no_database_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x").write_text("no database at all, and longer than a header of one would be" * 20)
    rpm_database.run({"databases": [str(tmp_path / "none"), str(tmp_path / "x")], "histories": []})
    assert json.loads(capsys.readouterr().out)["error"].startswith(f"{tmp_path}/x: ")
