# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module tree_layer, where trees are copied: layers on each other are for the integration tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.modules import run_module

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import stack
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.layers import Store
from ansible_collections.goldsmith.openstack.plugins.modules import tree_layer

NOTHING = {"before": "", "after": ""}


@pytest.fixture
def copies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespaces, "prefix", list)
    monkeypatch.setattr(stack, "possible", lambda runner, tree: False)


@pytest.fixture
def options(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/file").write_bytes(b"x" * (1 << 20))
    return {
        "path": str(tmp_path / "tree"),
        "layers_dir": str(tmp_path / "cache"),
        "kind": "guest",
        "key": "abc",
        "facts": {"removed": {"size": 1}},
        "max_size": None,
    }


@pytest.mark.usefixtures("copies")
def test_a_tree_is_kept_once(tmp_path: Path, options: dict[str, Any]) -> None:
    diff = {"before": "", "after": "guest abc\n"}
    assert tree_layer.run(options, True) == {"changed": True, "removed": [], "diff": diff}
    assert not (tmp_path / "cache").exists()
    assert tree_layer.run(options, False) == {"changed": True, "removed": [], "diff": diff}
    for check in (True, False):
        assert tree_layer.run(options, check) == {"changed": False, "removed": [], "diff": NOTHING}
    assert tree_layer.run({**options, "key": "def"}, True)["changed"] is True
    layer = Store(Runner(), str(tmp_path / "cache")).find("guest", "abc")
    assert layer and layer.facts == options["facts"]
    assert (tmp_path / "tree/file").exists()


@pytest.mark.usefixtures("copies")
def test_room_is_made(tmp_path: Path, options: dict[str, Any]) -> None:
    assert tree_layer.run({**options, "max_size": "1.5M"}, False)["removed"] == []
    removed = tree_layer.run({**options, "key": "def", "max_size": "1.5M"}, False)["removed"]
    store = Store(Runner(), str(tmp_path / "cache"))
    (left,) = store.layers()
    assert store.find("guest", "def") and len(removed) == 1 and removed != [left.name]


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"max_size": "much"}, "max_size=much: "),
        ({"key": None}, "missing required arguments: key"),
        ({"kind": None}, "missing required arguments: kind"),
    ],
)
def test_bad_parameters(
    tmp_path: Path, options: dict[str, Any], more: dict[str, Any], message: str, check: bool
) -> None:
    arguments = {name: value for name, value in {**options, **more}.items() if value is not None}
    result = run_module("tree_layer", arguments, check=check)
    assert result["failed"] is True
    assert message in result["msg"] and "\n" not in result["msg"]
    assert not (tmp_path / "cache").exists()


def test_a_folder_that_cannot_be_made(tmp_path: Path, options: dict[str, Any]) -> None:
    (tmp_path / "file").touch()
    arguments = {name: value for name, value in options.items() if value is not None}
    result = run_module("tree_layer", {**arguments, "layers_dir": str(tmp_path / "file")})
    assert result["failed"] is True
    assert result["msg"] == f"cannot write {tmp_path}/file/layers: Not a directory"
