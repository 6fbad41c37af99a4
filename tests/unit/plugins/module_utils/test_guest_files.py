# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a guest's files: links stay inside, and hostile names are no commands."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from helpers.system_trees import make_tree

from ansible_collections.goldsmith.openstack.plugins.module_utils import _guest_files
from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest_files import ExtFiles, TreeFiles
from ansible_collections.goldsmith.openstack.plugins.module_utils._run import Result

LISTING = """\
debugfs: ls -p <2>
/2/040755/0/0/.//
/2/040755/0/0/..//
/12/120777/0/0/bin/7/
/21/040755/0/0/etc//
/0/000000/0/0//0/

debugfs: ls -p <21>
/21/040755/0/0/.//
/2/040755/0/0/..//
/30/100644/0/0/a name: with/5/
/31/100644/0/0/empty/0/

"""


class Debugfs:
    """Answers like debugfs with one folder, one file and one link."""

    ANSWERS = {
        "ls -p <2>\n": "debugfs: ls -p <2>\n/12/120777/0/0/conf/3/\n/21/040755/0/0/etc//\n/13/120777/0/0/up/20/\n\n",
        "ls -p <21>\n": (
            "debugfs: ls -p <21>\n/30/100644/0/0/motd/5/\n/31/100644/0/0/huge/99999999/\n/21/040755/0/0/me//\n"
        ),
        "cat <30>": "hello",
        "stat <12>": 'Inode: 12\nFast link dest: "etc"\n',
        "stat <13>": "Inode: 13\nEXTENTS:\n(0):17685\n",
        "cat <13>": "../../../etc/motd",
    }

    def __init__(self) -> None:
        self.asked: list[str] = []

    def run(self, argv, *, stdin=None, **_options) -> Result:
        question = stdin or argv[argv.index("-R") + 1]
        self.asked.append(question)
        return Result(tuple(argv), 0, self.ANSWERS[question], "debugfs 1.47.0\n")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("the host's")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("the host's")
    return make_tree(
        tmp_path / "tree",
        {"etc/motd": "hello\n", "secret": "the guest's", "home/one/.x": "", "home/two/.x": "1"},
        {
            "etc/absolute": "/secret",
            "etc/climbing": "../../../../secret",
            "etc/host": str(tmp_path / "secret"),
            "folder": str(tmp_path / "outside"),
            "etc/loop": "loop",
            "etc/ring-a": "ring-b",
            "etc/ring-b": "ring-a",
            "conf": "/etc",
            "up": "../../../..",
            "etc/dangling": "/nowhere",
        },
    )


def test_links_lead_inside_the_tree(tree: Path) -> None:
    files = TreeFiles(str(tree))
    assert files.text("/etc/absolute") == "the guest's"
    assert files.text("/etc/climbing") == "the guest's"
    assert files.text("/up/secret") == "the guest's"
    assert files.text("/../../secret") == "the guest's"
    assert files.text("/conf/motd") == "hello\n"


def test_links_to_the_host_lead_nowhere(tree: Path) -> None:
    files = TreeFiles(str(tree))
    assert files.text("/etc/host") is None
    assert files.text("/folder/file") is None
    assert files.names("/folder") == []
    assert files.glob("/folder/*") == []
    assert [entry.path for entry in files.walk("/folder")] == []


@pytest.mark.parametrize("path", ["/etc/loop", "/etc/ring-a", "/etc/dangling", "/etc/motd/below", "/missing"])
def test_what_leads_nowhere_is_missing(tree: Path, path: str) -> None:
    assert TreeFiles(str(tree)).text(path) is None


def test_a_link_itself(tree: Path) -> None:
    files = TreeFiles(str(tree))
    assert files.exists("/etc/dangling")
    assert files.link("/etc/dangling") == "/nowhere"
    assert files.link("/etc/motd") is None
    assert not files.is_file("/etc/dangling")


def test_patterns_and_walks(tree: Path) -> None:
    files = TreeFiles(str(tree))
    assert files.glob("/home/*/.x") == ["/home/one/.x", "/home/two/.x"]
    assert files.glob("/conf/mot*") == ["/conf/motd"]
    walked = {entry.path for entry in files.walk("/")}
    assert {"/etc/motd", "/home/one/.x", "/up"} <= walked
    assert not any(path.startswith(("/up/", "/folder/", "/conf/")) for path in walked)


