# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

from helpers.glance import run_module


def test_an_unknown_cloud_is_one_clear_line(tmp_path: Path) -> None:
    clouds = tmp_path / "clouds.yaml"
    clouds.write_text("clouds: {mine: {auth: {auth_url: 'http://127.0.0.1:9/v3'}}}")
    result = run_module("glance_image_info", {"cloud": "other", "clouds_yaml": str(clouds)})
    assert result["failed"]
    assert result["msg"] == f"cloud other is not in clouds.yaml; known: mine; searched: {clouds}"
