# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module disk_convert, as far as it goes without a conversion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.modules import run_module

from ansible_collections.goldsmith.openstack.plugins.module_utils._image import convert
from ansible_collections.goldsmith.openstack.plugins.modules import disk_convert


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "missing required arguments: dest"),
        ({"dest": "out", "cluster_size": "many"}, "cluster_size=many: not a size"),
        ({"dest": "out", "cluster_size": "3M"}, "cluster_size=3.0 MiB: is not a power of two"),
        ({"dest": "out", "format": "vmdk"}, "value of format must be one of"),
        ({"dest": "missing/out"}, "its folder does not exist"),
        ({"dest": "disk"}, "is the source itself"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_bad_parameters(tmp_path: Path, arguments: dict[str, Any], message: str, check: bool) -> None:
    (tmp_path / "disk").write_bytes(bytes(1024))
    if "dest" in arguments:
        arguments = {**arguments, "dest": str(tmp_path / arguments["dest"])}
    result = run_module("disk_convert", {"src": str(tmp_path / "disk"), **arguments}, check=check)
    assert result["failed"] is True
    assert message in result["msg"]
    assert "\n" not in result["msg"]
    assert [path.name for path in tmp_path.iterdir()] == ["disk"]


def test_documented_choices_are_those_of_the_code() -> None:
    options = yaml.safe_load(disk_convert.DOCUMENTATION)["options"]
    assert options["format"]["choices"] == list(convert.FORMATS)
    assert options["compression"]["choices"] == list(convert.COMPRESSIONS)