def test_a_pipe_does_not_block(tree: Path) -> None:
    os.mkfifo(tree / "etc" / "pipe")
    assert TreeFiles(str(tree)).text("/etc/pipe") is None


def test_listing_of_debugfs() -> None:
    commands = ["ls -p <2>", "ls -p <21>"]
    root, etc = (
        _guest_files.parse_listing(lines, folder)
        for lines, folder in zip(_guest_files.split_output(LISTING, commands), ("/", "/etc"), strict=True)
    )
    assert {name: (entry.kind, entry.inode, entry.path) for name, entry in root.items()} == {
        "bin": ("link", 12, "/bin"),
        "etc": ("folder", 21, "/etc"),
    }
    assert (etc["a name: with"].size, etc["empty"].size) == (5, 0)


@pytest.mark.parametrize(
    "output",
    [
        "debugfs: ls -p <2>\n/12/100644/0/0/x\ndebugfs: ls -p <21>\ndebugfs: ls -p <21>\n",
        "debugfs: ls -p <2>\n/12/100644/0/0/x\ndebugfs: rm y/0/\ndebugfs: ls -p <21>\n",
        "debugfs: ls -p <2>\n",
        "",
    ],
)
def test_names_that_look_like_output_are_refused(output: str) -> None:
    with pytest.raises(GoldsmithError):
        _guest_files.split_output(output, ["ls -p <2>", "ls -p <21>"])


@pytest.mark.parametrize("line", ["/12/100644/0/0/first half", "second half/3/", "/1/100644/0/0/a/b/3/"])
def test_names_with_line_breaks_and_slashes_are_refused(line: str) -> None:
    with pytest.raises(GoldsmithError, match="/etc of the image"):
        _guest_files.parse_listing([line], "/etc")


def test_an_image_is_asked_by_inode_and_once() -> None:
    debugfs = Debugfs()
    files = ExtFiles(debugfs, "disk?offset=1048576")
    assert files.text("/conf/motd") == "hello"
    assert files.text("/up") == "hello"
    assert files.text("/etc/motd") == "hello"
    assert debugfs.asked.count("ls -p <21>\n") == 1


def test_a_folder_that_is_its_own_ancestor_is_walked_once() -> None:
    files = ExtFiles(Debugfs(), "disk")
    assert [entry.path for entry in files.walk("/etc")].count("/etc/me/motd") <= 1


def test_a_huge_file_is_refused() -> None:
    with pytest.raises(GoldsmithError, match="too big"):
        ExtFiles(Debugfs(), "disk").text("/etc/huge")


def test_a_file_is_copied_out_of_a_tree(tree: Path, tmp_path: Path) -> None:
    (tree / "etc/binary").write_bytes(b"\xff\0\xfe")
    files = TreeFiles(str(tree))
    files.copy_out("/conf/binary", str(tmp_path / "copy"), limit=3)
    assert (tmp_path / "copy").read_bytes() == b"\xff\0\xfe"
    with pytest.raises(GoldsmithError, match="too big"):
        files.copy_out("/conf/binary", str(tmp_path / "copy"), limit=2)
    with pytest.raises(GoldsmithError, match="/etc/dangling is no file"):
        files.copy_out("/etc/dangling", str(tmp_path / "copy"), limit=2)


def test_a_file_is_copied_out_of_an_image_or_it_is_said(tmp_path: Path) -> None:
    class Dumping(Debugfs):
        def run(self, argv, *, stdin=None, **options) -> Result:
            question = argv[argv.index("-R") + 1] if "-R" in argv else ""
            if question.startswith("dump <30> "):
                Path(question.split('"')[1]).write_bytes(b"hello")
                return Result(tuple(argv), 0, "", "")
            if question.startswith("dump "):
                return Result(tuple(argv), 0, "", "dump: Permission denied")
            return super().run(argv, stdin=stdin, **options)

    files = ExtFiles(Dumping(), "disk")
    files.copy_out("/etc/motd", str(tmp_path / "copy"), limit=5)
    assert (tmp_path / "copy").read_bytes() == b"hello"
    with pytest.raises(GoldsmithError, match="cannot read /etc/huge in disk"):
        files.copy_out("/etc/huge", str(tmp_path / "huge"), limit=1 << 40)
