# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases of packages are the same bytes for the same content, and know nothing of the build."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.rpm_packages import PLACES
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


def run(root: Path, capsys: pytest.CaptureFixture[str], *, check_mode: bool = False) -> dict[str, Any]:
    request = {"root": str(root), "databases": PLACES, "check_mode": check_mode}
    rpm_database.run(request)
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with both kinds of databases, one of them under two names, as it is after a role has used dnf."""
    root = tmp_path / "tree"
    for name in ("usr/lib/sysimage/rpm", "var/lib/dnf"):
        (root / name).mkdir(parents=True)
    (root / "var/lib/rpm").symlink_to("/usr/lib/sysimage/rpm")
    with closing(sqlite3.connect(root / "usr/lib/sysimage/rpm/rpmdb.sqlite")) as database:
        database.execute("CREATE TABLE Packages (blob BLOB)")
        database.execute("CREATE TABLE other (line TEXT)")
        database.execute("DROP TABLE other")
        database.commit()
    history(root / "var/lib/dnf/history.sqlite", "install by hand", 77777)
    (root / "var/lib/dnf/history.sqlite-wal").touch()
    return root


def test_what_is_settled_stays_as_it_is(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    databases = [tree / "usr/lib/sysimage/rpm/rpmdb.sqlite", tree / "var/lib/dnf/history.sqlite"]
    expected = {"paths": [f"/{path.relative_to(tree)}" for path in databases]}
    before = [path.read_bytes() for path in databases]
    assert run(tree, capsys, check_mode=True) == expected
    assert [path.read_bytes() for path in databases] == before
    assert run(tree, capsys) == expected
    after = [path.read_bytes() for path in databases]
    assert all(old != new for old, new in zip(before, after))
    assert b"by hand" not in after[1]
    for check_mode in (True, False):
        assert run(tree, capsys, check_mode=check_mode) == {"paths": []}
    assert [path.read_bytes() for path in databases] == after
    assert sorted(path.name for path in tree.rglob("*") if path.is_file()) == ["history.sqlite", "rpmdb.sqlite"]


def test_check_mode_leaves_a_journal_where_it_is(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tree / "usr/lib/sysimage/rpm/rpmdb.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE waiting (line TEXT)")
        database.commit()
        # As a program leaves them that is killed
        kept = {end: Path(f"{path}{end}").read_bytes() for end in ("", "-wal")}
    for end, content in kept.items():
        Path(f"{path}{end}").write_bytes(content)
    assert f"/{path.relative_to(tree)}" in run(tree, capsys, check_mode=True)["paths"]
    assert {end: Path(f"{path}{end}").read_bytes() for end in kept} == kept
    run(tree, capsys)
    assert not Path(f"{path}-wal").exists()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT name FROM sqlite_master WHERE name = 'waiting'").fetchall()


def test_no_link_leads_out_of_the_tree(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outside = history(tmp_path / "outside", "of the host", 5)
    before = outside.read_bytes()
    place = tree / "usr/lib/sysimage/rpm/rpmdb.sqlite"
    place.unlink()
    place.symlink_to(outside)
    assert run(tree, capsys, check_mode=True)["paths"] == ["/var/lib/dnf/history.sqlite"]
    (tree / "var/lib/dnf/history.sqlite-wal").unlink()
    (tree / "var/lib/dnf/history.sqlite-wal").symlink_to(outside)
    assert run(tree, capsys)["error"].endswith("/var/lib/dnf/history.sqlite-wal is no file")
    assert outside.read_bytes() == before


def test_what_is_no_database_is_told(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tree / "usr/lib/sysimage/rpm/rpmdb.sqlite"
    path.write_text("no database at all, and longer than a header of one would be" * 20)
    assert run(tree, capsys)["error"].startswith("/usr/lib/sysimage/rpm/rpmdb.sqlite: ")
