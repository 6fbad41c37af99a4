# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module image_prove, as far as it goes without booting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.modules import run_module


@pytest.fixture
def root(tmp_path: Path) -> dict[str, str]:
    image = tmp_path / "root.ext4"
    raw = bytearray(4096)
    raw[1080:1082] = b"\x53\xef"  # the magic number of an ext superblock
    image.write_bytes(raw)
    return dict.fromkeys(("root", "kernel", "ramdisk"), str(image))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "one of the following is required: image, root, initramfs"),
        ({"root": "/x"}, "parameters are required together: root, ramdisk"),
        ({"initramfs": "/x"}, "missing parameter(s) required by 'initramfs': kernel"),
        ({"image": "/nonexistent"}, "image=/nonexistent: no such file"),
        ({"image": "/nonexistent", "memory": "much"}, "memory=much: not a size"),
        ({"image": "/nonexistent", "firmwares": ["coreboot"]}, "value of firmwares must be one or more of: bios, uefi"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_bad_parameters(arguments: dict[str, Any], message: str, check: bool) -> None:
    result = run_module("image_prove", {"user": "debian", **arguments}, check=check)
    assert result["failed"] is True
    assert message in result["msg"]
    assert "\n" not in result["msg"]


def test_check_mode_looks_at_every_image_and_boots_none(tmp_path: Path, root: dict[str, str]) -> None:
    cache = tmp_path / "cache"
    arguments = {**root, "user": "debian", "cache_dir": str(cache)}
    result = run_module("image_prove", arguments, check=True)
    assert (result["changed"], "boots" in result, cache.exists()) == (False, False, False)
    (tmp_path / "kernel").write_bytes(bytes(4096))
    result = run_module("image_prove", {**arguments, "root": str(tmp_path / "kernel")}, check=True)
    assert result["msg"].startswith(f"triplet: image={tmp_path}/kernel: no ext, xfs or btrfs file system; ")
    assert result["boot"] == "triplet"


def test_properties_that_no_boot_follows_are_told(root: dict[str, str]) -> None:
    properties = {"hw_tpm_model": "tpm-crb", "hw_disk_bus": "sata"}
    result = run_module("image_prove", {**root, "user": "debian", "properties": properties}, check=True)
    assert result["not_tried"] == ["hw_tpm_model=tpm-crb"]
    assert "the boots do not follow the property hw_tpm_model=tpm-crb" in str(result["warnings"])
