# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module image_proof."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.modules import run_module

from ansible_collections.goldsmith.openstack.plugins.module_utils._evidence import made

REPORT = {"audit": ["a"], "boots": {"bios": 3}}


def test_what_was_shown_is_found_by_later_builds(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    arguments = {"cache_dir": str(cache), "sha512": ["1", "2"], "questions": "asked", "report": REPORT}
    for check in (True, False):
        result = run_module("image_proof", arguments, check=check)
        assert result["changed"] is True
        assert result["diff"] == {"before": "", "after": "1\n2\n"}
        assert cache.exists() is not check
    assert made.proof(str(cache), ["2", "1"], "asked") == REPORT


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("name", ["cache_dir", "sha512", "questions", "report"])
def test_all_must_be_given(tmp_path: Path, name: str, check: bool) -> None:
    arguments = {"cache_dir": str(tmp_path / "a"), "sha512": ["1"], "questions": "asked", "report": REPORT}
    del arguments[name]
    result = run_module("image_proof", arguments, check=check)
    assert result["failed"] is True and f"missing required arguments: {name}" in result["msg"]
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    arguments = {"cache_dir": str(tmp_path / "file"), "sha512": ["1"], "questions": "asked", "report": REPORT}
    result = run_module("image_proof", arguments)
    assert result["failed"] is True
    assert result["msg"] == f"cannot write {tmp_path}/file/records: Not a directory"
