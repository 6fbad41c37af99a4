# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is planned is seen as done, and what is mounted in a tree is no part of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.system_trees import make_tree

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.seal_tree import (
    READ_LIMIT,
    SealTree,
    mounts_below,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_tree(
        tmp_path / "tree",
        {"etc/name": "text\n", "usr/lib/a/b": "below", "usr/lib/a/c": "", "var/x/1": "", "var/y/2": ""},
        {"lib": "usr/lib", "absolute": "/etc", "out": "/else", "one": "one", "var/link": "/usr/lib/a"},
    )


@pytest.fixture
def tree(root: Path) -> SealTree:
    return SealTree(str(root))


def test_where_something_is_made(tree: SealTree) -> None:
    assert tree.place("/lib/udev/rules.d/x") == "/usr/lib/udev/rules.d/x"
    assert tree.place("/absolute/name") == "/etc/name"
    assert tree.place("/out/new") == "/else/new"
    for path in ("/etc/name/x", "/one/x", "/missing/../x", "/a\0b"):
        with pytest.raises(GoldsmithError, match=r"^cannot make .*: a name on its way is no folder of the tree"):
            tree.place(path)


def test_texts_can_be_written_back(tree: SealTree, root: Path) -> None:
    (root / "etc/bytes").write_bytes(b"a\xff\n")
    with (root / "etc/huge").open("w") as file:
        file.truncate(READ_LIMIT + 1)
    assert tree.text("/etc/bytes") == "a\udcff\n"
    assert tree.text("/etc/name", 3) is tree.text("/etc/huge") is tree.text("/etc") is None


def test_what_is_planned_is_seen_as_done(tree: SealTree) -> None:
    tree.hide("/etc/name")
    assert not tree.exists("/absolute/name")
    tree.show("/new/folder/file", 0o100644, "made\n")
    tree.show("/new/link", 0o120777, "folder/file")
    assert tree.text("/new/link") == "made\n"
    assert [entry.path for entry in tree.walk("/new")] == ["/new/folder", "/new/link", "/new/folder/file"]


def test_mounts_are_no_part_of_it(root: Path) -> None:
    tree = SealTree(str(root), frozenset({"/var/x", "/usr/lib/a/c"}))
    assert tree.glob("/var/*") == ["/var/link", "/var/y"]
    assert tree.find("/var/x/1") is None
    for path in ("/var/x", "/var/x/new"):
        with pytest.raises(GoldsmithError, match="no folder of the tree"):
            tree.place(path)
    assert tree.is_mount("/var/x")
    assert tree.holds_mount("/usr")
    assert not tree.holds_mount("/var/y")
    assert tree.met == {"/var/x", "/usr/lib/a/c"}


def test_a_disk_of_its_own_is_looked_into_but_not_removed(root: Path) -> None:
    tree = SealTree(str(root), mounts=frozenset({"/var/x"}))
    assert tree.find("/var/x/1")
    assert tree.is_mount("/var/x")
    assert tree.holds_mount("/var")
    assert not tree.met


MOUNTS = r"""
20 1 254:0 / / rw - ext4 /dev/vda rw
21 20 0:5 / /proc rw - proc proc rw
22 20 254:1 / /srv/tree/var/log rw shared:1 - ext4 /dev/vdb rw
23 20 0:6 / /srv/tree/home rw - nfs4 server:/home rw
24 20 254:0 /etc /srv/tree/a\040b rw - ext4 /dev/vda rw
25 20 254:0 / /srv/tree rw - ext4 /dev/vda rw
26 20 254:0 / /srv/tree-other rw - ext4 /dev/vda rw
""".strip()


def test_what_is_mounted() -> None:
    assert mounts_below("/srv/tree", MOUNTS, running=False) == ({"/var/log", "/home", "/a b"}, set())
    # A running machine's own disks are part of it.
    own = {"/srv/tree/var/log", "/srv/tree/a b", "/srv/tree", "/srv/tree-other"}
    assert mounts_below("/", MOUNTS, running=True) == ({"/proc", "/srv/tree/home"}, own)
