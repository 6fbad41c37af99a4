# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module disk_extract, as far as it goes without a disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.modules import run_module


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "one of the following is required: root, kernel, ramdisk, tree"),
        ({"root": "out"}, "has neither a partition table nor a known file system"),
        ({"root": "disk"}, "must be different files"),
        ({"root": "out", "src": "none"}, "is neither a file nor a folder"),
        ({"root": "out", "src": "."}, "is a folder, of which only a tree can be made; give tree alone"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_bad_parameters(tmp_path: Path, arguments: dict[str, Any], message: str, check: bool) -> None:
    (tmp_path / "disk").write_bytes(bytes(1 << 20))
    words = {name: str(tmp_path / value) for name, value in {"src": "disk", **arguments}.items()}
    result = run_module("disk_extract", words, check=check)
    assert result["failed"] is True
    assert message in result["msg"]
    assert "\n" not in result["msg"]
    assert [path.name for path in tmp_path.iterdir()] == ["disk"]
