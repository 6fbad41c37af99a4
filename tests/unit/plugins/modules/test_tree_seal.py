# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of tree_seal."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from helpers.modules import run_module

from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.seal_steps import STEPS
from ansible_collections.goldsmith.openstack.plugins.modules import tree_seal


def test_every_step_is_documented() -> None:
    steps = yaml.safe_load(tree_seal.DOCUMENTATION)["options"]["steps"]
    assert steps["choices"] == list(STEPS)
    for name in STEPS:
        assert any(line.startswith(f"V({name}) ") for line in steps["description"]), name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "missing required arguments: path"),
        ({"path": "/missing"}, "path=/missing: is not a folder; name the root of a system's files"),
        ({"path": "/"}, "path=/: is this machine itself; if that is what you want, set running=true"),
        ({"path": "/", "steps": ["everything"]}, "value of steps must be one or more of: machine_id, host_keys"),
        ({"path": "/", "skip": ["everything"]}, "value of skip must be one or more of: machine_id, host_keys"),
        ({"path": "/usr", "running": True}, "path=/usr: is not the root of the running machine"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_bad_parameters(arguments: dict[str, Any], message: str, check: bool) -> None:
    result = run_module("tree_seal", arguments, check=check)
    assert result["failed"] is True
    assert message in result["msg"]
