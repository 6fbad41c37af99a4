# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree is read through its folders, and only what is a file is opened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import (
    Folders,
    TreeFiles,
    failure,
    shown,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError


def test_folders_are_closed_with_the_last_who_reads_them(tmp_path: Path) -> None:
    (tmp_path / "a/b/c").mkdir(parents=True)
    before = os.listdir("/proc/self/fd")
    folders = Folders(str(tmp_path))
    assert os.readlink(f"/proc/self/fd/{folders.open('/a/b/c')}") == str(tmp_path / "a/b/c")
    assert os.readlink(f"/proc/self/fd/{folders.open('/')}") == str(tmp_path)
    del folders
    assert os.listdir("/proc/self/fd") == before
    with pytest.raises(GoldsmithError, match=f"^the tree {tmp_path}/x cannot be read: No such file"):
        Folders(str(tmp_path / "x"))


def test_a_link_that_took_the_place_of_a_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("/etc")
    with pytest.raises(NotADirectoryError):
        Folders(str(tmp_path)).open("/a")


def test_what_is_no_file_is_not_opened_and_what_went_is_missing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "gone").write_text("x")
    (tmp_path / "changed").write_text("x")
    files = TreeFiles(str(tmp_path))
    assert files.names("/") == ["changed", "gone", "pipe"]
    (tmp_path / "gone").unlink()
    (tmp_path / "changed").unlink()
    os.mkfifo(tmp_path / "changed")
    assert files.text("/pipe") is None
    assert files.text("/gone") == files.text("/changed") == ""


@pytest.mark.parametrize(
    ("path", "text"),
    [("/a b", "/a b"), ("/käse", "/käse"), ("/a\nb\x1b", "/a\\nb\\x1b"), ("/a\udcff", "/a\\xff")],
)
def test_paths_as_they_are_printed(path: str, text: str) -> None:
    assert shown(path) == text


def test_a_failure_names_the_remedy() -> None:
    said = str(failure("read", "/a\n", PermissionError(13, "Permission denied")))
    assert said.startswith("cannot read /a\\n of the tree: Permission denied; run as the owner")
