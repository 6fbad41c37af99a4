# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module vm_disk_fetch, as far as it goes without a libvirt."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.modules import run_module


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "missing required arguments: name"),
        ({"name": "web", "uri": "http://x"}, "uri=http://x: not a URI of libvirt for QEMU"),
        ({"name": "web", "uri": "qemu+unix:///system?socket=/nowhere/sock"}, "no libvirtd is running"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_bad_parameters(arguments: dict[str, Any], message: str, check: bool) -> None:
    result = run_module("vm_disk_fetch", arguments, check=check)
    assert result["failed"] is True
    assert message in result["msg"]
    assert "\n" not in result["msg"]
