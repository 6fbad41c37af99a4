# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every role says what it takes: argument specs that repeat the defaults, and a README."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROLES = Path(__file__).resolve().parents[2] / "roles"
NAMES = sorted(path.name for path in ROLES.iterdir() if path.is_dir())

pytestmark = pytest.mark.parametrize("role", NAMES)


def load(path: Path) -> dict[str, Any]:
    return (yaml.safe_load(path.read_text()) or {}) if path.is_file() else {}


def specs(role: str) -> dict[str, Any]:
    return load(ROLES / role / "meta" / "argument_specs.yml").get("argument_specs", {})


def test_argument_specs_are_those_of_entry_points(role: str) -> None:
    assert "main" in specs(role)
    for entry_point, spec in specs(role).items():
        assert (ROLES / role / "tasks" / f"{entry_point}.yml").is_file(), f"{role} has no entry point {entry_point}"
        assert spec.get("short_description"), f"{role}, {entry_point}: no short_description"
        for name, option in (spec.get("options") or {}).items():
            assert option.get("description"), f"{role}, {entry_point}: {name} has no description"
            assert option.get("type"), f"{role}, {entry_point}: {name} has no type"


def test_variables_start_with_the_name_of_the_role(role: str) -> None:
    for name in load(ROLES / role / "defaults" / "main.yml"):
        assert name.startswith(f"{role}_"), f"{role}: {name}"


def test_argument_specs_repeat_the_defaults(role: str) -> None:
    if role == "image":
        return  # its defaults are those of the specification of the variables
    defaults = load(ROLES / role / "defaults" / "main.yml")
    specified = set()
    for entry_point, spec in specs(role).items():
        for name, option in (spec.get("options") or {}).items():
            specified.add(name)
            where = f"{role}, {entry_point}, {name}"
            if name in defaults:
                assert not option.get("required"), f"{where}: required, yet there is a default"
                assert option.get("default") == defaults[name], where
            else:
                assert "default" not in option, f"{where}: the default is not in defaults/main.yml"
    assert set(defaults) <= specified, f"{role}: defaults without a specification"


def test_readme_names_every_variable(role: str) -> None:
    readme = ROLES.parent / "docs" / "operator" / "variables.md" if role == "image" else ROLES / role / "README.md"
    text = readme.read_text()
    for entry_point, spec in specs(role).items():
        for name in spec.get("options") or {}:
            assert name in text, f"{role}, {entry_point}: {readme.name} does not name {name}"
