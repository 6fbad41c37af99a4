# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image proved on the hardware that it is published with, disk and triplet."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from helpers.guests import TIMEOUT, BuiltImage
from helpers.modules import run_module

pytestmark = pytest.mark.slow

SCSI = {"hw_disk_bus": "scsi", "hw_scsi_model": "virtio-scsi", "hw_machine_type": "q35", "hw_rng_model": "virtio"}


def test_disk_and_triplet_on_virtio_scsi(built_image: Callable[[str], BuiltImage]) -> None:
    image = built_image("bios")
    audit = run_module("image_audit_info", {"path": str(image.file("qcow2")), "user": image.user, "properties": SCSI})
    (bus,) = [result for result in audit["results"] if result["id"] == "Q9"]
    assert bus["verdict"] == "pass" and any("virtio_scsi.ko" in line for line in bus["evidence"])
    result = run_module(
        "image_prove",
        {
            "image": str(image.file("qcow2")),
            "root": str(image.file("ext4")),
            "kernel": str(image.file("vmlinuz")),
            "ramdisk": str(image.file("initrd")),
            "user": image.user,
            "properties": {**SCSI, "hw_tpm_model": "tpm-crb"},
            "timeout": TIMEOUT,
        },
    )
    assert not result.get("failed"), result
    seen = {boot["name"]: boot["root_device"] for boot in result["boots"]}
    assert seen == {"bios": "/dev/sda1", "triplet": "/dev/sda"}
    assert result["not_tried"] == ["hw_tpm_model=tpm-crb"]
