# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module nova_image_cache_info. With disks of qemu-img: tests/integration/test_nova_image_cache.py."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from helpers.modules import run_module


@pytest.mark.parametrize("check", [True, False])
def test_a_cache(tmp_path: Path, check: bool) -> None:
    name = hashlib.sha1(b"4711").hexdigest()
    (tmp_path / "instances" / "cache").mkdir(parents=True)
    (tmp_path / "instances" / "cache" / name).write_bytes(bytes(5000))
    os.utime(tmp_path / "instances" / "cache" / name, (0, 0))
    conf = tmp_path / "nova.conf"
    conf.write_text(f"[DEFAULT]\nstate_path = {tmp_path}\n[image_cache]\nsubdirectory_name = cache\n")
    arguments = {"config_files": [str(conf)], "images": [{"id": "4711", "name": "debian", "size": 5000}]}
    result = run_module("nova_image_cache_info", arguments, check=check)
    assert result["changed"] is False
    assert result["base"] == str(tmp_path / "instances" / "cache")
    (file,) = result["files"]
    assert (file["name"], file["image_name"], file["state"], file["due"]) == (name, "debian", "unused", True)
    assert (file["modified"], file["removable_from"]) == ("1970-01-01T00:00:00Z", "1970-01-02T00:00:00Z")
    assert file["size"] == result["totals"]["due"]["size"] == 5000
    assert result["settings"]["manager_interval"] == 2400
    assert result["lines"][0].startswith(f"{result['base']}: 1 file, 4.9 KiB (")


def test_bad_parameters(tmp_path: Path) -> None:
    arguments = {"config_files": [], "instances_path": str(tmp_path / "none")}
    result = run_module("nova_image_cache_info", arguments)
    assert result["failed"] is True
    assert result["msg"].startswith(f"instances_path={tmp_path / 'none'}: is not a folder that can be seen; is this")
    result = run_module("nova_image_cache_info", {**arguments, "images": [{"name": "x"}]})
    assert "has no id; give a dictionary with id and name for each image" in result["msg"]
    result = run_module("nova_image_cache_info", {"config_files": [str(tmp_path / "none")]})
    assert "is not there; install the service, or name its file" in result["msg"]
