# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image says of itself: derived by the role image, and held against a real Glance."""

from __future__ import annotations

import csv
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.glance import TestCloud
from helpers.tools import clean_environment
from helpers.tools import tool as program

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import description as metadata
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import property_table
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.connection import CloudError

# What Debian knows of its releases, where the package distro-info-data is installed.
RELEASES = Path("/usr/share/distro-info/debian.csv")
MACHINE = {"id": "opensuse-leap", "version": "15.6", "codename": "", "name": "openSUSE Leap 15.6"}
ORDINARY = {
    "architecture": "x86_64",
    "cloud_init_installed": "true",
    "hw_disk_bus": "virtio",
    "hw_firmware_type": "bios",
    "hw_rng_model": "virtio",
    "image_description": "Debian GNU/Linux 13 (trixie)",
    "image_original_user": "debian",
    "image_source": "private",
    "maintained_until": "2030-06-30",
    "os_admin_user": "debian",
    "os_distro": "debian",
    "os_purpose": "generic",
    "os_type": "linux",
    "os_version": "13",
    "provided_until": "none",
    "uuid_validity": "last-3",
}
PROMISED = {
    "image_description": "https://cloud.example/images/web",
    "image_source": "https://cloud.example/images/web.qcow2",
    "image_replace_frequency": "monthly",
    "image_hotfix_hours": 0,
    "image_uuid_validity": "forever",
}
CASES: list[dict[str, Any]] = [
    {},
    # As on a command line: all is text.
    {"image_firmware": "uefi", "image_release": "bookworm", "image_keep": "5", "image_validate_properties": "false",
     "image_properties": {"hw_unheard_of": "1", "hw_rng_model": ""}},
    {"image_firmware": "hybrid", "image_resize": "lvm", "image_roles": "web", "image_user": "ops", **PROMISED},
    {"image_resize": "xen", "image_keep": 0, "image_provided_until": "notice"},
    {"image_purpose": "capture", "vm_capture_name": "web", "vm_capture_result": {"os": MACHINE},
     "image_replace_frequency": "never"},
    {"image_replace_frequency": "often", "image_provided_until": "soon", "image_source": "nowhere"},
    {"image_properties": {"hw_disk_buss": "virtio", "os_type": "minix", "min_disk": 5}},
    {"image_properties": "a=b", "image_validate_properties": False},
]  # fmt: skip
ROLE = {"name": "goldsmith.openstack.image"}


