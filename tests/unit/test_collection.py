# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection says of itself: metadata, action groups, documentation of the modules."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.clouds import CLOUD_ARGUMENTS

CHECKOUT = Path(__file__).resolve().parents[2]
MODULES = sorted(path.stem for path in (CHECKOUT / "plugins/modules").glob("*.py"))


def load(name: str) -> dict[str, Any]:
    return yaml.safe_load((CHECKOUT / name).read_text())


def texts(module: str) -> dict[str, Any]:
    """DOCUMENTATION, EXAMPLES and RETURN of a module."""
    tree = ast.parse((CHECKOUT / f"plugins/modules/{module}.py").read_text())
    return {
        node.targets[0].id: yaml.safe_load(ast.literal_eval(node.value))
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id.isupper()
        if node.targets[0].id in ("DOCUMENTATION", "EXAMPLES", "RETURN")
    }


def options(module: str) -> set[str]:
    """The options that the argument spec of a module has."""
    asked: dict[str, Any] = {}

    class Asked(Exception):
        pass

    def note(argument_spec: dict[str, Any], **_more: Any) -> None:
        asked.update(argument_spec)
        raise Asked

    code = importlib.import_module(f"ansible_collections.goldsmith.openstack.plugins.modules.{module}")
    if not hasattr(code, "main"):
        return set()  # an action plugin does the work
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Asked):
        patch.setattr(code, "AnsibleModule", note)
        code.main()
    return set(asked)


@pytest.mark.parametrize(("group", "common"), [("glance", set(CLOUD_ARGUMENTS)), ("libvirt", {"uri"})])
def test_a_group_holds_the_modules_that_take_its_options(group: str, common: set[str]) -> None:
    groups = load("meta/runtime.yml")["action_groups"]
    assert set(groups) == {"glance", "libvirt"}
    assert groups[group] == [module for module in MODULES if common <= options(module)]
    # Nor is there one that takes some of them.
    assert not [module for module in MODULES if common & options(module) - {"timeout"} and module not in groups[group]]


def test_the_tools_for_development_are_not_shipped() -> None:
    ignored = set(load("galaxy.yml")["build_ignore"])
    assert {".ansible", ".venv", "dist", "tests", "molecule", "goldsmith"} <= ignored
    shipped = {path.name for path in CHECKOUT.iterdir()} - ignored
    assert {"extensions", "meta", "plugins", "roles", "playbooks", "LICENSE", "README.md"} <= shipped


def test_nothing_is_needed_from_other_collections() -> None:
    assert load("galaxy.yml")["dependencies"] == {}


@pytest.mark.parametrize("module", MODULES)
def test_a_module_states_what_it_supports(module: str) -> None:
    documentation = texts(module)["DOCUMENTATION"]
    assert {"check_mode", "diff_mode", "idempotent", "platform"} <= set(documentation["attributes"])
    assert documentation["author"] in ("Goldsmith contributors (@goldsmith)", ["Goldsmith contributors (@goldsmith)"])
    assert documentation["version_added"] == "1.0.0"


@pytest.mark.parametrize("module", MODULES)
def test_examples_use_full_names(module: str) -> None:
    keywords = {"name", "register", "when", "loop", "vars", "become", "hosts", "tasks", "delegate_to", "no_log"}
    for task in texts(module)["EXAMPLES"]:
        for key in set(task) - keywords:
            assert key.count(".") >= 2, f"{module}: {key} in EXAMPLES"
