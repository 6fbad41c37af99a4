# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a proof asks: the boots that it makes of an image, and what it says of an instance that misses something."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot import proof
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError

SEEN = {
    "hostname": "web",
    "commands": [{"stdout": "executed"}],
    "disk_size": 1000,
    "root_size": 950,
    "failed_units": [],
    "seconds_to_kernel": 1.0,
    "seconds_to_login": 9.0,
}


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "file"
    path.write_bytes(b"")
    return str(path)


def plan(file: str, **options: Any) -> proof.ProofPlan:
    defaults: dict[str, Any] = {
        "user": "debian",
        "image": file,
        "root": file,
        "kernel": file,
        "ramdisk": file,
        "architecture": "amd64",
        "firmwares": ("bios",),
        "machines": ("pc", "q35"),
        "instance_data": ("metadata", "config_drive"),
        "hostname": "web.example.org",
        "disk_size": 1000,
        "reserved": 0,
        "grows": True,
        "memory": 1 << 30,
        "timeout": 600,
        "console_log": "/logs/console.log",
        "cache_dir": None,
        "parallel": 0,
    }
    return proof.ProofPlan(**{**defaults, **options})


def missed(plan: proof.ProofPlan, form: str = "bios", **seen: Any) -> str:
    return "; ".join(proof.misses(plan, form, {**SEEN, **seen}))


def test_a_system_in_memory_has_the_memory_that_it_needs(file: str, tmp_path: Path) -> None:
    path = tmp_path / "it.initramfs"
    path.write_bytes(gzip.compress(bytes(512 << 20), 1))
    (one,) = plan(file, image=None, root=None, initramfs=str(path)).boots()
    assert (one.image, one.kernel, one.ramdisk, one.form) == (None, file, str(path), "ramdisk")
    assert one.label == "boot it.initramfs (ramdisk)"
    packed = path.stat().st_size
    assert one.memory >= (1 << 30) + packed + (256 << 20) and one.memory % (128 << 20) == 0
    assert plan(file, image=None, root=None, initramfs=str(path), memory=1 << 33).boots()[0].memory == 1 << 33
    # It has no disk to grow on.
    assert missed(plan(file), "ramdisk", disk_size=0, root_size=0) == ""


def test_a_disk_and_a_triplet(file: str) -> None:
    disk, triplet = plan(file).boots()
    assert (disk.name, disk.form, disk.kernel) == ("bios", "bios", None)
    assert (triplet.name, triplet.form, triplet.kernel) == ("triplet", "triplet", file)
    assert (disk.machine, disk.instance_data) == ("pc", "metadata")
    assert (triplet.machine, triplet.instance_data) == ("q35", "config_drive")
    assert (disk.console_log, triplet.console_log) == ("/logs/console.log", "/logs/console-triplet.log")
    assert disk.label == "boot file (bios)"
    assert triplet.commands[0].removeprefix("cat ") in triplet.user_data


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"root": None, "kernel": None, "ramdisk": None}, ["bios"]),
        ({"image": None}, ["triplet"]),
        ({"firmwares": ("bios", "bios")}, ["bios", "triplet"]),
    ],
)
def test_each_form_is_booted_once(file: str, options: dict[str, Any], names: list[str]) -> None:
    assert [boot.name for boot in plan(file, **options).boots()] == names


def test_no_log(file: str) -> None:
    assert [boot.console_log for boot in plan(file, console_log=None).boots()] == [None, None]


def test_how_many_at_once_is_as_said(file: str) -> None:
    assert plan(file, parallel=3).at_once() == 3
    assert plan(file, memory=1 << 60).at_once() == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image": "/none"}, "^image=/none: no such file$"),
        ({"root": "/none"}, "^root=/none: no such file$"),
        ({"parallel": -1}, "^parallel=-1: not a number of boots; 0 is"),
        ({"firmwares": ()}, r"^firmwares=\[\]: nothing to boot with; leave it out"),
        ({"machines": ()}, r"^machines=\[\]: nothing to boot with; leave it out"),
        ({"instance_data": ()}, r"^instance_data=\[\]: nothing to boot with; leave it out"),
    ],
)
def test_what_cannot_be_proved(file: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        plan(file, **options)


def test_an_instance_that_is_as_it_must_be(file: str) -> None:
    assert missed(plan(file)) == ""
    assert missed(plan(file, hostname="web")) == ""


def test_all_that_an_instance_misses_is_told(file: str) -> None:
    ill = {"hostname": "other", "commands": [{"stdout": ""}], "root_size": 900, "failed_units": None}
    ill |= {"seconds_to_kernel": None, "seconds_to_login": None}
    assert missed(plan(file), **ill) == (
        "the host name is other, not web.example.org; does the guest read its instance data?; the script in the user "
        "data was not executed; the root file system has 900 of the 1000 bytes that the disk has for it; it did not "
        "grow; failed units: not known, because systemctl does not answer; no kernel on the serial console; does "
        "console= name another?; no login prompt on the serial console; is a getty on it?"
    )


def test_failed_units_are_named(file: str) -> None:
    assert missed(plan(file), failed_units=["a.service", "b.mount"]) == "failed units: a.service, b.mount"


def test_where_the_root_must_grow(file: str) -> None:
    assert missed(plan(file), root_size=500) != ""
    # Other volumes have their part of a disk, and none of a triplet.
    assert missed(plan(file, reserved=500), root_size=500) == ""
    assert missed(plan(file, reserved=500), "triplet", root_size=500) != ""
    # With xen the cloud grows the disk.
    assert missed(plan(file, grows=False), root_size=500) == ""
    assert missed(plan(file, grows=False), "triplet", root_size=500) != ""


def test_the_properties_of_the_image_choose_the_machine(file: str) -> None:
    chosen = {
        "hw_disk_bus": "scsi",
        "hw_scsi_model": "virtio-scsi",
        "hw_machine_type": "q35",
        "hw_tpm_model": "tpm-crb",
    }
    made = plan(file, initramfs=_packed(file), properties=chosen)
    disk, triplet, ramdisk = made.boots()
    assert {disk.machine, triplet.machine} == {"q35"} and disk.hardware.disk_bus == triplet.hardware.disk_bus == "scsi"
    # Of the machine that runs it in memory nothing is published.
    assert (ramdisk.machine, ramdisk.properties) == ("pc", {})
    assert made.hardware.not_tried == ("hw_tpm_model=tpm-crb",)


def _packed(file: str) -> str:
    path = Path(file).with_name("packed")
    path.write_bytes(gzip.compress(b""))
    return str(path)
