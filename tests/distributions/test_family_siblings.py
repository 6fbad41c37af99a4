# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests whose initramfs is made by dracut, beside the disk of a sibling: each has the root of the first disk.

GOLDSMITH_RESCUES=10 boots each so often.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.emulator import quick_emulator
from helpers.family_mirrors import build, family_mirror
from helpers.siblings import mounted, overlay

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(7200)]

FAMILIES: dict[str, dict[str, Any]] = {
    "fedora": {"image_firmware": "hybrid"},
    "suse": {},
    "rhel": {"image_resize": "lvm"},
}
# The agent has grown it before it runs user data.
GROWN = "LVM_SYSTEM_DIR=/run/lvm/goldsmith vgs --noheadings -o vg_free_count,pv_count system"
ESP = "readlink -f /dev/disk/by-label/ESP"
RESCUES = range(int(os.environ.get("GOLDSMITH_RESCUES", "1")))


@pytest.fixture(scope="module", params=FAMILIES)
def image(checkout: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Path]:
    words = {"image_formats": ["qcow2"], "image_verify": ["audit"], **FAMILIES[request.param]}
    with quick_emulator(), family_mirror(request.param) as mirror:
        yield build(mirror, checkout, tmp_path_factory.mktemp("built"), **words).file("qcow2")


@pytest.mark.parametrize("_number", RESCUES)
def test_the_root_is_that_of_the_first_disk(image: Path, tmp_path: Path, guest_folder: Path, _number: int) -> None:
    disks = [overlay(image, tmp_path / f"{name}.qcow2", "5G") for name in ("instance", "sibling")]
    lvm = image.stem == "rhel"
    seen = mounted(guest_folder, disks, by_user_data=True, also=GROWN if lvm else ESP)
    assert seen.disk == "vda"
    assert seen.source == ("/dev/mapper/system-root" if lvm else seen.link)
    if lvm:
        assert seen.also == "0 2"
    elif image.stem == "fedora":
        assert seen.also == "/dev/vda15"
    # The sibling was never started; now it is, beside the other.
    assert mounted(guest_folder, disks[::-1], by_user_data=True).disk == "vda"
