# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree made equal to another one: what is copied, what goes, what stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import equal


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespaces, "prefix", list)


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("tree", "source"):
        (tmp_path / name / "etc").mkdir(parents=True)
        (tmp_path / name / "etc/same").write_text("same")
        os.utime(tmp_path / name / "etc/same", (1, 1))
    return tmp_path / "tree", tmp_path / "source"


def test_only_what_differs(trees: tuple[Path, Path]) -> None:
    tree, source = trees
    (source / "etc/new").write_text("new")
    (source / "etc/link").symlink_to("/nowhere")
    os.link(source / "etc/new", source / "etc/other")
    (tree / "etc/gone").write_text("")
    (tree / "etc/mine").write_text("mine")
    inode = (tree / "etc/same").stat().st_ino
    os.utime(tree / "etc", (2, 2))
    wanted = {"/etc/", "/etc/new", "/etc/other", "/etc/link", "/etc/gone"}

    def run(*, check_mode: bool) -> set[str]:
        paths = equal.make_equal(Runner(), str(tree), str(source), ["/etc/mine"], check_mode=check_mode)
        return {path.split(" ")[0] for path in paths}

    assert run(check_mode=True) == wanted
    assert not (tree / "etc/new").exists()
    assert run(check_mode=False) == wanted
    assert sorted(os.listdir(tree / "etc")) == ["link", "mine", "new", "other", "same"]
    assert (tree / "etc/new").stat().st_ino == (tree / "etc/other").stat().st_ino
    assert (tree / "etc/same").stat().st_ino == inode
    assert run(check_mode=False) == set()


def test_holes_are_not_read(trees: tuple[Path, Path]) -> None:
    tree, source = trees
    (source / "var").mkdir()
    with (source / "var/large").open("wb") as file:
        file.truncate(1 << 42)
    assert "/var/large" in equal.make_equal(Runner(), str(tree), str(source), [], check_mode=False)
    assert ((tree / "var/large").stat().st_size, (tree / "var/large").stat().st_blocks) == (1 << 42, 0)
    assert equal.make_equal(Runner(), str(tree), str(source), [], check_mode=False) == []


def test_no_link_of_the_tree_leads_out_of_it(trees: tuple[Path, Path], tmp_path: Path) -> None:
    tree, source = trees
    outside = tmp_path / "outside"
    outside.mkdir()
    (tree / "var").symlink_to(outside)
    (source / "var").mkdir()
    with (source / "var/sparse").open("wb") as file:
        file.truncate(4 << 20)
    equal.make_equal(Runner(), str(tree), str(source), [], check_mode=False)
    assert not list(outside.iterdir())
    assert (tree / "var/sparse").stat().st_size == 4 << 20


def test_what_is_left_alone_may_have_holes(trees: tuple[Path, Path]) -> None:
    tree, source = trees
    with (source / "etc/large").open("wb") as file:
        file.truncate(4 << 20)
    assert "/etc/large" not in equal.make_equal(Runner(), str(tree), str(source), ["/etc/large"], check_mode=False)
    assert not (tree / "etc/large").exists()


def test_what_is_missing_is_named(trees: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    tree, source = trees
    with pytest.raises(OptionError, match=r"src=.*/none: is not a folder with a root file system"):
        equal.make_equal(Runner(), str(tree), str(source / "none"), [], check_mode=False)
    monkeypatch.setattr(equal, "find_program", lambda name: None)
    with pytest.raises(GoldsmithError, match="rsync"):
        equal.make_equal(Runner(), str(tree), str(source), [], check_mode=False)
