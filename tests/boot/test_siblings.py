# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests beside the disk of a sibling: each has its own root.

GOLDSMITH_RESCUES=10 boots each so often.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.guests import BuiltImage
from helpers.siblings import mounted, overlay

pytestmark = pytest.mark.slow

# As if the modules there were those of another version. Before the root lie boot sectors and ESP.
RENEW = """\
root=$(cat /sys/class/block/vda1/start)
sum() { dd if=/dev/vda bs=1M count=$((root / 2048)) iflag=direct 2>/dev/null | sha256sum; }
before=$(sum)
for folder in /boot/grub/*-*; do printf x >>$folder/normal.mod; done
dpkg --configure --pending 2>&1
for folder in /boot/grub/*-*; do cmp /usr/lib/grub/${folder##*/}/normal.mod $folder/normal.mod 2>&1; done
ls /boot/grub/*-*/core.* 2>/dev/null
[ "$before" = "$(sum)" ] || echo and the disk
"""
GROWN = """\
systemctl start goldsmith-grow
LVM_SYSTEM_DIR=/run/lvm/goldsmith vgs --noheadings -o vg_free_count,pv_count system
"""
RESCUES = range(int(os.environ.get("GOLDSMITH_RESCUES", "1")))


@pytest.fixture
def disks(tmp_path: Path, request: pytest.FixtureRequest, built_image: Callable[[str], BuiltImage]) -> list[Path]:
    """Those of an instance and of its sibling, which was never started."""
    image = built_image(request.param).file("qcow2")
    return [overlay(image, tmp_path / f"{name}.qcow2") for name in ("instance", "sibling")]


@pytest.mark.parametrize("disks", ["hybrid"], indirect=True)
@pytest.mark.parametrize("_number", RESCUES)
def test_each_instance_has_an_id_of_its_own(disks: list[Path], guest_folder: Path, _number: int) -> None:
    first = mounted(guest_folder, disks, firmware="uefi", also=RENEW)
    assert first.disk == "vda"
    assert "goldsmith.new_ids" in first.words
    assert f"root=UUID={first.uuid} " not in first.words
    assert first.link == first.source
    renewed = [f"renew-grub: GRUB for {platform} is renewed" for platform in ("i386-pc", "x86_64-efi")]
    assert first.also == " ".join([*renewed, "and the disk"])
    # The sibling is started beside the other, as a rescue is.
    rescue = mounted(guest_folder, disks[::-1])
    assert rescue.disk == "vda"
    assert rescue.uuid != first.uuid
    # With the id that it has, and by the GRUB that was renewed.
    for firmware in ("bios", "uefi"):
        again = mounted(guest_folder, disks, firmware=firmware)
        assert (again.disk, again.uuid) == ("vda", first.uuid)
        assert f"root=UUID={first.uuid} " in again.words
        assert "goldsmith.new_ids" not in again.words


@pytest.mark.parametrize("disks", ["lvm"], indirect=True)
@pytest.mark.parametrize("_number", RESCUES)
def test_a_group_is_that_of_the_first_disk(disks: list[Path], guest_folder: Path, _number: int) -> None:
    seen = mounted(guest_folder, disks, also=GROWN)
    assert (seen.source, seen.disk) == ("/dev/mapper/system-root", "vda")
    # LVM changes no group of which it sees two, so the agent sees one.
    assert seen.also == "0 2"
