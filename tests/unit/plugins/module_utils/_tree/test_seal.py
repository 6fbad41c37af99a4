# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked for becomes a request to the program, and its answer the result."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from helpers.runners import RecordingRunner

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import seal

ANSWER = {
    "steps": {
        "logs": {"done": {"/var/log/a": "removed", "/var/log/wtmp": "emptied"}, "count": 2, "bytes": 30},
        "mail": {"done": {}, "count": 0, "bytes": 0},
    },
    "stays": ["/etc/hostname: x"],
    "warnings": ["careful"],
}


@pytest.fixture(autouse=True)
def prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespaces, "prefix", lambda: ["enter"])


def answering(answer: object) -> RecordingRunner:
    return RecordingRunner(lambda argv: (0, json.dumps(answer), ""))


def test_the_result(tmp_path: Path) -> None:
    runner = answering(ANSWER)
    result = seal.seal(runner, f"{tmp_path}/../{tmp_path.name}", steps=["mail", "logs"], check_mode=True)
    assert result == {
        "changed": True,
        "steps": {
            "logs": {"paths": ["/var/log/a", "/var/log/wtmp"], "count": 2, "bytes": 30},
            "mail": {"paths": [], "count": 0, "bytes": 0},
        },
        "bytes": 30,
        "stays": ["/etc/hostname: x"],
        "notes": ["careful"],
        "warnings": ["careful"],
        "diff": [
            {
                "before_header": "logs",
                "after_header": "logs",
                "before": "/var/log/a\n/var/log/wtmp\n",
                "after": "/var/log/wtmp: emptied\n",
            }
        ],
    }
    assert runner.calls[0][0] == "enter"
    request = json.loads(runner.options[0]["stdin"])["request"]
    assert (request["root"], request["check_mode"], request["running"]) == (str(tmp_path), True, False)
    # In an order of our own: account files are locked after their older versions are gone.
    assert request["steps"] == ["logs", "mail"]


def test_nothing_done_is_no_change(tmp_path: Path) -> None:
    result = seal.seal(answering({**ANSWER, "steps": {"mail": ANSWER["steps"]["mail"]}}), str(tmp_path))
    assert (result["changed"], result["diff"]) == (False, [])


def test_an_error_of_the_program_is_one_of_the_module(tmp_path: Path) -> None:
    with pytest.raises(GoldsmithError, match=r"^cannot remove /x$"):
        seal.seal(answering({"error": "cannot remove /x"}), str(tmp_path))


def test_a_folder_of_that_name_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="is not a folder"):
        seal.seal(answering(ANSWER), str(tmp_path / "missing"))


@pytest.mark.parametrize("path", ["/", "//", "/etc/..", "/proc/self/root", "link"])
def test_this_machine_only_when_it_is_meant(tmp_path: Path, path: str) -> None:
    (tmp_path / "link").symlink_to("/")
    path = str(tmp_path / path) if path == "link" else path
    runner = answering(ANSWER)
    with pytest.raises(OptionError, match=r"is this machine itself; if that is what you want, set running=true"):
        seal.seal(runner, path)
    assert not runner.calls


def test_this_machine_needs_root_and_no_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    runner = answering(ANSWER)
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    with pytest.raises(OptionError, match=r"^path=/: needs root; set become: true$"):
        seal.seal(runner, "/", running=True)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    seal.seal(runner, "/", running=True)
    assert runner.calls[0][0] != "enter"
    request = json.loads(runner.options[0]["stdin"])["request"]
    assert (request["root"], request["running"]) == ("/", True)


def test_a_tree_is_no_running_machine(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="is not the root of the running machine; leave running out for a tree"):
        seal.seal(answering(ANSWER), str(tmp_path), running=True)
