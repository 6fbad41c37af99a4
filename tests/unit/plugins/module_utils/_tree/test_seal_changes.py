# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Actions carried out: only what was named changes, times stay, and no link leads anywhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.system_trees import make_tree

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import Folders
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.seal_changes import Changes
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.seal_plan import (
    CHANGE,
    EMPTY,
    LINK,
    MAKE,
    REMOVE,
    RENAME,
    Action,
)

OLD = 1_000_000_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/canary").write_text("alive")
    root = make_tree(
        tmp_path / "tree",
        {"etc/a": "text\n", "etc/b": "", "var/x/y/1": "1", "var/x/2": "2"},
        {"var/x/out": str(tmp_path / "outside"), "etc/link": str(tmp_path / "outside/canary")},
    )
    for path in [*root.rglob("*"), root]:
        os.utime(path, (OLD, OLD), follow_symlinks=False)
    return root


@pytest.fixture
def changes(root: Path) -> Iterator[Changes]:
    yield Changes(Folders(str(root)))
    # Whatever was done: all times are what they were, and nothing outside was touched.
    assert {path.lstat().st_mtime for path in [*root.rglob("*"), root]} == {OLD}
    assert (root.parent / "outside/canary").read_text() == "alive"
    assert not list(root.rglob(".goldsmith*"))


def do(changes: Changes, verb: str, path: str, content: str = "", mode: int = 0o644) -> None:
    changes.carry_out(Action("step", verb, path, 0, content, mode))


def test_remove(changes: Changes, root: Path) -> None:
    for path in ("/var/x", "/etc/link", "/etc/a", "/etc/a", "/missing/deep"):
        do(changes, REMOVE, path)
    assert sorted(str(path.relative_to(root)) for path in root.rglob("*")) == ["etc", "etc/b", "var"]


def test_empty(changes: Changes, root: Path) -> None:
    (root / "etc/a").chmod(0o640)
    inode = (root / "etc/a").stat().st_ino
    do(changes, EMPTY, "/etc/a")
    status = (root / "etc/a").stat()
    assert (status.st_size, status.st_mode & 0o777, status.st_ino) == (0, 0o640, inode)


def test_another_name_of_a_file_keeps_its_content(changes: Changes, root: Path, tmp_path: Path) -> None:
    os.link(root / "etc/a", tmp_path / "outside/name")
    (root / "etc/a").chmod(0o640)
    do(changes, EMPTY, "/etc/a")
    assert (tmp_path / "outside/name").read_text() == "text\n"
    assert ((root / "etc/a").stat().st_size, (root / "etc/a").stat().st_mode & 0o777) == (0, 0o640)


def test_make(changes: Changes, root: Path) -> None:
    do(changes, MAKE, "/new/deep/file", mode=0o444)
    assert (root / "new/deep/file").stat().st_mode & 0o777 == 0o444
    assert (root / "new/deep").stat().st_mode & 0o777 == 0o755
    # In place of a link, not through it.
    do(changes, MAKE, "/etc/link")
    assert not (root / "etc/link").is_symlink()
    assert (root / "etc/link").read_text() == ""


def test_change_keeps_owner_mode_and_attributes(changes: Changes, root: Path) -> None:
    path = root / "etc/a"
    path.chmod(0o600)
    os.setxattr(path, "user.label", b"x")
    if os.geteuid() == 0:
        os.chown(path, 12, 34)
    before = path.stat()
    do(changes, CHANGE, "/etc/a", "other\udcff")
    after = path.stat()
    assert path.read_bytes() == b"other\xff"
    assert os.getxattr(path, "user.label") == b"x"
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)


def test_links_and_names(changes: Changes, root: Path) -> None:
    do(changes, LINK, "/etc/a", "../run/x")
    do(changes, LINK, "/etc/new", "y")
    do(changes, RENAME, "/var/x/2", "/var/x/3")
    assert (os.readlink(root / "etc/a"), os.readlink(root / "etc/new")) == ("../run/x", "y")
    assert (root / "var/x/3").read_text() == "2"
    assert not (root / "var/x/2").exists()


def test_what_a_killed_run_left_is_taken_over(changes: Changes, root: Path) -> None:
    (root / "etc/.goldsmith-seal.new").symlink_to(root.parent / "outside/canary")
    os.utime(root / "etc", (OLD, OLD))
    do(changes, CHANGE, "/etc/a", "other")
    assert (root / "etc/a").read_text() == "other"


@pytest.mark.parametrize("verb", [REMOVE, EMPTY, MAKE, CHANGE, LINK, RENAME])
def test_a_link_on_the_way_is_never_followed(changes: Changes, root: Path, verb: str) -> None:
    """Not even one that took a folder's place after the plan was made."""
    if verb == REMOVE:
        do(changes, verb, "/var/x/out/canary")  # is not there
        return
    with pytest.raises(GoldsmithError, match=r"^cannot .* /var/x/out/canary of the tree: "):
        do(changes, verb, "/var/x/out/canary", "/var/x/out/other")


@pytest.mark.parametrize("verb", [EMPTY, CHANGE, MAKE])
def test_a_link_that_took_a_files_place_is_replaced(changes: Changes, root: Path, verb: str) -> None:
    do(changes, verb, "/etc/link")
    assert not (root / "etc/link").is_symlink()
