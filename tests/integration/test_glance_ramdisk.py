# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A system that runs in memory, in Glance: a ramdisk that names its kernel, in versions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.glance import TestCloud, kernel, raw_disk, run_module

pytestmark = pytest.mark.usefixtures("hurried")


def test_versions_of_a_ramdisk_come_and_go_with_their_kernels(glance_cloud: TestCloud, tmp_path: Path) -> None:
    place = {"cloud": "embedded", "clouds_yaml": str(glance_cloud.clouds_yaml), "name": "deploy"}

    def publish(version: int, **more: Any) -> dict[str, Any]:
        raw_disk(tmp_path / f"{version}.initramfs", size=1 << 16, seed=version)
        kernel(tmp_path / f"{version}.vmlinuz", size=(1 << 16) + version)
        files = {"image": str(tmp_path / f"{version}.initramfs"), "kernel": str(tmp_path / f"{version}.vmlinuz")}
        result = run_module("glance_triplet_upload", {**place, **files, "disk_format": "ari", "keep": 2, **more})
        assert not result.get("failed"), result["msg"]
        return result

    def there() -> list[tuple[str, str | None]]:
        return sorted((one.name.partition("-2")[0], one.container_format) for one in glance_cloud.images())

    first = publish(1)
    assert there() == [("deploy", "ari"), ("deploy-aki", "aki")]
    (main,) = (one for one in glance_cloud.images() if one.container_format == "ari")
    (piece,) = (one for one in glance_cloud.images() if one.container_format == "aki")
    assert main.disk_format == "ari" and main.properties["kernel_id"] == piece.id
    assert publish(1)["changed"] is False
    publish(2)
    assert len(there()) == 4
    third = publish(3)
    # The first goes, and its kernel with it.
    assert {one["id"] for one in third["removed"]} == {first["image_id"], piece.id}
    assert len(there()) == 4
    run_module("glance_triplet_upload", {**place, "state": "absent"})
    assert glance_cloud.images() == []
