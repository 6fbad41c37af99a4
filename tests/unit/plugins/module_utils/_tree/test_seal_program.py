# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sealing as a program: it runs from what it reads on stdin, and needs nothing else of ours."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from helpers.system_trees import make_tree

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import seal, seal_program
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.seal_steps import Request


def run(request: Request) -> dict[str, Any]:
    argv, stdin = seal.sealing(request)
    # From another folder and with nothing in the environment.
    result = subprocess.run(argv, input=stdin, stdout=subprocess.PIPE, text=True, cwd="/", env={}, check=True)
    return json.loads(result.stdout)


def test_the_program_answers_as_the_function_does(tmp_path: Path) -> None:
    trees = [make_tree(tmp_path / name, {"etc/machine-id": "x\n", "tmp/a": "1"}, {}) for name in ("one", "two")]
    steps = ("machine_id", "temporary")
    answer = run(Request(str(trees[0]), steps))
    assert answer == seal_program.seal(Request(str(trees[1]), steps))
    assert answer["steps"]["temporary"] == {"done": {"/tmp/a": "removed"}, "count": 1, "bytes": 1}
    assert (trees[0] / "etc/machine-id").read_bytes() == b""


@pytest.mark.parametrize("name", ["a b", "\udcff", "a\nb", "ä"])
def test_odd_names(tmp_path: Path, name: str) -> None:
    tree = make_tree(tmp_path / name, {"etc/hostname": "", f"tmp/{name}": "1", f"root/{name}.key": "PRIVATE"}, {})
    answer = run(Request(str(tree), ("temporary",)))
    assert answer["steps"]["temporary"]["count"] == 1
    assert not list((tree / "tmp").iterdir())
    # It can be printed, and sent on.
    json.dumps(answer, ensure_ascii=False).encode()


def test_what_is_no_system_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=f"^path={tmp_path}: is a folder without etc; name the root"):
        seal_program.seal(Request(str(tmp_path), ("logs",)))
    assert run(Request(str(tmp_path), ())) == {
        "error": f"path={tmp_path}: is a folder without etc; name the root of a system's files"
    }


def test_what_is_in_use_stays(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree", {"etc/x": "", "tmp/a/run/program": "", "tmp/a/other": "", "tmp/b": ""}, {})
    request = Request(str(tree), ("temporary",), spare=(f"{tree}/tmp/a/run", "/elsewhere"))
    answer = seal_program.seal(request)
    assert list(answer["steps"]["temporary"]["done"]) == ["/tmp/a/other", "/tmp/b"]
    assert answer["warnings"] == []
    assert (tree / "tmp/a/run/program").exists()


def test_all_descriptors_are_closed(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree", {"etc/x": "", "tmp/a/b/c": ""}, {})
    before = os.listdir("/proc/self/fd")
    seal_program.seal(Request(str(tree), ("temporary", "logs")))
    assert os.listdir("/proc/self/fd") == before
