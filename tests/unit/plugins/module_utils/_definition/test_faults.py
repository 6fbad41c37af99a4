# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What does not go together is told in a line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from helpers.definitions import PLACE, axes, values

from ansible_collections.goldsmith.openstack.plugins.module_utils._definition import faults


@pytest.mark.parametrize(
    ("resize", "given", "fault"),
    [
        (
            "cloud_init",
            {"release": "nosuch"},
            "image_release=nosuch: is not known; "
            "use bullseye or bookworm or trixie or forky or sid, a version, or latest",
        ),
        (
            "xen",
            {"formats": "qcow2"},
            "image_formats=qcow2: does not go with image_resize=xen: XenAPI takes no qcow2; use raw, vhd or triplet",
        ),
        ("xen", {"firmware": "uefi"}, "image_firmware=uefi: does not go with image_resize=xen; use bios"),
        (
            "lvm",
            {"architecture": "arm64", "firmware": "bios"},
            "image_firmware=bios: does not go with image_architecture=arm64; use uefi",
        ),
        (
            "xen",
            {"architecture": "arm64"},
            "image_architecture=arm64: does not go with image_resize=xen, which needs bios",
        ),
        (
            "cloud_init",
            {"architecture": "arm64", "build": "virt_install"},
            "image_architecture=arm64: cannot be that of an installed machine yet; use image_build=chroot",
        ),
        (
            "lvm",
            {"agent": "cloud_init"},
            "image_agent=cloud_init: does not go with image_resize=lvm; use goldsmith, or another image_resize",
        ),
        (
            "cloud_init",
            {"volumes": [{"name": "a", "size": "1G"}]},
            "image_volumes=a: image_resize=cloud_init has no volumes; use image_resize=lvm",
        ),
        (
            "lvm",
            {"volumes": [{"name": "a", "size": "1G"}, {"name": "a", "size": "2G"}]},
            "image_volumes=a,a: two of them have the same name; give each its own",
        ),
        (
            "lvm",
            {
                "volumes": [
                    {"name": "a", "size": "1G", "mountpoint": "/a"},
                    {"name": "b", "size": "2G", "mountpoint": "/a"},
                ]
            },
            "image_volumes=a,b: two of them have the same mountpoint; give each its own",
        ),
        ("xen", {"filesystem": "xfs"}, "image_filesystem=xfs: does not go with image_resize=xen; use ext3 or ext4"),
        (
            "cloud_init",
            {"filesystem": "btrfs", "build": "virt_install"},
            "image_filesystem=btrfs: does not go with image_build=virt_install; use ext4, or image_build=chroot",
        ),
        (
            "lvm",
            {"volumes": [{"name": "a", "size": "100M", "filesystem": "btrfs"}]},
            "image_volumes=a: a is too small for btrfs; give it 130M or more",
        ),
        (
            "cloud_init",
            {"security_mirror": "http://a/"},
            "image_security_mirror=http://a/: goes with the URL of a mirror only; give that in image_mirror",
        ),
    ],
)
def test_values_that_do_not_go_together(resize: str, given: dict[str, Any], fault: str) -> None:
    chosen = values(resize=resize, **given)
    assert faults.between(chosen, axes(resize, architecture=chosen["architecture"]), PLACE) == [fault]


def test_a_distribution_without_programs_for_a_file_system_is_told() -> None:
    data = axes()
    poor = replace(data, distribution={**data.distribution, "filesystem_packages": {}})
    assert faults.between(values(filesystem="xfs"), poor, PLACE) == [
        "image_filesystem=xfs: image_distribution=debian has no programs for xfs; use ext4"
    ]


@pytest.mark.parametrize("mirror", ["", "host"])
def test_a_distribution_whose_mirror_no_tool_knows(mirror: str) -> None:
    chosen = values(distribution="fedora", mirror=mirror)
    (fault,) = faults.between(chosen, axes(distribution="fedora"), PLACE)
    expected = "give the URL of a mirror of Fedora Linux; dnf knows none by itself"
    assert fault == f"image_mirror={mirror}: {expected}"
    own = values(distribution="fedora", mirror="http://a.example/fedora")
    assert faults.between(own, axes(distribution="fedora"), PLACE) == []


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"members": "a"}, "image_members=a: only a shared image has members; add image_visibility=shared"),
        ({"signing_key": "k"}, "image_signing_key=k: needs image_signing_certificate_id"),
        (
            {"signing_certificate_id": "5a2ff2e3-8b4a-4d65-8d0e-6f3f0b8f6f53"},
            "image_signing_certificate_id=5a2ff2e3-8b4a-4d65-8d0e-6f3f0b8f6f53: goes with image_signing_key",
        ),
        ({"name": "a", "publish_dir": "a,b"}, "image_name=a: would be the name of several images"),
    ],
)
def test_what_does_not_go_together_in_a_publication(given: dict[str, Any], fault: str) -> None:
    (found,) = faults.between(values(**given), None, PLACE)
    assert found.startswith(fault)


