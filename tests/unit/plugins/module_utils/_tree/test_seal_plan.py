# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan notes what is to be done and sees it as done; it changes nothing itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.busybox import listing
from helpers.system_trees import make_tree

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.seal_plan import (
    CHANGE,
    EMPTY,
    LINK,
    MAKE,
    REMOVE,
    RENAME,
    SealPlan,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.seal_tree import READ_LIMIT, SealTree

FILES = {"etc/a": "one\n", "etc/b": "", "var/log/x/1": "12345", "var/log/x/2": "123", "var/log/y": "1"}
LINKS = {"var/log/link": "/etc/a", "etc/alias": "a"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "tree", FILES, LINKS)


@pytest.fixture
def plan(root: Path) -> Iterator[SealPlan]:
    before = listing(root)
    yield _plan(root)
    assert listing(root) == before


def _plan(root: Path, *untouchable: str) -> SealPlan:
    plan = SealPlan(SealTree(str(root), frozenset(untouchable)))
    plan.step = "step"
    return plan


def noted(plan: SealPlan) -> list[tuple[str, str, int]]:
    return [(action.verb, action.path, action.size) for action in plan.actions]


def test_what_is_removed_is_removed_once(plan: SealPlan) -> None:
    plan.remove("/var/log/x", "/var/log/x/1", "/var/log/*")
    plan.remove_in("/var", "log/y")
    assert noted(plan) == [(REMOVE, "/var/log/x", 8), (REMOVE, "/var/log/link", 0), (REMOVE, "/var/log/y", 1)]


def test_the_structure_may_stay(plan: SealPlan) -> None:
    plan.remove_below("/var", keep=lambda entry: entry.is_link or entry.path.endswith("2"))
    assert noted(plan) == [(REMOVE, "/var/log/y", 1), (REMOVE, "/var/log/x/1", 5)]


def test_a_folder_that_holds_a_mount_is_emptied_around_it(root: Path) -> None:
    plan = _plan(root, "/var/log/x/2")
    plan.remove("/var/*")
    assert [path for _verb, path, _size in noted(plan)] == ["/var/log/link", "/var/log/x/1", "/var/log/y"]


def test_a_mounted_disk_is_never_removed_but_files_on_it_are(root: Path) -> None:
    plan = SealPlan(SealTree(str(root), mounts=frozenset({"/var/log/x"})))
    plan.remove("/var/*")
    assert [path for _verb, path, _size in noted(plan)] == ["/var/log/link", "/var/log/y"]
    plan.remove_below("/var/log")
    assert [path for _verb, path, _size in noted(plan)][2:] == ["/var/log/x/1", "/var/log/x/2"]


def test_empty_files(plan: SealPlan) -> None:
    for path in ("/etc/a", "/etc/b", "/etc/alias", "/var/log/x", "/new/deep/file", "/etc/a", "/new/deep/file"):
        plan.empty(path)
    assert noted(plan) == [
        (EMPTY, "/etc/a", 4),
        # What is no file makes way for one.
        (REMOVE, "/etc/alias", 0),
        (MAKE, "/etc/alias", 0),
        (REMOVE, "/var/log/x", 8),
        (MAKE, "/var/log/x", 0),
        (MAKE, "/new/deep/file", 0),
    ]
    plan.empty_if_there("/var/log/*", "/missing")
    assert noted(plan)[-1] == (EMPTY, "/var/log/y", 1)


def test_changes_build_on_each_other(plan: SealPlan) -> None:
    plan.edit("/etc/al*", lambda text: text + "two\n")
    plan.edit("/etc/a", lambda text: text.replace("one\n", ""))
    plan.edit("/etc/a", lambda text: text)
    plan.edit("/etc/missing", lambda text: "made")
    assert noted(plan) == [(CHANGE, "/etc/a", 0), (CHANGE, "/etc/a", 4)]
    assert [action.content for action in plan.actions] == ["one\ntwo\n", "two\n"]


def test_a_file_of_no_use_goes_with_the_link_to_it(plan: SealPlan) -> None:
    plan.edit("/etc/alias", lambda text: None)
    assert noted(plan) == [(REMOVE, "/etc/alias", 0), (REMOVE, "/etc/a", 4)]


def test_what_is_too_big_is_said(plan: SealPlan, root: Path) -> None:
    with (root / "etc/b").open("w") as file:
        file.truncate(READ_LIMIT + 1)
    plan.edit("/etc/b", lambda text: "")
    (root / "etc/b").write_text("")
    assert not plan.actions
    assert plan.warnings == ["/etc/b is bigger than 16 MiB: it was not looked into"]


def test_links_and_names(plan: SealPlan) -> None:
    plan.link("/etc/a", "../x")
    plan.rename("/var/log/y", "z")
    plan.rename("/var/log/y", "z")
    assert [action[1:5] for action in plan.actions] == [
        (LINK, "/etc/a", 4, "../x"),
        (RENAME, "/var/log/y", 0, "/var/log/z"),
    ]
    assert plan.tree.text("/var/log/z") == "1"
    with pytest.raises(GoldsmithError, match=r"^/var of the tree is a folder; remove it first"):
        plan.link("/var", "x")


def test_the_report(plan: SealPlan) -> None:
    plan.remove("/var/log/y", "/etc/b")
    plan.step = "other"
    plan.empty("/etc/a")
    plan.stay("/etc/x\n", "why")
    assert plan.report(["step", "other", "third"], 1) == {
        "step": {"done": {"/etc/b": REMOVE}, "count": 2, "bytes": 1},
        "other": {"done": {"/etc/a": EMPTY}, "count": 1, "bytes": 4},
        "third": {"done": {}, "count": 0, "bytes": 0},
    }
    assert plan.stays == ["/etc/x\\n: why"]
