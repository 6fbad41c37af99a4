# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image says of itself, as far as its definition decides on it."""

from __future__ import annotations

from helpers.definitions import build

from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.definition import Place


def test_what_follows_from_the_default() -> None:
    assert {name: value for name, value in build()["derived_properties"].items() if value} == {
        "architecture": "x86_64",
        "os_type": "linux",
        "os_distro": "debian",
        "os_version": "13",
        "os_admin_user": "debian",
        "os_purpose": "generic",
        "hw_firmware_type": "bios",
        "cloud_init_installed": "true",
        "image_original_user": "debian",
        "image_description": "Debian GNU/Linux 13 (trixie)",
        "image_source": "private",
        "maintained_until": "2030-06-30",
        "provided_until": "none",
        "uuid_validity": "last-3",
        "hw_disk_bus": "virtio",
        "hw_rng_model": "virtio",
    }


def test_promises() -> None:
    said = build(replace_frequency="monthly", hotfix_hours="48", keep=5)["derived_properties"]
    assert said["provided_until"] == "2030-06-30"
    assert (said["replace_frequency"], said["hotfix_hours"], said["uuid_validity"]) == ("monthly", "48", "last-5")
    assert build(keep=0)["derived_properties"]["uuid_validity"] == ""
    assert build(provided_until="notice")["derived_properties"]["provided_until"] == "notice"


def test_a_disk_that_boots_by_both_does_not_say_by_which() -> None:
    assert build(firmware="hybrid")["derived_properties"]["hw_firmware_type"] == ""


def test_xen_has_no_virtio() -> None:
    said = build("xen")["derived_properties"]
    assert "hw_disk_bus" not in said and said["vm_mode"] == "xen"


def test_a_captured_machine_is_custom_and_has_the_names_of_glance() -> None:
    machine = {"uri": "", "name": "web", "shutdown": True}
    system = {"id": "pop", "version": "22.04", "codename": "jammy", "name": "Pop!_OS 22.04 LTS"}
    said = build(place=Place("/", "/", machine, system), build="capture")["derived_properties"]
    assert (said["os_distro"], said["os_purpose"]) == ("popos", "custom")
    assert said["image_description"] == "Pop!_OS 22.04 LTS"
    assert build(roles="web")["derived_properties"]["os_purpose"] == "custom"
