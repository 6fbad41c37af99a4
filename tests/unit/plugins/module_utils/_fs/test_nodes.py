# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree as nodes: each once, in one order, with what comes on top."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import nodes
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.nodes import HOLE, Node
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    (folder / "b" / "deep").mkdir(parents=True)
    (folder / "a").write_text("one")
    os.link(folder / "a", folder / "b" / "same")
    (folder / "c").symlink_to("a")
    return folder


def names(found: list[Node]) -> list[list[bytes]]:
    return [[name for _folder, name in node.names] for node in found]


def test_a_file_with_two_names_is_one_node(tree: Path) -> None:
    found = nodes.scan(str(tree), {}, 0)
    assert names(found) == [[], [b"a", b"same"], [b"b"], [b"c"], [b"deep"]]
    assert [node.kind for node in found] == [2, 1, 2, 7, 2]
    assert found[3].target == b"a"
    assert found[0].children == {b"a": 1, b"b": 2, b"c": 3}


def test_files_come_on_top_and_their_folders_before(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "new").write_text("four")
    found = nodes.scan(str(tree), {"/a": str(tmp_path / "new"), "/boot/grub/cfg": str(tmp_path / "new")}, 9)
    by_name = {name: node for node in found for _folder, name in node.names}
    # The other name of what was there stays.
    assert by_name[b"same"].size == 3 and by_name[b"same"].names == [(2, b"same")]
    assert (by_name[b"a"].size, by_name[b"a"].mode, by_name[b"a"].mtime) == (4, 0o100644, 9 * 10**9)
    assert by_name[b"grub"].mode == stat.S_IFDIR | 0o755
    assert by_name[b"cfg"].whole
    assert all(
        found[folder].children[name] == number for number, node in enumerate(found) for folder, name in node.names
    )


def test_what_is_replaced_and_has_no_other_name_is_gone(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "new").write_text("four")
    found = nodes.scan(str(tree), {"/c": str(tmp_path / "new")}, 9)
    assert len(found) == 5 and not any(node.is_link for node in found)


def test_a_file_on_the_way_is_refused(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(GoldsmithError, match="a on the way to /a/b is no folder of the tree"):
        nodes.scan(str(tree), {"/a/b": str(tmp_path)}, 0)


def test_zeros_become_holes_wherever_they_lie_on_the_host(tmp_path: Path) -> None:
    sparse, plain = tmp_path / "sparse", tmp_path / "plain"
    with open(sparse, "wb") as file:
        file.truncate(40 * HOLE)
        file.seek(3 * HOLE + 5)
        file.write(b"x" * HOLE)
    plain.write_bytes(sparse.read_bytes())
    for path in (sparse, plain):
        node = nodes._node(str(path))
        assert nodes.stretches(node) == [(3 * HOLE, 2 * HOLE)]
        assert b"".join(data for _place, data in nodes.content(node, 3 * HOLE, HOLE)) == bytes(5) + b"x" * (HOLE - 5)
        node.whole = True
        assert nodes.stretches(node) == [(0, 40 * HOLE)]


def test_a_file_of_nothing_has_no_stretch(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    (tmp_path / "zeros").write_bytes(bytes(5000))
    assert nodes.stretches(nodes._node(str(tmp_path / "empty"))) == []
    assert nodes.stretches(nodes._node(str(tmp_path / "zeros"))) == []


def test_the_smallest_holes_are_given_up_first() -> None:
    found = [(0, 1), (10, 1), (12, 1), (50, 1)]
    assert nodes.fewer(found, 4) == found
    assert nodes.fewer(found, 3) == [(0, 1), (10, 3), (50, 1)]
    assert nodes.fewer(found, 1) == [(0, 51)]


def test_a_file_that_shrinks_meanwhile_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 10)
    node = nodes._node(str(tmp_path / "file"))
    node.size = 20
    with pytest.raises(GoldsmithError, match="became shorter while it was read"):
        list(nodes.content(node, 0, 20))


def test_labels_are_given_to_what_has_none(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "new").write_text("four")
    given = {"/boot/cfg": "a", "/boot": "b", "/none": "c"}
    found = nodes.scan(str(tree), {"/boot/cfg": str(tmp_path / "new")}, 9, given)
    by_name = {name: dict(node.xattrs) for node in found for _folder, name in node.names}
    assert by_name[b"cfg"] == {b"security.selinux": b"a\0"}
    assert by_name[b"boot"] == {b"security.selinux": b"b\0"}
    assert by_name[b"b"] == {}
