# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files, links and absences in one go."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.configuration import Entry, bring_about
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError


def settle(*entries: Entry, check: bool = False) -> dict[str, Any]:
    return bring_about(entries, check_mode=check)


WANTED = [
    {"content": "text\n"},
    {"content": ""},
    {"content": "x", "mode": 0o600},
    {"target": "somewhere/else"},
    {},
]
FOUND = ["nothing", "file", "empty file", "link", "dangling link"]


def put(path: Path, kind: str) -> None:
    if kind == "file":
        path.write_text("before\n")
    elif kind == "empty file":
        path.write_text("")
    elif kind == "link":
        (path.parent / "goal").write_text("goal\n")
        path.symlink_to("goal")
    elif kind == "dangling link":
        path.symlink_to("nowhere")


@pytest.mark.parametrize("wanted", WANTED, ids=str)
@pytest.mark.parametrize("found", FOUND)
def test_from_everything_to_everything(tmp_path: Path, wanted: dict[str, Any], found: str) -> None:
    path = tmp_path / "name"
    put(path, found)
    entry = Entry(str(path), **wanted)
    before = (os.path.lexists(path), path.is_symlink(), path.read_text() if path.exists() else None)
    checked = settle(entry, check=True)
    assert (os.path.lexists(path), path.is_symlink(), path.read_text() if path.exists() else None) == before
    result = settle(entry)
    assert result["changed"] is checked["changed"]
    assert result["diff"] == checked["diff"]
    if "target" in wanted:
        assert os.readlink(path) == "somewhere/else"
    elif "content" in wanted:
        assert not path.is_symlink()
        assert path.read_text() == wanted["content"]
        assert path.stat().st_mode & 0o7777 == wanted.get("mode", 0o644)
    else:
        assert not os.path.lexists(path)
    if found == "link":
        assert (tmp_path / "goal").read_text() == "goal\n", "what a link points to stays"
    again = settle(entry)
    assert (again["changed"], again["paths"], again["diff"]) == (False, [], [])


def test_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "c"
    assert settle(Entry(str(path), content="x"))["paths"] == [str(path)]
    assert path.read_text() == "x"
    assert [entry.name for entry in path.parent.iterdir()] == ["c"]


def test_only_what_differs_is_changed_and_shown(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("same")
    two.write_text("before")
    result = settle(Entry(str(one), content="same"), Entry(str(two), content="after"))
    assert result["paths"] == [str(two)]
    assert result["diff"] == [
        {"before_header": str(two), "after_header": str(two), "before": "before", "after": "after"}
    ]


def test_a_change_of_the_mode_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "name"
    path.write_text("same")
    path.chmod(0o600)
    diff = settle(Entry(str(path), content="same"))["diff"][0]
    assert (diff["before"], diff["after"]) == ("mode 0600\nsame", "mode 0644\nsame")


def test_what_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    for entry in (Entry(str(tmp_path / "folder")), Entry(str(tmp_path / "folder"), content="x")):
        with pytest.raises(OptionError, match=r"files.path=.*folder: is neither a file nor a link; remove it first"):
            settle(entry)
    with pytest.raises(GoldsmithError, match="cannot write"):
        settle(Entry(str(tmp_path / "file" / "below"), content="x"))
