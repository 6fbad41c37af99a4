# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module fs_minimize, as far as it goes without a file system."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.modules import run_module


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"path": "missing"}, "is not a file"),
        ({"path": "qcow2"}, "is a qcow2 image; convert it with goldsmith.openstack.disk_convert"),
        ({"path": "qcow2", "free": 95}, "free=95: is not a percentage from 0 to 90"),
        ({"path": "qcow2", "method": "magic"}, "value of method must be one of: rebuild, shrink"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_bad_parameters(tmp_path: Path, arguments: dict[str, Any], message: str, check: bool) -> None:
    content = b"QFI\xfb".ljust(4096, b"\0")
    (tmp_path / "qcow2").write_bytes(content)
    result = run_module("fs_minimize", {**arguments, "path": str(tmp_path / arguments["path"])}, check=check)
    assert result["failed"] is True
    assert message in result["msg"]
    assert "\n" not in result["msg"]
    assert (tmp_path / "qcow2").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["qcow2"]
