# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

from helpers.glance import kernel, raw_disk, run_module

MODULE = "glance_triplet_upload"


def test_files_are_judged_before_the_cloud_is_asked(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    options = {"cloud": "no-such-cloud", "name": "guest"}
    assert "the file is empty" in run_module(MODULE, {**options, "image": str(tmp_path / "empty")})["msg"]
    disk = raw_disk(tmp_path / "disk", size=1 << 20)
    triplet = {"kernel": str(kernel(tmp_path / "vmlinuz")), "ramdisk": str(disk), "image": str(disk)}
    assert "bare ext2, ext3, ext4 or xfs" in run_module(MODULE, {**options, **triplet})["msg"]
    assert "no-such-cloud is not in" in run_module(MODULE, {**options, "image": str(disk)})["msg"]


def test_kernel_and_ramdisk_come_together(tmp_path: Path) -> None:
    result = run_module(MODULE, {"name": "guest", "image": "x", "kernel": "y"})
    assert result["failed"]
    assert "required together: kernel, ramdisk" in result["msg"]
