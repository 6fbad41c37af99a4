# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A system that runs in memory, in Glance: a ramdisk that names its kernel, in versions."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from helpers.glance import TestCloud, kernel, raw_disk, run_module
from helpers.tools import run_tool

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


PLAY = """
- hosts: localhost
  gather_facts: false
  roles:
    - goldsmith.openstack.glance_publish
"""


def test_the_role_publishes_a_ramdisk_beside_the_disk(glance_cloud: TestCloud, checkout: Path, tmp_path: Path) -> None:
    raw_disk(tmp_path / "it.raw", size=1 << 18)
    raw_disk(tmp_path / "it.initramfs", size=1 << 16)
    kernel(tmp_path / "it.vmlinuz", size=1 << 16)
    kinds = {"raw": "raw", "vmlinuz": "aki", "initramfs": "initramfs"}
    artifacts = [
        {
            "file": f"it.{end}",
            "format": kind,
            "sha512": hashlib.sha512((tmp_path / f"it.{end}").read_bytes()).hexdigest(),
            "properties": {} if kind == "aki" else {"os_distro": "debian"},
            "min_disk": 1 if kind == "raw" else 0,
        }
        for end, kind in kinds.items()
    ]
    (tmp_path / "manifest.json").write_text(json.dumps({"name": "it", "artifacts": artifacts, "min_ram": 512}))
    (tmp_path / "play.yml").write_text(PLAY)
    words = {
        "glance_publish_directory": str(tmp_path),
        # The one of the test, not that of the role
        "glance_publish_clouds": ["faulty"],
        "glance_publish_clouds_yaml": str(glance_cloud.clouds_yaml),
    }
    run_tool([str(checkout / "goldsmith"), "playbook", "play.yml", "-e", json.dumps(words)], cwd=tmp_path)
    images = {one.name: one for one in glance_cloud.images() if not one.hidden}
    formats = {name.partition("-20")[0]: one.disk_format for name, one in images.items()}
    assert formats == {"it": "raw", "it-ramdisk": "ari", "it-ramdisk-aki": "aki"}
    ramdisk, disk = images["it-ramdisk"], images["it"]
    assert ramdisk.properties["kernel_id"] == images["it-ramdisk-aki"].id
    assert ramdisk.properties["os_distro"] == "debian"
    needs = [[image.attributes[name] for name in ("min_disk", "min_ram")] for image in (ramdisk, disk)]
    assert needs == [[0, 0], [1, 512]]
