# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The releases and architectures that other tests do not build: each is built, audited and booted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.emulator import quick_emulator
from helpers.guests import TIMEOUT
from helpers.package_mirror import ARCHIVE, host_repositories
from helpers.tools import run_tool

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]

# Mirrors may keep packages of its security updates no longer.
ENDED = {"image_mirror": "archive"}
# Their mirror may be one that nobody updates.
UNRELEASED = {"image_mirror_expired": "accept"}
# A disk of 1 PiB, which only a GPT can have as a whole, and only a format that is not a plain file of the host.
PETABYTE = {"image_filesystem": "btrfs", "image_firmware": "uefi", "image_formats": ["qcow2"],
            "image_verify_disk_size": "1048576G"}  # fmt: skip
# What is built, and the forms in which it is booted.
BUILDS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "bullseye": ({"image_release": "11", **ENDED}, ["bios", "triplet"]),
    "forky": ({"image_release": "testing", **UNRELEASED}, ["bios", "triplet"]),
    "sid": ({"image_release": "sid", **UNRELEASED, "image_firmware": "uefi"}, ["uefi", "triplet"]),
    "sid-lvm": ({"image_release": "sid", **UNRELEASED, "image_resize": "lvm"}, ["bios", "triplet"]),
    "btrfs": ({"image_filesystem": "btrfs"}, ["bios", "triplet"]),
    "btrfs-lvm": ({**PETABYTE, "image_resize": "lvm"}, ["uefi"]),
    "xfs-lvm": ({"image_filesystem": "xfs", "image_resize": "lvm", "image_firmware": "uefi"}, ["uefi", "triplet"]),
    "arm64": ({"image_architecture": "arm64"}, ["uefi", "triplet"]),
    "arm64-lvm": ({"image_architecture": "arm64", "image_resize": "lvm"}, ["uefi", "triplet"]),
}


@pytest.fixture(scope="module", autouse=True)
def emulator() -> Iterator[None]:
    """The QEMU of these tests."""
    with quick_emulator():
        yield


@pytest.mark.parametrize("name", BUILDS)
def test_it_is_built_audited_and_booted(checkout: Path, tmp_path: Path, name: str) -> None:
    given, forms = BUILDS[name]
    words = {"image_name": name, "image_output_dir": str(tmp_path), "image_verify_timeout": TIMEOUT, **given}
    if words.get("image_mirror") == "archive":
        words["image_mirror"] = host_repositories()[ARCHIVE]
    argv = ["./goldsmith", "playbook", "build-debian.yml", "-e", json.dumps(words)]
    output = run_tool(argv, cwd=checkout, timeout=5400)
    assert "Boot each form of the image and look" in output
    manifest = json.loads((tmp_path / name / "manifest.json").read_text())
    record = manifest["definition"]
    assert record["mirror_expired"] == given.get("image_mirror_expired", "refuse")
    assert record["architecture"] == given.get("image_architecture", "amd64")
    logs = ["console.log", *(f"console-{form}.log" for form in forms[1:])]
    assert sorted(path.name for path in (tmp_path / name).glob("console*.log")) == sorted(logs)
    for log in logs:
        assert "login:" in (tmp_path / name / log).read_text(errors="replace")
