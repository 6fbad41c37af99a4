# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image of packages that another host builds: a role runs in the tree there, and the bits are the same."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from helpers.ssh import close_shared, ssh_server
from helpers.tools import run_tool

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.volume_walker import files_of

pytestmark = [pytest.mark.root, pytest.mark.slow]

NAME = "elsewhere"
ROOT = 1 << 20  # where the root file system begins, in bytes
TASKS = """
- name: Leave what facts say
  ansible.builtin.copy:
    content: "{{ ansible_facts.distribution }} {{ ansible_facts.virtualization_type }}"
    dest: /srv/facts
    mode: "0644"
  notify: Leave a mark
- name: Copy a file
  ansible.builtin.copy:
    src: blob
    dest: /srv/blob
    mode: "0600"
- name: Fetch it
  ansible.builtin.fetch:
    src: /srv/blob
    dest: "{{ fetched_to }}"
    flat: true
- name: Say to the kernel what it cannot do
  ansible.builtin.command: sysctl -w net.ipv4.ip_forward=1
"""
HANDLERS = """
- name: Leave a mark
  ansible.builtin.command: touch -d @1600000000 /srv/handled
"""


def build(checkout: Path, folder: Path, role: Path, *words: str) -> dict[str, Any]:
    """Build the image in a folder; return its manifest."""
    given = {
        "image_name": NAME,
        "image_output_dir": str(folder),
        "image_formats": ["raw"],
        "image_roles": [str(role)],
        # The tree is not taken from an earlier build of this test.
        "image_cache_roles_age": 0,
        "image_verify": [],
        "fetched_to": str(folder.with_name("fetched")),
    }
    argv = [str(checkout / "goldsmith"), "playbook", "build-debian.yml", *words, "-e", json.dumps(given)]
    environment = {**os.environ, "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder.with_name("cp"))}
    run_tool(argv, cwd=checkout, environment=environment, timeout=1800)
    return json.loads((folder / NAME / "manifest.json").read_text())


def test_the_image_of_another_host_is_that_of_this_one(checkout: Path, tmp_path: Path, guest_folder: Path) -> None:
    role = tmp_path / "roles" / "mark"
    for name, text in (("tasks", TASKS), ("handlers", HANDLERS)):
        (role / name).mkdir(parents=True)
        (role / name / "main.yml").write_text(text)
    (role / "files").mkdir()
    blob = bytes(range(256)) * 1000
    (role / "files" / "blob").write_bytes(blob)
    with ssh_server(tmp_path / "sshd") as server:
        (tmp_path / "hosts").write_text(server.inventory("builder"))
        words = ["-i", str(tmp_path / "hosts"), "-e", "image_build_host=builder"]
        there = build(checkout, guest_folder / "there", role, *words)
        close_shared(guest_folder / "cp")
    image = str(guest_folder / "there" / NAME / f"{NAME}.raw")
    files = files_of("ext4", image, ROOT, image)
    assert files.text("/srv/facts") == "Debian kvm"
    assert files.find("/srv/handled") is not None
    assert (guest_folder / "fetched").read_bytes() == blob
    assert there["definition"]["left_undone"] == ["sysctl applies no value, since the files are read at boot"]

    here = build(checkout, guest_folder / "here", role)
    assert [file["sha512"] for file in here["artifacts"]] == [file["sha512"] for file in there["artifacts"]]
