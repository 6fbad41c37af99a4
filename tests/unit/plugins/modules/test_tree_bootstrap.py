# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module tree_bootstrap: its options as a request, and what it says of layers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from helpers.modules import run_module

from ansible_collections.goldsmith.openstack.plugins.module_utils._evidence import made
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import stack
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.resume import Step
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.tree_request import Request
from ansible_collections.goldsmith.openstack.plugins.modules import tree_bootstrap


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "state is present but all of the following are missing: release"),
        ({"release": "../x"}, "release=../x: is not a name"),
        (
            {"release": "trixie", "packages": ["vim", "a b"]},
            "packages=a b: is not a name; use letters, digits and + . -",
        ),
        ({"release": "trixie", "packages": ["-o"]}, "packages=-o: is not a name"),
        ({"release": "trixie", "packages": ["?essential"]}, "is not a name"),
        ({"release": "trixie", "mirror": "deb.example"}, "mirror=deb.example: is not a URL; write it with http://"),
        ({"release": "trixie", "mirror": "http://a b"}, "is not a URL"),
        ({"release": "trixie", "mirror": "http://a", "security_mirror": "b"}, "security_mirror=b: is not a URL"),
        ({"release": "trixie", "tool": "pacman"}, "value of tool must be one of: mmdebstrap, dnf, zypper"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_bad_parameters(tmp_path: Path, arguments: dict[str, Any], message: str, check: bool) -> None:
    result = run_module("tree_bootstrap", {"path": str(tmp_path / "tree"), **arguments}, check=check)
    assert result["failed"] is True
    assert message in result["msg"]
    assert "\n" not in result["msg"]
    assert not list(tmp_path.iterdir())


def test_check_mode_downloads_nothing(tmp_path: Path) -> None:
    arguments = {"path": str(tmp_path / "tree"), "release": "trixie", "mirror": "http://127.0.0.1:9/debian"}
    result = run_module("tree_bootstrap", arguments, check=True)
    assert result["changed"] is True
    assert result["diff"]["after"]["release"] == "trixie"
    assert not list(tmp_path.iterdir())


DEFAULTS = {
    **dict.fromkeys(tree_bootstrap.ARGUMENT_SPEC),
    **{name: spec["default"] for name, spec in tree_bootstrap.ARGUMENT_SPEC.items() if "default" in spec},
    "path": "/tree",
    "release": "trixie",
}


class Beginning:
    """Stands for the beginning of a build: *packages* are known, and *found* is the uppermost layer."""

    packages, found = "", ""

    def __init__(
        self, runner: Runner, request: Request, cache: str, steps: list[Step], *, fresh: bool, lay: Any
    ) -> None:
        self.steps, self.fresh = steps, fresh
        self.said = [(step.kind, step.digest, step.age) for step in steps]
        made_of.append(self)

    def packages_key(self) -> str:
        return "" if self.fresh else self.packages

    def lay(self, keys: dict[str, str]) -> tuple[str, dict[str, Any]]:
        found = self.found if keys["packages"] else ""
        return found, FACTS if found == "packages" else KEPT if found else {}

    def make(self) -> tuple[str, dict[str, Any]]:
        return "new", FACTS


FACTS = {"packages": [{"package": "vim"}], "epoch": 1, "seconds": 0.1}
# What the role image keeps of a guest and of what roles have done
KEPT = {"removed": {}, "epoch": 1}
made_of: list[Beginning] = []


@pytest.fixture
def layered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The options of a build in layers whose packages are known and whose guest is there."""
    made_of.clear()
    monkeypatch.setattr(Beginning, "packages", "known")
    monkeypatch.setattr(Beginning, "found", "guest")
    monkeypatch.setattr(tree_bootstrap.resume, "Beginning", Beginning)
    out = tmp_path / "out"
    out.mkdir()
    for name in ("a.raw", "manifest.json", "SHA512SUMS"):
        (out / name).touch()
    return {
        **DEFAULTS,
        "layers_dir": str(tmp_path / "cache"),
        "steps": [{"kind": "guest", "digest": "g", "age": None}, {"kind": "roles", "digest": "r", "age": 2.0}],
        "made": {"directory": str(out), "digest": "d", "questions": "asked"},
    }


def take_down(layered: dict[str, Any], key: str) -> None:
    artifacts = [{"file": "a.raw", "sha512": "1"}]
    made.take_down(layered["layers_dir"], layered["made"]["directory"], key, artifacts)


def test_a_build_goes_on_above_what_is_there(layered: dict[str, Any]) -> None:
    result = tree_bootstrap.run(layered, False)
    assert made_of[0].said == [("guest", "g", None), ("roles", "r", 7200.0)]
    assert (result["changed"], result["current"], result["layer"]) == (True, False, "guest")
    assert (result["facts"], result["proof"]) == (KEPT, {})
    assert list(result["keys"]) == ["packages", "guest", "roles", "artifacts"]
    assert result["keys"]["packages"] == "known"
    assert "packages" not in result, "they are told where they are known"


def test_packages_that_are_there_are_told(layered: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Beginning, "found", "packages")
    result = tree_bootstrap.run(layered, False)
    assert result["layer"] == "packages"
    assert {name: result[name] for name in FACTS} == result["facts"] == FACTS


@pytest.mark.parametrize("more", [{"fresh": True}, {"found": ""}, {"packages": ""}])
def test_what_is_not_there_is_made(
    layered: dict[str, Any], monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]
) -> None:
    take_down(layered, tree_bootstrap.run(layered, False)["keys"]["artifacts"])
    if "fresh" in more:
        layered.update(more)
    else:
        # Of files that others made nothing is known either.
        layered["made"] = None
        for name, value in more.items():
            monkeypatch.setattr(Beginning, name, value)
    result = tree_bootstrap.run(layered, False)
    assert (result["changed"], result["current"], result["layer"]) == (True, False, "")
    assert result["keys"]["packages"] == "new" and result["keys"]["guest"] and result["keys"]["roles"]
    assert {name: result[name] for name in FACTS} == FACTS


@pytest.mark.parametrize("found", ["", "packages", "guest"])
def test_what_was_warned_of_is_told_whichever_layer_is_there(
    layered: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: str
) -> None:
    monkeypatch.setattr(Beginning, "found", found)
    for facts in (FACTS, KEPT):
        monkeypatch.setitem(facts, "base_warnings", ["of the base"])

    class Base:
        identity, is_here = "sha512:0", True

    monkeypatch.setattr(tree_bootstrap.base, "of_params", lambda runner, params, architecture: Base())
    monkeypatch.setattr(tree_bootstrap.options, "notes", lambda params: ["of the host"])
    result = tree_bootstrap.run({**layered, "base": str(tmp_path / "base.raw"), "guest_mirror": "build"}, False)
    assert result["notes"] == result["warnings"] == ["of the base", "of the host"]


def test_files_that_would_be_the_same_are_current(layered: dict[str, Any]) -> None:
    keys = tree_bootstrap.run(layered, False)["keys"]
    take_down(layered, keys["artifacts"])
    result = tree_bootstrap.run(layered, False)
    assert (result["changed"], result["current"], result["layer"]) == (False, True, "")
    assert (result["sha512"], result["proof"], result["keys"]) == (["1"], {}, keys)
    made.keep_proof(layered["layers_dir"], ["1"], "asked", {"boots": 1})
    assert tree_bootstrap.run(layered, False)["proof"] == {"boots": 1}
    layered["made"]["questions"] = "others"
    result = tree_bootstrap.run(layered, False)
    assert (result["current"], result["proof"]) == (True, {})


@pytest.mark.parametrize(
    "change", ["packages", "guest", "roles", "digest", "directory", "tools", "fresh", "no role", "unknown", "age"]
)
def test_files_of_which_something_changed_are_not(
    layered: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    tool = tmp_path / "tool"
    tool.touch()
    monkeypatch.setattr(tree_bootstrap, "find_program", lambda name: str(tool) if name == "mke2fs" else None)
    if change == "no role":
        # Whatever a role is that cannot be found: it may be another one now.
        layered["steps"][1]["digest"] = ""
    if change == "unknown":
        monkeypatch.setattr(Beginning, "packages", "")
    take_down(layered, tree_bootstrap.run(layered, False)["keys"]["artifacts"])
    if change == "packages":
        monkeypatch.setattr(Beginning, "packages", "others")
    elif change == "guest":
        layered["steps"][0]["digest"] = "h"
    elif change == "roles":
        layered["steps"][1]["digest"] = "s"
    elif change in ("digest", "directory"):
        layered["made"][change] = str(tmp_path)
    elif change == "tools":
        os.utime(tool, (1, 1))
    elif change == "fresh":
        layered["fresh"] = True
    elif change == "age":
        now = made.time.time()
        monkeypatch.setattr(made.time, "time", lambda: now + 7300)
    assert tree_bootstrap.run(layered, False)["current"] is False


def test_check_mode_begins_nothing(layered: dict[str, Any], tmp_path: Path) -> None:
    result = tree_bootstrap.run({**layered, "path": str(tmp_path / "tree")}, True)
    assert result["changed"] is True
    assert made_of == []
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_tree_in_layers_is_not_made_over(tmp_path: Path) -> None:
    tree = str(tmp_path / "tree")
    stack.lay(tree, [])
    given = {"path": tree, "release": "trixie", "layers_dir": str(tmp_path / "cache")}
    result = run_module("tree_bootstrap", given)
    assert result["msg"] == f"path={tree}: is there already; remove it first, with state=absent"


@pytest.mark.root
def test_a_tree_in_layers_is_removed(tmp_path: Path) -> None:
    tree = str(tmp_path / "tree")
    stack.lay(tree, [])
    assert run_module("tree_bootstrap", {"path": tree, "state": "absent"})["changed"] is True
    assert list(tmp_path.iterdir()) == []
