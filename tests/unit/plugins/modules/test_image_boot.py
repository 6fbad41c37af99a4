# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module image_boot, as far as it goes without booting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.modules import run_module

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot import qemu
from ansible_collections.goldsmith.openstack.plugins.modules import image_boot


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "state is checked but all of the following are missing: user"),
        ({"user": "debian"}, "image=: there is nothing to boot; name an image, or kernel and ramdisk"),
        ({"state": "running", "image": "/x"}, "state is running but all of the following are missing: user"),
        ({"image": "/nonexistent", "user": "debian"}, "image=/nonexistent: no such file"),
        ({"image": "/x", "user": "debian", "kernel": "/x"}, "parameters are required together: kernel, ramdisk"),
        ({"image": "/x", "user": "debian", "memory": "much"}, "memory=much: not a size"),
        ({"state": "stopped", "name": "../x"}, "name=../x: not a name"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_bad_parameters(tmp_path: Path, arguments: dict[str, Any], message: str, check: bool) -> None:
    result = run_module("image_boot", {"directory": str(tmp_path / "guests"), **arguments}, check=check)
    assert result["failed"] is True
    assert message in result["msg"]
    assert "\n" not in result["msg"]
    assert not (tmp_path / "guests").exists()


def test_what_is_not_there_is_stopped(tmp_path: Path) -> None:
    result = run_module("image_boot", {"state": "stopped", "directory": str(tmp_path / "guests")})
    assert result["changed"] is False
    assert not (tmp_path / "guests").exists()


def test_check_mode_tells_what_would_change(tmp_path: Path) -> None:
    image = tmp_path / "root.ext4"
    raw = bytearray(4096)
    raw[1080:1082] = b"\x53\xef"  # the magic number of an ext superblock
    image.write_bytes(raw)
    boot = {"image": str(image), "kernel": str(image), "ramdisk": str(image), "user": "debian"}
    place = {"directory": str(tmp_path / "guests")}
    assert run_module("image_boot", boot, check=True)["changed"] is False
    result = run_module("image_boot", {**boot, **place, "state": "running"}, check=True)
    assert result["changed"] is True
    assert result["diff"] == {"before": "guest stopped\n", "after": "guest running\n"}
    assert not (tmp_path / "guests").exists()


def test_documented_choices_are_those_of_the_code() -> None:
    options = yaml.safe_load(image_boot.DOCUMENTATION)["options"]
    assert options["instance_data"]["choices"] == list(image_boot.boot_plan.INSTANCE_DATA)
    assert options["architecture"]["choices"] == list(qemu.PLATFORMS)
    types = [name for platform in qemu.PLATFORMS.values() for name in platform.types]
    assert options["machine"]["choices"] == sorted(types)
