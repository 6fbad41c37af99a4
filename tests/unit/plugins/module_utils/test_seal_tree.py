# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree is read through its folders: links lead inside it, and what is mounted in it is no part of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.system_trees import make_tree

from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._seal_tree import (
    READ_LIMIT,
    Folders,
    Tree,
    mounts_below,
    shown,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_tree(
        tmp_path / "tree",
        {"etc/name": "text\n", "usr/lib/a/b": "below", "usr/lib/a/c": "", "var/x/1": "", "var/y/2": ""},
        {
            "lib": "usr/lib",
            "absolute": "/etc",
            "climbing": "../../../../etc",
            "out": str(tmp_path),
            "one": "two",
            "two": "one",
            "var/link": "/usr/lib/a",
            "etc/alias": "name",
        },
    )


@pytest.fixture
def folders(root: Path) -> Iterator[Folders]:
    opened = Folders(str(root))
    yield opened
    opened.close()


@pytest.fixture
def tree(folders: Folders) -> Tree:
    return Tree(folders)


@pytest.mark.parametrize(
    ("path", "real"),
    [
        ("/etc/name", "/etc/name"),
        ("//etc/./name", "/etc/name"),
        ("/lib/a/b", "/usr/lib/a/b"),
        ("/absolute/name", "/etc/name"),
        ("/climbing/name", "/etc/name"),
        ("/../../etc/name", "/etc/name"),
        ("/usr/lib/../../etc/alias", "/etc/name"),
        ("/var/link/b", "/usr/lib/a/b"),
        ("/", "/"),
    ],
)
def test_links_lead_inside(tree: Tree, path: str, real: str) -> None:
    entry = tree.find(path)
    assert entry is not None
    assert entry.path == real


@pytest.mark.parametrize("path", ["/missing", "/etc/name/x", "/one", "/one/x", "/out/tree", "/a\0b", "/" + "x" * 300])
def test_what_leads_nowhere(tree: Tree, path: str) -> None:
    assert tree.find(path) is None
    assert tree.text(path) is None
    assert tree.entries(path) == []
    assert list(tree.walk(path)) == []


def test_the_last_link_may_be_kept(tree: Tree) -> None:
    entry = tree.find("/absolute", follow=False)
    assert entry is not None
    assert entry.is_link
    assert tree.read_link(entry) == "/etc"


def test_patterns(tree: Tree) -> None:
    assert [entry.path for entry in tree.glob("/var/*")] == ["/var/link", "/var/x", "/var/y"]
    # A link on the way is followed.
    assert [entry.path for entry in tree.glob("/var/*/*")] == ["/usr/lib/a/b", "/usr/lib/a/c", "/var/x/1", "/var/y/2"]
    assert [entry.path for entry in tree.glob("/lib/*/b")] == ["/usr/lib/a/b"]
    assert tree.glob("/etc/name/*") == tree.glob("/nothing/*/x") == []


def test_where_something_is_made(tree: Tree) -> None:
    assert tree.place("/lib/udev/rules.d/x") == "/usr/lib/udev/rules.d/x"
    assert tree.place("/absolute/name") == "/etc/name"
    assert tree.place("/out/new") == f"{os.path.dirname(os.readlink(_host(tree) + '/out'))}/{_last(tree)}/new"
    for path in ("/etc/name/x", "/one/x"):
        with pytest.raises(GoldsmithError, match=f"^cannot make {path}: a name on its way is no folder of the tree"):
            tree.place(path)


def _host(tree: Tree) -> str:
    return os.readlink(f"/proc/self/fd/{tree._folders.open('/')}")


def _last(tree: Tree) -> str:
    return os.path.basename(os.path.dirname(_host(tree)))


def test_texts(tree: Tree, root: Path) -> None:
    (root / "etc/bytes").write_bytes(b"a\xff\n")
    os.mkfifo(root / "etc/pipe")
    with (root / "etc/huge").open("w") as file:
        file.truncate(READ_LIMIT + 1)
    assert tree.text("/etc/alias") == "text\n"
    assert tree.text("/etc/bytes") == "a\udcff\n"
    assert tree.text("/etc/name", 3) is None
    assert tree.text("/etc/huge") is None
    assert tree.text("/etc/pipe") is None
    assert tree.text("/etc") is None
    assert tree.lines("/etc/name") == ["text"]


def test_what_is_planned_is_seen_as_done(tree: Tree) -> None:
    tree.hide("/etc/name")
    assert tree.find("/etc/alias") is None
    tree.show("/new/folder/file", 0o100644, "made\n")
    assert tree.text("/new/folder/file") == "made\n"
    assert [entry.path for entry in tree.walk("/new")] == ["/new/folder", "/new/folder/file"]


def test_mounts_are_no_part_of_it(folders: Folders) -> None:
    tree = Tree(folders, frozenset({"/var/x", "/usr/lib/a/c"}))
    assert [entry.path for entry in tree.glob("/var/*")] == ["/var/link", "/var/y"]
    assert tree.find("/var/x/1") is None
    with pytest.raises(GoldsmithError, match="no folder of the tree"):
        tree.place("/var/x/new")
    assert tree.is_mount("/var/x")
    assert tree.holds_mount("/usr")
    assert not tree.holds_mount("/var/y")
    assert tree.met == {"/var/x", "/usr/lib/a/c"}


def test_a_disk_of_its_own_is_looked_into_but_not_removed(folders: Folders) -> None:
    tree = Tree(folders, mounts=frozenset({"/var/x"}))
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


@pytest.mark.parametrize(
    ("path", "text"),
    [("/a b", "/a b"), ("/käse", "/käse"), ("/a\nb\x1b", "/a\\nb\\x1b"), ("/a\udcff", "/a\\xff")],
)
def test_paths_as_they_are_printed(path: str, text: str) -> None:
    assert shown(path) == text


def test_a_deep_walk(tree: Tree, root: Path) -> None:
    before = len(list(tree.walk("/")))
    here = os.open(root, os.O_RDONLY)
    for depth in range(300):
        name = f"{depth:0100}"
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("end", os.O_CREAT, dir_fd=here))
    os.close(here)
    assert len(list(Tree(tree._folders).walk("/"))) == before + 300 + 1
