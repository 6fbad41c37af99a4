# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The labels of SELinux in a tree: when they are set, and what tells that they are not."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.runners import RecordingRunner

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import TreeFiles
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import selinux


def settings(tree: Path, mode: str = "enforcing", kind: str = "targeted") -> Path:
    contexts = tree / f"etc/selinux/{kind}/contexts/files/file_contexts"
    contexts.parent.mkdir(parents=True, exist_ok=True)
    contexts.write_text("/.* system_u:object_r:default_t:s0\n")
    (tree / "etc/selinux/config").write_text(f"# SELINUX= is one of\nSELINUX={mode}\nSELINUXTYPE={kind}\n")
    return tree


@pytest.mark.parametrize(
    ("mode", "expected"), [("enforcing", "enforcing"), ("permissive", "permissive"), ("disabled", "")]
)
def test_how_a_tree_starts_selinux(tmp_path: Path, mode: str, expected: str) -> None:
    assert selinux.mode(TreeFiles(settings(tmp_path, mode))) == expected


def test_a_tree_without_a_policy_starts_none(tmp_path: Path) -> None:
    (settings(tmp_path) / "etc/selinux/targeted/contexts/files/file_contexts").unlink()
    runner = RecordingRunner()
    assert selinux.mode(TreeFiles(tmp_path)) == ""
    assert selinux.label(runner, str(tmp_path), []) == []
    assert selinux.labels(runner, str(tmp_path), {"/etc": "dir"}) == {}
    assert runner.calls == []


def test_labels_are_set_and_looked_at_again(tmp_path: Path) -> None:
    tree = str(settings(tmp_path))
    said = f"Relabeled {tree} from <no context> to system_u:object_r:root_t:s0\nRelabeled {tree}/a b from x to y\n"
    runner = RecordingRunner(lambda argv: (0, "" if "-n" in argv else said, ""))
    assert selinux.label(runner, tree, ["enter"]) == ["/", "/a b"]
    contexts = f"{tree}/etc/selinux/targeted/contexts/files/file_contexts"
    assert runner.calls == [
        ["enter", "setfiles", "-F", "-r", tree, "-v", contexts, tree],
        ["enter", "setfiles", "-F", "-r", tree, "-n", "-v", contexts, tree],
    ]


def test_what_would_be_labelled(tmp_path: Path) -> None:
    tree = str(settings(tmp_path))
    runner = RecordingRunner(lambda argv: (0, f"Would relabel {tree}/etc from a to b\n", ""))
    assert selinux.label(runner, tree, [], check_mode=True) == ["/etc"]
    assert all("-n" in argv for argv in runner.calls)


@pytest.mark.parametrize(("rc", "left"), [(255, ""), (0, "Would relabel {tree}/etc from a to b\n")])
def test_labels_that_cannot_be_set_are_a_failure(tmp_path: Path, rc: int, left: str) -> None:
    tree = str(settings(tmp_path))
    runner = RecordingRunner(
        lambda argv: (0, left.format(tree=tree), "") if "-n" in argv else (rc, "", "Operation not supported")
    )
    with pytest.raises(
        GoldsmithError, match=r"^the labels of SELinux cannot be set in .*; use a file system that keeps"
    ):
        selinux.label(runner, tree, [])


def test_labels_of_single_names(tmp_path: Path) -> None:
    tree = str(settings(tmp_path))

    def answer(argv: list[str]) -> tuple[int, str, str]:
        return 0, "".join(f"{name}\tlabel of a {argv[4]}\n" for name in argv[5:]) + "/x\t<<none>>\n", ""

    found = selinux.labels(RecordingRunner(answer), tree, {"/a": "file", "/b": "dir", "/c": "file"})
    assert found == {"/a": "label of a file", "/c": "label of a file", "/b": "label of a dir"}
