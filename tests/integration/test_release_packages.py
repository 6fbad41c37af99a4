# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages of each release: one kernel, the one that was chosen, and what is a package of its own there."""

from __future__ import annotations

import json
import re
from pathlib import Path

from helpers.tools import run_tool

from ansible_collections.goldsmith.openstack.plugins.plugin_utils import _axes

# What is chosen, and the packages of it.
EXPECTED = [
    ("debian", "trixie", "cloud", ["linux-image-cloud-amd64"]),
    ("debian", "trixie", "generic", ["linux-image-amd64"]),
    ("debian", "trixie", "backports", ["linux-image-cloud-amd64/trixie-backports"]),
    ("debian", "trixie", "linux-image-rt-amd64", ["linux-image-rt-amd64"]),
    ("debian", "bullseye", "cloud", ["linux-image-cloud-amd64"]),
    ("ubuntu", "jammy", "cloud", ["linux-image-virtual"]),
    ("ubuntu", "noble", "cloud", ["linux-image-virtual"]),
    ("ubuntu", "noble", "generic", ["linux-image-generic"]),
    ("fedora", "45", "cloud", ["kernel-core"]),
    ("rocky", "10", "generic", ["kernel-core", "kernel-modules"]),
    ("rhel", "9", "kernel-rt-core", ["kernel-rt-core"]),
    ("opensuse", "16.0", "cloud", ["kernel-default"]),
    ("sles", "16.0", "generic", ["kernel-default"]),
]
# The name resolution of systemd is a package of its own since systemd 251.
WITHIN_SYSTEMD = ("bullseye", "jammy")
PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.include_tasks: {file: system.yml}
      loop: "{{ systems }}"
    - ansible.builtin.copy: {content: "{{ found | to_json }}", dest: "{{ goal }}", mode: "0644"}
"""
TASKS = """
- ansible.builtin.include_role: {name: goldsmith.openstack.openstack_guest, tasks_from: packages}
  vars:
    openstack_guest_distribution: "{{ item.0 }}"
    openstack_guest_release: "{{ item.1 }}"
    openstack_guest_kernel: "{{ item.2 }}"
- ansible.builtin.set_fact:
    found: "{{ found | default([]) + [openstack_guest_packages] }}"
"""


def test_each_release_has_its_packages_and_the_kernel_that_was_chosen(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    (tmp_path / "system.yml").write_text(TASKS)
    words = {"systems": EXPECTED, "goal": str(tmp_path / "found")}
    argv = ["./goldsmith", "playbook", str(tmp_path / "play.yml"), "-e", json.dumps(words)]
    run_tool(argv, cwd=checkout, timeout=300)
    found = json.loads((tmp_path / "found").read_text())
    for (distribution, release, kernel, expected), packages in zip(EXPECTED, found, strict=True):
        pattern = _axes.load("distributions", distribution)["kernel_names"]
        named = [name for name in packages if re.fullmatch(pattern, name.partition("/")[0]) or name in expected]
        assert named == expected, (distribution, release, kernel)
        if distribution in ("debian", "ubuntu"):
            assert ("systemd-resolved" in packages) == (release not in WITHIN_SYSTEMD), (distribution, release)