def tasks(case: dict[str, Any]) -> dict[str, Any]:
    """What the role makes of one case, added to a list: properties, or what it says."""
    return {
        "vars": case,
        "block": [
            {"include_role": ROLE},
            {"set_fact": {"told": "{{ told + [[image_definition.derived_properties, image_definition.properties]] }}"}},
        ],
        "rescue": [{"set_fact": {"told": "{{ told + [ansible_failed_result.msg] }}"}}],
    }


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What the role makes of each case; nothing is built."""
    folder = tmp_path_factory.mktemp("play")
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}", "told": []},
        "tasks": [
            *map(tasks, CASES),
            {"copy": {"content": "{{ told | to_json }}", "dest": "{{ playbook_dir }}/told.json", "mode": "0600"}},
        ],
    }
    (folder / "play.yml").write_text(json.dumps([play]))
    done = subprocess.run(
        [program("ansible-playbook"), "-i", "localhost,", "play.yml"],
        check=False,
        cwd=folder,
        env={**clean_environment(), "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return json.loads((folder / "told.json").read_text())


def properties(told: list[Any], case: int) -> dict[str, str]:
    """What a disk of that case would bear."""
    assert not isinstance(told[case], str), told[case]
    found = metadata.of_format("qcow2", *told[case])
    assert property_table.judge({name: value for name, value in found.items() if name != "hw_unheard_of"}) == ([], [])
    return found


def test_what_was_built_is_said(told: list[Any]) -> None:
    assert properties(told, 0) == ORDINARY


def test_what_is_given_goes_before(told: list[Any]) -> None:
    expected = {
        **ORDINARY,
        "hw_firmware_type": "uefi",
        "hw_unheard_of": "1",
        "image_description": "Debian GNU/Linux 12 (bookworm)",
        "maintained_until": "2028-06-30",
        "os_version": "12",
        "uuid_validity": "last-5",
    }
    del expected["hw_rng_model"]
    assert properties(told, 1) == expected


def test_promises_of_the_provider(told: list[Any]) -> None:
    expected = {
        **ORDINARY,
        "cloud_init_installed": "false",
        "hotfix_hours": "0",
        "image_description": "https://cloud.example/images/web",
        "image_original_user": "ops",
        "image_source": "https://cloud.example/images/web.qcow2",
        "os_admin_user": "ops",
        "os_purpose": "custom",
        "provided_until": "2030-06-30",
        "replace_frequency": "monthly",
        "uuid_validity": "forever",
    }
    # A disk that boots by both does not choose.
    del expected["hw_firmware_type"]
    assert properties(told, 2) == expected


def test_xen(told: list[Any]) -> None:
    expected = {
        **ORDINARY,
        "auto_disk_config": "True",
        "hypervisor_type": "xen",
        "provided_until": "notice",
        "vm_mode": "xen",
    }
    for name in ("hw_disk_bus", "hw_rng_model", "uuid_validity"):
        del expected[name]
    assert properties(told, 3) == expected


def test_a_machine_that_was_made_elsewhere(told: list[Any]) -> None:
    expected = {
        **ORDINARY,
        "image_description": "openSUSE Leap 15.6",
        "image_original_user": "opensuse",
        "os_admin_user": "opensuse",
        "os_distro": "opensuse",
        "os_purpose": "custom",
        "os_version": "15.6",
        "replace_frequency": "never",
    }
    del expected["maintained_until"]
    assert properties(told, 4) == expected


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (
            5,
            "image_source=nowhere: must be a URL, or private; image_replace_frequency=often: must be one of yearly, "
            "quarterly, monthly, weekly, daily, critical_bug, never; image_provided_until=soon: must be a day as "
            "YYYY-MM-DD or none or notice",
        ),
        (
            6,
            "image_properties=hw_disk_buss,os_type,min_disk: os_type=minix: must be one of linux, windows; min_disk=5: "
            "is an attribute of the image and no property; image_min_disk sets it; "
            "image_validate_properties=false takes them as they are",
        ),
        (7, """a=b: is not a dictionary; with -e write '{"image_properties": {"name": "value"}}'"""),
    ],
)
def test_what_cannot_be_said_ends_the_build_before_it_begins(told: list[Any], case: int, expected: str) -> None:
    assert told[case].endswith(expected)
    assert "\n" not in told[case]


@pytest.mark.skipif(not RELEASES.is_file(), reason="the package distro-info-data is not installed")
def test_the_ends_of_support_are_those_that_debian_knows(checkout: Path) -> None:
    with RELEASES.open(encoding="utf-8") as file:
        known = {row["series"]: row for row in csv.DictReader(file)}
    ours = yaml.safe_load((checkout / "extensions/goldsmith/distributions/debian.yml").read_text())
    for name, release in ours["releases"].items():
        expected = (known[name]["version"] or name, known[name]["eol-lts"])
        assert (release["version"], release.get("until")) == expected, name


def definitions(cloud: TestCloud) -> Iterator[tuple[str, dict[str, Any]]]:
    """The names of properties of images that the definitions of this Glance have, with their schemas."""
    for path in sorted((cloud.local.venv / "etc" / "glance" / "metadefs").glob("*.json")):
        content = json.loads(path.read_text())
        uses = [use for use in content["resource_type_associations"] if use["name"] == "OS::Glance::Image"]
        # The common properties are meant for images, and associated with nothing.
        common = content["namespace"] == "OS::Glance::CommonImageProperties"
        for use in uses or ([{}] if common else []):
            for group in (content, *content.get("objects", [])):
                for name, schema in group.get("properties", {}).items():
                    yield use.get("prefix", "") + name, schema


def test_what_glance_defines_is_known(session_cloud: TestCloud) -> None:
    found = list(definitions(session_cloud))
    assert len({name for name, _schema in found}) > 100
    samples = {"integer": ["1"], "boolean": ["true", "false"], "array": [""], "string": [""]}
    for name, schema in found:
        if name.startswith("traits:"):
            # With an s this is a slip of the definition: Nova reads trait:.
            assert "the nearest is trait:" in property_table.judge({name: "required"})[1][0]
            continue
        for value in schema.get("enum") or samples[schema["type"]]:
            assert property_table.judge({name: value}) == ([], []), name
        if "enum" in schema and name.startswith(property_table.RESERVED) and name != "vmware_ostype":
            assert property_table.judge({name: "no such value"})[0], f"{name}: anything goes"


def test_the_attributes_of_glance_are_no_properties(session_cloud: TestCloud) -> None:
    schema = session_cloud.direct.cloud.image_request("GET", "/schemas/image").json()["properties"]
    attributes = [name for name, field in schema.items() if field.get("is_base", True)]
    assert len(attributes) > 20
    for name in attributes:
        assert "is an attribute of the image and no property" in property_table.judge({name: "x"})[0][0]


def test_glance_takes_what_we_let_pass_and_refuses_what_we_refuse(glance_cloud: TestCloud, told: list[Any]) -> None:
    def post(name: str, more: dict[str, str]) -> dict[str, Any]:
        body = {"name": name, "disk_format": "raw", "container_format": "bare", **more}
        return glance_cloud.direct.cloud.image_request("POST", "/images", json=body).json()

    for case in range(5):
        wanted = {**properties(told, case), "n" * 255: "v" * 65535, "a/b": "ü"}
        assert post("taken", wanted).items() >= wanted.items()
    for name, value in (("n" * 256, "x"), ("os_glance_x", "x"), ("self", "x"), ("size", "1"), ("a", "\U0001f600")):
        assert property_table.judge({name: value})[0]
        with pytest.raises(CloudError):
            post("refused", {name: value})
