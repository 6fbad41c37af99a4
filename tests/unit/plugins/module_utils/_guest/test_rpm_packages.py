# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages are read of headers as rpm writes them; tests/integration compares this with rpm itself."""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import rpm_packages
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.rpm_packages import RpmPackage
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import TreeFiles


def header(name: str, version: str = "1", release: str = "2", epoch: int | None = None, built: int = 7) -> bytes:
    """A header of rpm: entries of tag, type, offset and count, and the values behind them."""
    texts = {1000: name, 1001: version, 1002: release, 1022: "x86_64"}
    numbers = {1006: built} | ({} if epoch is None else {1003: epoch})
    entries = store = b""
    for tag, number in numbers.items():
        entries += struct.pack(">IIII", tag, 4, len(store), 1)
        store += struct.pack(">I", number)
    for tag, text in texts.items():
        entries += struct.pack(">IIII", tag, 6, len(store), 1)
        store += text.encode() + b"\0"
    return struct.pack(">II", len(texts) + len(numbers), len(store)) + entries + store


def database(path: Path, *headers: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as made:
        made.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB)")
        made.executemany("INSERT INTO Packages (blob) VALUES (?)", [(each,) for each in headers])
        made.commit()
    return path


@pytest.mark.parametrize("place", rpm_packages.PLACES)
def test_packages_of_a_tree(tmp_path: Path, place: str) -> None:
    headers = header("vim", "9.1", "3.fc44", epoch=2), header("bash", "5.2", built=99), header("gpg-pubkey")
    database(tmp_path / place[1:], *headers)
    assert rpm_packages.installed(TreeFiles(str(tmp_path))) == [
        RpmPackage("bash", "5.2-2", "x86_64", 99),
        RpmPackage("vim", "2:9.1-3.fc44", "x86_64", 7),
    ]


def test_a_tree_without_such_a_database(tmp_path: Path) -> None:
    assert rpm_packages.installed(TreeFiles(str(tmp_path))) == []


@pytest.mark.parametrize("cut", [0, 4, 8, 20, 60])
def test_a_header_that_is_cut_off_is_none(tmp_path: Path, cut: int) -> None:
    path = database(tmp_path / "rpmdb.sqlite", header("vim")[:cut], header("bash"))
    assert [package.name for package in rpm_packages.read(str(path))] == ["bash"]


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / rpm_packages.PLACES[0][1:]
    path.parent.mkdir(parents=True)
    path.write_bytes(b"nothing of the kind" * 999)
    assert rpm_packages.installed(TreeFiles(str(tmp_path))) == []
