# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written as xfs is read again; the tools of the system judge it in tests/integration."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import written

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import volume
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError


def test_all_of_a_tree_is_in_it(tmp_path: Path) -> None:
    tree = written.some_tree(tmp_path / "tree")
    image = written.write("xfs", tmp_path / "image", tree, offset=1 << 20, size=400 << 20)
    found = written.seen(volume.reader("xfs", str(image), 1 << 20))
    assert found == written.there(tree)


def test_the_same_tree_gives_the_same_bytes(tmp_path: Path) -> None:
    tree = written.some_tree(tmp_path / "tree")
    one, other = (written.write("xfs", tmp_path / name, tree) for name in ("one", "other"))
    assert one.read_bytes() == other.read_bytes()


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "large").write_bytes(b"x" * volume.SMALLEST["xfs"])
    with pytest.raises(GoldsmithError, match=r"the tree does not fit into an? xfs of \d+ bytes; give it"):
        written.write("xfs", tmp_path / "image", tree)


def test_an_empty_one_has_a_root(tmp_path: Path) -> None:
    image = written.write("xfs", tmp_path / "image", None)
    found = written.seen(volume.reader("xfs", str(image), 0))
    assert found == {"/": (0o040755, 0, 0, 0, written.EPOCH * 10**9, None)}


def test_inodes_need_not_fit_into_one_leaf(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for folder in range(17):
        (tree / str(folder)).mkdir(parents=True)
        for number in range(1000):
            (tree / str(folder) / f"{number}").touch()
    image = written.write("xfs", tmp_path / "image", tree)
    assert len(written.seen(volume.reader("xfs", str(image), 0))) == 1 + 17 + 17 * 1000
    # The tree of inodes of the first group has two levels.
    assert image.read_bytes()[3 * 4096 : 3 * 4096 + 6] == b"IAB3\0\1"
