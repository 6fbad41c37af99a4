# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module nova_image_cache."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.modules import run_module

AGE = "remove_unused_original_minimum_age_seconds"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "one of the following is required: preallocate_images, remove_unused_base_images"),
        ({"preallocate_images": "full"}, "value of preallocate_images must be one of: none, space, got: full"),
        ({"remove_unused_base_images": "maybe"}, "The value 'maybe' is not a valid boolean"),
        ({AGE: "1h"}, "1h"),
        ({AGE: -1}, f"{AGE}=-1: is less than nothing; give seconds, 0 or more"),
        ({"remove_unused_resized_minimum_age_seconds": -1}, "=-1: is less than nothing"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_bad_parameters(tmp_path: Path, options: dict[str, Any], message: str, check: bool) -> None:
    conf = tmp_path / "nova.conf"
    conf.write_text("[DEFAULT]\n")
    result = run_module("nova_image_cache", {"path": str(conf), **options}, check=check)
    assert result["failed"] is True
    assert message in result["msg"]
    assert "\n" not in result["msg"]
    assert conf.read_text() == "[DEFAULT]\n"


def test_options_are_set(tmp_path: Path) -> None:
    conf = tmp_path / "nova.conf"
    conf.write_text("[image_cache]\n#remove_unused_base_images = true\n")
    arguments = {"path": str(conf), "remove_unused_base_images": "no", AGE: "0", "backup": True}
    checked = run_module("nova_image_cache", arguments, check=True)
    assert list(tmp_path.iterdir()) == [conf]
    result = run_module("nova_image_cache", arguments)
    assert result["changed"] is checked["changed"] is True
    assert result["options"] == checked["options"]
    assert result["diff"] == checked["diff"]
    assert result["diff"]["after"] == f"[image_cache] remove_unused_base_images = false\n[image_cache] {AGE} = 0\n"
    assert conf.read_text() == (
        f"[image_cache]\n#remove_unused_base_images = true\nremove_unused_base_images = false\n{AGE} = 0\n"
    )
    assert Path(result["backup_file"]).read_text() == "[image_cache]\n#remove_unused_base_images = true\n"
    for check in (True, False):
        again = run_module("nova_image_cache", arguments, check=check)
        assert (again["changed"], again["options"]) == (False, [])
        assert "backup_file" not in again


def test_what_is_not_there(tmp_path: Path) -> None:
    conf = tmp_path / "nova.conf"
    for check in (True, False):
        result = run_module("nova_image_cache", {"path": str(conf), "preallocate_images": "none"}, check=check)
        assert result["msg"] == f"{conf} is not there; install the service, or name its file"
