# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What docs/generate.py writes is what is there; defaults of roles are those of the specification."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.specification import SPECIFICATION

CHECKOUT = Path(__file__).resolve().parents[2]
_FROM_DEFINITION = re.compile(r"image_definition\.(\w+) \| default\(('.*?'|\[.*?\]|\{.*?\}|\w+)\)")


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", CHECKOUT / "docs" / "generate.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_files_are_up_to_date(generate: ModuleType) -> None:
    old = [str(path.relative_to(CHECKOUT)) for path, text in generate.outputs() if path.read_text() != text]
    assert not old, f"run: ./goldsmith run python docs/generate.py ({', '.join(old)})"


@pytest.mark.parametrize("path", sorted(CHECKOUT.glob("roles/*/defaults/main.yml")), ids=lambda path: path.parts[-3])
def test_a_role_alone_has_the_default_of_the_specification(path: Path) -> None:
    for name, default in _FROM_DEFINITION.findall(path.read_text()):
        variable = SPECIFICATION.get(name)
        # What has no fixed default there follows from other variables.
        if variable and variable.default != "":
            assert str(variable.default).lower() == str(yaml.safe_load(default)).lower(), (name, default)
