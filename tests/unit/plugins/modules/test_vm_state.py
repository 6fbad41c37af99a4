# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module vm_state, as far as it goes without a libvirt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.modules import run_module


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "state is running but all of the following are missing: user, key"),
        ({"user": "debian", "key": "/nonexistent"}, "key=/nonexistent: no such file"),
        ({"user": "a b", "key": "key"}, "user=a b: not the name of an account"),
        ({"state": "off"}, "value of state must be one of: running, shut_off, absent, got: off"),
        ({"state": "absent", "uri": "test:///default"}, "uri=test:///default: not a URI of libvirt for QEMU"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_bad_parameters(tmp_path: Path, arguments: dict[str, Any], message: str, check: bool) -> None:
    (tmp_path / "key").touch()
    words = {**arguments, **({"key": str(tmp_path / "key")} if arguments.get("key") == "key" else {})}
    result = run_module("vm_state", {"name": "web", **words}, check=check)
    assert result["failed"] is True
    assert message in result["msg"]
    assert "\n" not in result["msg"]
