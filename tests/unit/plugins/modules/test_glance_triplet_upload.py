# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.glance import kernel, raw_disk, run_module, start_module

MODULE = "glance_triplet_upload"


def test_files_are_judged_before_the_cloud_is_asked(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    options = {"cloud": "no-such-cloud", "name": "guest"}
    assert "the file is empty" in run_module(MODULE, {**options, "image": str(tmp_path / "empty")})["msg"]
    disk = raw_disk(tmp_path / "disk", size=1 << 20)
    triplet = {"kernel": str(kernel(tmp_path / "vmlinuz")), "ramdisk": str(disk), "image": str(disk)}
    assert "bare ext2, ext3, ext4, xfs or btrfs" in run_module(MODULE, {**options, **triplet})["msg"]
    assert "no-such-cloud is not in" in run_module(MODULE, {**options, "image": str(disk)})["msg"]


def test_kernel_and_ramdisk_come_together(tmp_path: Path) -> None:
    result = run_module(MODULE, {"name": "guest", "image": "x", "kernel": "y"})
    assert result["failed"]
    assert "ramdisk=: a triplet has a kernel and a ramdisk, and kernel is given" in result["msg"]


UNKNOWN = "hw_disk_buss=ide: no service of OpenStack is known to read such a name; the nearest is hw_disk_bus"


@pytest.mark.parametrize("mode", [None, True, "true", "strict", False, "false"])
def test_names_of_properties_warn_and_values_end_it(tmp_path: Path, mode: bool | str | None) -> None:
    options = {"cloud": "no-such-cloud", "name": "guest", "image": str(raw_disk(tmp_path / "disk", size=1 << 20))}
    options |= {} if mode is None else {"validate_properties": mode}
    # In a process of its own: within this one warnings stay for the next.
    unknown = start_module(MODULE, {**options, "properties": {"hw_disk_buss": "ide"}}).communicate()[0]
    wrong = run_module(MODULE, {**options, "properties": {"hw_disk_bus": "floppy"}})
    assert ("hw_disk_bus=floppy: must be one of" in wrong["msg"]) == (mode not in (False, "false"))
    result = json.loads(unknown)
    assert (UNKNOWN in result["msg"]) == (mode == "strict")
    warned = mode in (None, True, "true")
    assert str(result.get("warnings", "")).count(f"properties: {UNKNOWN}") == warned
    assert len(result.get("warnings", [])) == warned
