# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder is read as it is: its names, holes, hard links; no link of it is followed."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.folder_reader import FolderReader
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.foreign import Damaged


def names(reader: FolderReader, number: int = 1) -> dict[str, int]:
    return {os.fsdecode(name): found for name, found in reader.folder(reader.inode(number))}


def test_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir(mode=0o750)
    (tmp_path / "folder" / "one").write_bytes(b"1" * 5000)
    os.utime(tmp_path / "folder" / "one", ns=(1, 1_000_000_007))
    os.link(tmp_path / "folder" / "one", tmp_path / "two")
    (tmp_path / "link").symlink_to("/etc")
    os.mkfifo(tmp_path / "fifo")
    reader = FolderReader(str(tmp_path))
    top = names(reader)
    assert sorted(top) == ["fifo", "folder", "link", "two"]
    inner = names(reader, top["folder"])
    assert inner == {"one": top["two"]}
    one = reader.inode(top["two"])
    assert (one.size, one.links, one.mtime, one.uid) == (5000, 2, 1_000_000_007, os.geteuid())
    assert b"".join(reader.chunks(one)) == b"1" * 5000
    assert stat.S_IMODE(reader.inode(top["folder"]).mode) == 0o750
    assert reader.link(reader.inode(top["link"])) == b"/etc"
    assert stat.S_ISFIFO(reader.inode(top["fifo"]).mode)


def test_holes_and_attributes(tmp_path: Path) -> None:
    with open(tmp_path / "sparse", "wb") as file:
        file.truncate(1 << 30)
        file.seek(1 << 29)
        file.write(b"data")
    os.setxattr(tmp_path / "sparse", "user.note", b"a\0b")
    reader = FolderReader(str(tmp_path))
    sparse = reader.inode(names(reader)["sparse"])
    pieces = list(reader.pieces(sparse))
    assert sum(piece.size for piece in pieces) < 1 << 20
    assert any(b"data" in (piece.data or b"") for piece in pieces)
    assert reader.attributes(sparse)["user.note"] == b"a\0b"


def test_a_folder_that_becomes_a_link_leads_nowhere(tmp_path: Path) -> None:
    for name in ("tree/folder", "outside"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "file").write_text(name)
    reader = FolderReader(str(tmp_path / "tree"))
    file = reader.inode(names(reader, names(reader)["folder"])["file"])
    (tmp_path / "tree" / "folder").rename(tmp_path / "old")
    (tmp_path / "tree" / "folder").symlink_to(tmp_path / "outside")
    with pytest.raises(OSError):
        list(reader.pieces(file))


def test_a_file_that_becomes_another_kind(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    reader = FolderReader(str(tmp_path))
    file = reader.inode(names(reader)["file"])
    (tmp_path / "file").unlink()
    os.mkfifo(tmp_path / "file")
    with pytest.raises(Damaged, match="/file was changed meanwhile"):
        list(reader.pieces(file))
