# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is derived from what was built."""

from __future__ import annotations

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import description as metadata
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import property_table
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError

GIB = 1 << 30
MIB = 1 << 20


@pytest.mark.parametrize(
    ("epoch", "day"),
    [(None, None), (0, None), (1, "1970-01-01"), (1763596799, "2025-11-19"), (1763596800, "2025-11-20")],
)
def test_the_day_of_a_build_is_in_utc(epoch: int | None, day: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    assert metadata.build_date(epoch) == day


@pytest.mark.parametrize(
    ("packages", "expected"),
    [
        ([], {"image_build_date": "2025-11-20"}),
        (["cloud-init", "qemu-guest-agent"], {"cloud_init_installed": "true", "hw_qemu_guest_agent": "yes"}),
        (["cloud-init-base"], {"cloud_init_installed": "true", "hw_qemu_guest_agent": ""}),
        (["cloud-initramfs-growroot"], {"cloud_init_installed": "false", "hw_qemu_guest_agent": ""}),
    ],
)
def test_packages_decide(packages: list[str], expected: dict[str, str]) -> None:
    found = metadata.of_content([{"package": name} for name in packages], 1763596800)
    assert found == {"image_build_date": "2025-11-20", **expected}
    assert property_table.judge(found) == ([], [])
    assert metadata.of_content([{"name": name} for name in packages], 1763596800) == found


def test_an_empty_value_removes_and_all_is_text() -> None:
    derived = {"os_version": 13, "hw_rng_model": "virtio", "os_distro": "debian", "empty": ""}
    given = {"hw_rng_model": "", "os_distro": None, "auto_disk_config": True, "zero": 0}
    assert metadata.merged(derived, given) == {"auto_disk_config": "True", "os_version": "13", "zero": "0"}


@pytest.mark.parametrize("disk_format", ["qcow2", "raw", "vhd"])
def test_a_disk_has_no_command_line_and_a_root_no_firmware(disk_format: str) -> None:
    derived = {"hw_firmware_type": "uefi", "os_type": "linux"}
    given = {"os_command_line": "root=/dev/vda quiet"}
    assert metadata.of_format(disk_format, derived, given) == {"hw_firmware_type": "uefi", "os_type": "linux"}
    assert metadata.of_format("ami", derived, given) == {"os_type": "linux", **given}
    # Who gives a firmware means it, for whatever is made.
    assert metadata.of_format("ami", derived, {"hw_firmware_type": "bios"})["hw_firmware_type"] == "bios"
    assert metadata.of_format("aki", derived, given) == metadata.of_format("ari", derived, given) == {}


@pytest.mark.parametrize(
    ("disk_format", "size", "given", "expected"),
    [
        ("qcow2", 1, None, 1),
        ("raw", GIB, None, 1),
        ("vhd", GIB + 1, None, 2),
        ("ami", 5 * GIB, None, 5),
        ("ami", 1, 8, 8),
        ("aki", 5 * GIB, None, 0),
        ("ari", 5 * GIB, 8, 0),
    ],
)
def test_the_smallest_disk(disk_format: str, size: int, given: int | None, expected: int) -> None:
    assert metadata.min_disk(disk_format, size, given) == expected


@pytest.mark.parametrize(
    ("kernel", "ramdisk", "least", "expected"),
    [(12 * MIB, 20 * MIB, 512, 512), (12 * MIB, 20 * MIB + 1, 512, 640), (0, 0, 512, 512), (0, 0, 0, 256)],
)
def test_the_smallest_memory(kernel: int, ramdisk: int, least: int, expected: int) -> None:
    assert metadata.min_ram(kernel, ramdisk, least) == expected


def test_of_the_machine_of_a_system_in_memory_nothing_is_said() -> None:
    derived = {"hw_disk_bus": "virtio", "os_distro": "debian", "os_command_line": "quiet", "architecture": "x86_64"}
    found = metadata.of_format("initramfs", derived, {"mine": 1})
    assert found == {"architecture": "x86_64", "mine": "1", "os_distro": "debian"}
    assert metadata.min_disk("initramfs", 1 << 30) == 0


def test_a_smallest_disk_that_is_too_small_is_refused() -> None:
    with pytest.raises(OptionError) as caught:
        metadata.min_disk("qcow2", 3 << 30, 2)
    assert str(caught.value) == "min_disk=2: the disk has 3.0 GiB; give 3 or more, or leave it out"
    assert metadata.min_disk("qcow2", 3 << 30, 3) == 3 and metadata.min_disk("aki", 3 << 30, 2) == 0
