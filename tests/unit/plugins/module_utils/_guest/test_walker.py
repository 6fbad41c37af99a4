# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links lead inside the guest, whatever it is read by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.disks import tool
from helpers.system_trees import make_tree

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import TreeFiles
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.volume_walker import VolumeFiles, files_of
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.walker import Entry, GuestFiles
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.seal_tree import SealTree


def _image(tree: Path) -> VolumeFiles:
    path = tree.parent / "disk"
    tool("mke2fs", "-q", "-F", "-t", "ext4", "-d", tree, path, "16M")
    return files_of("ext4", str(path), 0, "the disk")


READERS: dict[str, Callable[[Path], GuestFiles]] = {
    "folder": lambda tree: TreeFiles(str(tree)),
    "sealed": lambda tree: SealTree(str(tree)),
    "image": _image,
}


@pytest.fixture(params=READERS)
def files(request: pytest.FixtureRequest, tmp_path: Path) -> GuestFiles:
    make_tree(tmp_path, {"secret": "the host's", "outside/file": "the host's"}, {})
    chain = {f"chain/{step}": str(step + 1) for step in range(41)}
    tree = make_tree(
        tmp_path / "tree",
        {
            "etc/motd": "# a\n\nhello\n;b\n",
            "secret": "the guest's",
            "home/one/.x": "",
            "home/two/.x": "1",
            "usr/lib/a/b": "below",
            "chain/41": "end",
        },
        {
            "etc/absolute": "/secret",
            "etc/climbing": "../../../../secret",
            "etc/host": str(tmp_path / "secret"),
            "etc/loop": "loop",
            "etc/ring-a": "ring-b",
            "etc/ring-b": "ring-a",
            "etc/dangling": "/nowhere",
            "etc/far": "/etc/" + "./" * 60 + "motd",
            "folder": str(tmp_path / "outside"),
            "conf": "/etc",
            "again": "conf/",
            "up": "../../../..",
            "lib": "usr/lib",
            **chain,
        },
    )
    return READERS[request.param](tree)


@pytest.mark.parametrize(
    ("path", "real"),
    [
        ("/", "/"),
        ("//etc/./motd", "/etc/motd"),
        ("/../../secret", "/secret"),
        ("/up/up/secret", "/secret"),
        ("/etc/absolute", "/secret"),
        ("/etc/climbing", "/secret"),
        ("/again/motd", "/etc/motd"),
        ("/etc/far", "/etc/motd"),
        ("/lib/a/../../../etc", "/etc"),
        # As many links as the kernel follows.
        ("/chain/1", "/chain/41"),
    ],
)
def test_links_lead_inside(files: GuestFiles, path: str, real: str) -> None:
    entry = files.find(path)
    assert entry is not None
    assert entry.path == real


@pytest.mark.parametrize(
    "path",
    [
        "/missing",
        "/missing/../etc/motd",
        "/etc/motd/below",
        "/etc/motd/../motd",
        "/etc/host",
        "/etc/loop",
        "/etc/ring-a/x",
        "/etc/dangling",
        "/folder/file",
        "/chain/0",
        "/a\0b",
        "/" + "x" * 300,
    ],
)
def test_what_leads_nowhere_is_missing(files: GuestFiles, path: str) -> None:
    assert files.find(path) is None
    assert files.text(path) is None
    assert files.names(path) == files.glob(f"{path}/*") == list(files.walk(path)) == []
    assert not files.is_file(path)


def test_a_link_itself(files: GuestFiles) -> None:
    assert files.exists("/etc/dangling")
    assert files.link("/etc/dangling") == "/nowhere"
    assert files.link("/conf/loop") == "loop"
    assert files.link("/etc/motd") is files.link("/missing") is None


def test_patterns(files: GuestFiles) -> None:
    assert files.glob("/home/*/.x") == ["/home/one/.x", "/home/two/.x"]
    # A link on the way is followed, one that matches is not; what two links lead to is there once.
    assert files.glob("/[ac]*/mot?") == ["/etc/motd"]
    assert files.glob("/etc/*ing") == ["/etc/climbing", "/etc/dangling"]
    assert files.glob("/lib/*/b") == ["/usr/lib/a/b"]
    assert files.glob("/") == ["/"]
    assert files.glob("/etc/motd/*") == files.glob("/nothing/*/x") == files.glob("/nothing") == []


def test_walks_follow_no_link(files: GuestFiles) -> None:
    walked = [entry.path for entry in files.walk("/")]
    assert {"/etc/motd", "/home/one/.x", "/up"} <= set(walked)
    assert not any(path.startswith(("/up/", "/folder/", "/conf/")) for path in walked)
    assert walked.index("/home/one") < walked.index("/home/one/.x")


def test_content(files: GuestFiles, tmp_path: Path) -> None:
    assert files.text("/conf/motd") == "# a\n\nhello\n;b\n"
    assert files.lines("/conf/motd") == ["hello"]
    files.copy_out("/conf/motd", str(tmp_path / "copy"), limit=14)
    assert (tmp_path / "copy").read_text() == files.text("/etc/motd")
    with pytest.raises(GoldsmithError, match="too big"):
        files.copy_out("/conf/motd", str(tmp_path / "copy"), limit=13)
    with pytest.raises(GoldsmithError, match="/etc/dangling is no file"):
        files.copy_out("/etc/dangling", str(tmp_path / "copy"), limit=2)


def test_a_folder_that_is_its_own_ancestor_is_walked_once() -> None:
    class Crafted(TreeFiles):
        def _list(self, folder: Entry):
            yield Entry(f"{folder.path}/me", 0o040755, 0, 12)

    assert len(list(Crafted("/").walk("/"))) == 2