def test_wrong_properties_are_refused_and_unknown_names_warned_of() -> None:
    given = {"hw_disk_buss": "virtio", "hw_disk_bus": "floppy"}
    (fault,) = faults.between(values(properties=given), None, PLACE)
    assert fault.startswith("image_properties=hw_disk_buss,hw_disk_bus: hw_disk_bus=floppy: must be one of")
    assert "the nearest is hw_disk_bus" in faults.judged_properties(values(properties=given))[1][0]
    unknown = {"hw_disk_buss": "virtio"}
    assert faults.between(values(properties=unknown), None, PLACE) == []
    assert faults.between(values(properties=unknown, validate_properties="strict"), None, PLACE) != []
    assert faults.between(values(properties=given, validate_properties="false"), None, PLACE) == []


SUM = f"sha256:{'1' * 64}"


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"base": "http://a/b"}, "image_base=http://a/b: is fetched, and nothing says what it must be; give"),
        (
            {"base": "a", "build": "virt_install"},
            "image_base=a: does not go with image_build=virt_install; use image_build=chroot",
        ),
        ({"base_checksum": SUM}, f"image_base_checksum={SUM}: goes with image_base; give that too"),
        (
            {"base": "a", "base_checksum": "sha256:12"},
            "image_base_checksum=sha256:12: is no checksum; write sha256",
        ),
        ({"base": "a", "base_signature": "b"}, "image_base_signature=b: needs the key that made it; give image_base_k"),
        (
            {"mirror": "http://a/{snapshot}/"},
            "image_mirror=http://a/{snapshot}/: has {snapshot}; give image_snap",
        ),
        (
            {"mirror": "http://a/", "snapshot": "2026-11-01"},
            "image_snapshot=2026-11-01: has no place in image_mirror; write {snapshot} where it is to stand",
        ),
        (
            {"base": "a", "snapshot": "2026-11-01"},
            "image_snapshot=2026-11-01: goes with an image_mirror that has {snapshot}, where there is an image_base",
        ),
        (
            {"build": "virt_install", "snapshot": "2026-11-01"},
            "image_snapshot=2026-11-01: does not go with image_build=virt_install; leave it out",
        ),
    ],
)
def test_bases_and_snapshots(given: dict[str, Any], fault: str) -> None:
    (found,) = faults.between(values(**given), axes(), PLACE)
    assert found.startswith(fault)


@pytest.mark.parametrize(
    "given",
    [
        {"base": "http://a/b", "base_checksum": "http://a/SUMS"},
        {"base": "oci:a.tar:latest"},
        {"base": "a", "base_checksum": SUM},
        {"snapshot": "20261101T060000Z"},
        {"snapshot": "2026-11-01", "mirror": "http://a/{snapshot}/b"},
        {"base": "a", "distribution": "fedora"},
    ],
)
def test_bases_and_snapshots_that_are_right(given: dict[str, Any]) -> None:
    assert faults.between(values(**given), axes(distribution=given.get("distribution", "debian")), PLACE) == []


@pytest.mark.parametrize(
    ("properties", "more", "fault"),
    [
        ({"hw_disk_bus": "scsi"}, {}, "hw_disk_bus=scsi: without hw_scsi_model Compute takes"),
        ({"hw_disk_bus": "ide", "hw_machine_type": "q35"}, {}, "hw_machine_type=q35 has no such bus; use sata"),
        (
            {"hw_firmware_type": "uefi"},
            {},
            "hw_firmware_type=uefi, and the disk boots by bios; add image_firmware=uefi",
        ),
        ({"hw_firmware_type": "bios"}, {"firmware": "uefi"}, "and the disk boots by uefi; add image_firmware=bios"),
        ({"min_disk": 2}, {}, "min_disk=2: is an attribute of the image and no property; image_min_disk sets it"),
        ({"disk_format": "raw"}, {}, "is an attribute of the image and no property; image_formats sets it"),
    ],
)
def test_hardware_that_no_guest_starts_with(properties: dict[str, Any], more: dict[str, Any], fault: str) -> None:
    (said,) = faults.between(values(properties=properties, **more), axes("cloud_init"), PLACE)
    assert said.startswith("image_properties=") and fault in said
    taken = values(properties=properties, validate_properties="false", **more)
    assert faults.between(taken, axes("cloud_init"), PLACE) == []


def test_hardware_that_goes_together() -> None:
    scsi = {"hw_disk_bus": "scsi", "hw_scsi_model": "virtio-scsi", "hw_machine_type": "q35", "hw_firmware_type": "uefi"}
    assert faults.between(values(properties=scsi, firmware="hybrid"), axes("cloud_init"), PLACE) == []


def test_hardware_that_the_architecture_has_not() -> None:
    given = values(properties={"hw_disk_bus": "ide"}, architecture="arm64")
    (said,) = faults.between(given, axes("cloud_init", architecture="arm64"), PLACE)
    assert "hw_disk_bus=ide: hw_machine_type=virt has no such bus; use sata, scsi or virtio" in said


def test_a_smallest_disk_that_the_volumes_fill() -> None:
    volumes = [{"name": "log", "size": "1G"}, {"name": "data", "size": "1G"}]
    (said,) = faults.between(values(resize="lvm", volumes=volumes, min_disk=2), axes("lvm"), PLACE)
    assert said == "image_min_disk=2: the volumes beside the root have 2.0 GiB; give more, or leave it out"
    assert faults.between(values(resize="lvm", volumes=volumes, min_disk=3), axes("lvm"), PLACE) == []
