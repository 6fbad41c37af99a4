# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A build in check mode shows its plan and makes nothing. Publication and capture: beside their tests."""

from __future__ import annotations

import json
import os
from pathlib import Path

from helpers.definitions import ED25519
from helpers.tools import run_tool

READ = """
- hosts: localhost
  gather_facts: false
  roles:
    - goldsmith.openstack.image
  post_tasks:
    - ansible.builtin.copy:
        content: "{{ image_definition | to_json }}"
        dest: "{{ playbook_dir }}/definition.json"
        mode: "0600"
"""


def test_the_plan_of_a_build_is_all_that_there_is(checkout: Path, tmp_path: Path) -> None:
    place = {"image_output_dir": "out", "image_cache_dir": str(tmp_path / "cache"), "image_clouds": "embedded"}
    local = {"local_cloud_dir": str(tmp_path / "cloud")}
    argv = [
        str(checkout / "goldsmith"),
        "playbook",
        "build-debian.yml",
        "--check",
        "-e",
        json.dumps({**place, **local}),
    ]
    said = " ".join(run_tool(argv, cwd=tmp_path, environment={**os.environ, "PWD": str(tmp_path)}).split())
    for line in (
        "debian-13-amd64: Debian GNU/Linux 13 (trixie), amd64",
        f"folder {tmp_path}/out/debian-13-amd64",
        "files debian-13-amd64.qcow2, debian-13-amd64.vmlinuz, debian-13-amd64.initrd, debian-13-amd64.ext4",
        "proofs audit, boot",
        "os_distro=debian",
        "hw_disk_bus=virtio",
        "clouds embedded",
        "there private, becomes current, 3 versions stay",
    ):
        assert line in said
    assert list(tmp_path.iterdir()) == []


def test_a_whole_key_is_taken_as_text(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "play.yml").write_text(READ)
    argv = [str(checkout / "goldsmith"), "playbook", "play.yml", "-e", f'image_authorized_keys="{ED25519}"']
    run_tool(argv, cwd=tmp_path)
    assert json.loads((tmp_path / "definition.json").read_text())["authorized_keys"] == [ED25519]
