# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role glance_publish: an output folder in several clouds, of which one may fail."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest
from helpers.glance import TestCloud, file_system, kernel, raw_disk

PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - block:
        - ansible.builtin.import_role:
            name: goldsmith.openstack.glance_publish
      always:
        - ansible.builtin.copy:
            dest: facts.json
            mode: "0644"
            content: >-
              {{ {"images": glance_publish_images, "retired": glance_publish_retired,
                  "removed": glance_publish_removed, "kept": glance_publish_kept} | to_json }}
          changed_when: false
          check_mode: false
"""
KINDS = {"raw": "raw", "ext4": "ami", "vmlinuz": "aki", "initrd": "ari"}


@pytest.fixture
def folder(tmp_path: Path, glance_cloud: TestCloud) -> Path:
    """A folder for the play, with images in dist, and two names for the cloud: north directly, south by the proxy."""
    make(tmp_path, seed=1)
    known = json.loads(glance_cloud.clouds_yaml.read_text())["clouds"]
    clouds = {"north": known["embedded"], "south": known["faulty"]}
    (tmp_path / "clouds.yaml").write_text(json.dumps({"clouds": clouds}))
    (tmp_path / "play.yml").write_text(PLAY)
    return tmp_path


def make(folder: Path, seed: int) -> None:
    """Make the images of a build and their manifest."""
    dist = folder / "dist"
    dist.mkdir(exist_ok=True)
    raw_disk(dist / "guest.raw", size=1 << 18, seed=seed)
    file_system(dist / "guest.ext4", size=1 << 18, seed=seed)
    kernel(dist / "guest.vmlinuz", size=1 << 16)
    raw_disk(dist / "guest.initrd", size=1 << 16)
    artifacts = [
        {
            "file": f"guest.{suffix}",
            "format": kind,
            "sha512": hashlib.sha512((dist / f"guest.{suffix}").read_bytes()).hexdigest(),
            "properties": {"os_distro": "debian", **({"os_command_line": "quiet"} if kind == "ami" else {})},
            "min_disk": 1,
        }
        for suffix, kind in KINDS.items()
    ]
    (dist / "manifest.json").write_text(json.dumps({"name": "guest", "artifacts": artifacts, "min_ram": 512}))


def play(checkout: Path, folder: Path, *words: str, **variables: object) -> tuple[int, str, dict]:
    """Run the role; return its status, what it said, and its facts."""
    wanted = {"glance_publish_directory": str(folder / "dist"), "glance_publish_clouds": ["north"], **variables}
    result = subprocess.run(
        [checkout / "goldsmith", "playbook", "play.yml", "-e", json.dumps(wanted), *words],
        cwd=folder,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "COLUMNS": "2000"},
    )
    facts = folder / "facts.json"
    return result.returncode, result.stdout, json.loads(facts.read_text()) if facts.exists() else {}


def test_a_folder_is_published_replaced_and_left_alone(checkout: Path, folder: Path, glance_cloud: TestCloud) -> None:
    status, said, facts = play(checkout, folder, glance_publish_keep=1, glance_publish_properties={"os_distro": ""})
    assert status == 0, said
    assert [image["name"] for image in facts["images"]] == ["guest-aki", "guest-ari", "guest-ami", "guest"]
    there = {image.name: image for image in glance_cloud.images()}
    assert there["guest-ami"].properties["os_command_line"] == "quiet"
    assert "os_distro" not in there["guest"].properties
    assert there["guest"].attributes.items() >= {"min_disk": 1, "min_ram": 512, "visibility": "private"}.items()

    make(folder, seed=2)
    status, said, facts = play(checkout, folder, glance_publish_keep=1)
    assert status == 0, said
    assert {image["id"] for image in facts["removed"]} == {there["guest"].id, there["guest-ami"].id}
    assert [image["uploaded"] for image in facts["images"]] == [False, False, True, True]
    assert {image.name for image in glance_cloud.images()} == set(there)
    assert "removed" in said

    status, said, facts = play(checkout, folder, "--check", glance_publish_keep=1)
    assert status == 0, said
    assert "changed=0" in said


def test_a_cloud_that_fails_does_not_stop_the_others(checkout: Path, folder: Path, glance_cloud: TestCloud) -> None:
    glance_cloud.proxy.inject("POST", "images$", times=100, answer=413)
    status, said, facts = play(
        checkout, folder, glance_publish_clouds=["south", "north/RegionOne"], glance_publish_promote=False
    )
    assert status != 0
    assert "cloud south: POST /images failed with 413" in " ".join(said.split())
    assert "done: north/RegionOne" in said
    # Both are one Glance here, so that south may find what north has just made.
    assert not [image for image in facts["images"] if image["cloud"] == "south" and image["uploaded"]]
    assert len([image for image in facts["images"] if image["cloud"] == "north/RegionOne"]) == 4
    # For a trial: hidden, and whole.
    assert all(image.hidden and image.status == "active" for image in glance_cloud.images(container_format="bare"))
    assert "Traceback" not in said


def test_a_file_that_is_not_what_the_manifest_says_stays_here(
    checkout: Path, folder: Path, glance_cloud: TestCloud
) -> None:
    raw_disk(folder / "dist" / "guest.raw", size=1 << 18, seed=7)
    status, said, _facts = play(checkout, folder)
    assert status != 0
    assert "sha512=" in said
    assert glance_cloud.images(container_format="bare") == []


def test_what_catalogues_say_of_an_image(checkout: Path, folder: Path, glance_cloud: TestCloud) -> None:
    scsi = {"hw_disk_bus": "scsi", "hw_scsi_model": "virtio-scsi"}
    wanted = {"glance_publish_tags": ["debian", "built by us"], "glance_publish_name": "Debian 13"}
    status, said, _facts = play(
        checkout,
        folder,
        glance_publish_properties=scsi,
        glance_publish_min_disk=4,
        glance_publish_min_ram=2048,
        **wanted,
    )
    assert status == 0, said
    there = {image.name: image for image in glance_cloud.images()}
    assert set(there) == {"Debian 13", "Debian 13-ami", "Debian 13-aki", "Debian 13-ari"}
    for name in ("Debian 13", "Debian 13-ami"):
        said_there = {"min_disk": 4, "min_ram": 2048, "tags": ["built by us", "debian"], **scsi}
        assert there[name].attributes.items() >= said_there.items()

    disk = folder / "dist" / "guest.raw"
    os.truncate(disk, (2 << 30) + 512)
    status, said, _facts = play(checkout, folder, glance_publish_min_disk=2)
    assert status != 0
    assert "min_disk=2: guest.raw has 2.0 GiB; give 3 or more, or leave it out" in " ".join(said.split())
