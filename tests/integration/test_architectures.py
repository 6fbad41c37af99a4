# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages and repositories of each distribution for arm64: none is of another architecture."""

from __future__ import annotations

import json
import re
from pathlib import Path

from helpers.tools import run_tool

from ansible_collections.goldsmith.openstack.plugins.plugin_utils import _axes

FOLDER = Path(_axes.axis_file("distributions", "debian")).parent
SYSTEMS = [(name, _axes.load("distributions", name)["release"]) for name in _axes.names(FOLDER)]
# What the packages for UEFI have among them, and what belongs to other processors
LOADERS = {"mmdebstrap": "grub-efi-arm64", "dnf": "grub2-efi-aa64-modules", "zypper": "grub2-arm64-efi"}
OTHERS = re.compile(r"amd64|x86|x64|i386|\bpc\b")
PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.include_vars: "{{ roles }}/chroot_bootstrap/vars/main.yml"
    - ansible.builtin.include_tasks: {file: system.yml}
      loop: "{{ systems }}"
    - ansible.builtin.copy: {content: "{{ found | to_json }}", dest: "{{ goal }}"}
"""
TASKS = """
- ansible.builtin.include_role: {name: goldsmith.openstack.openstack_guest, tasks_from: packages}
  vars:
    openstack_guest_distribution: "{{ item.0 }}"
    openstack_guest_release: "{{ item.1 }}"
    openstack_guest_architecture: arm64
    openstack_guest_firmware: uefi
- ansible.builtin.set_fact:
    found: >-
      {{ found | default([]) + [{'system': item, 'tool': chroot_bootstrap__distribution.bootstrap,
                                 'packages': openstack_guest_packages, 'urls': chroot_bootstrap__urls}] }}
  vars:
    chroot_bootstrap_distribution: "{{ item.0 }}"
    chroot_bootstrap_release: "{{ item.1 }}"
    chroot_bootstrap_architecture: arm64
    chroot_bootstrap_mirror: http://mirror.example
"""


def test_all_packages_and_repositories_of_arm64_are_its_own(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    (tmp_path / "system.yml").write_text(TASKS)
    words = {"systems": SYSTEMS, "goal": str(tmp_path / "found"), "roles": str(checkout / "roles")}
    argv = ["./goldsmith", "playbook", str(tmp_path / "play.yml"), "-e", json.dumps(words)]
    run_tool(argv, cwd=checkout, timeout=300)
    found = json.loads((tmp_path / "found").read_text())
    assert [tuple(one["system"]) for one in found] == SYSTEMS
    for one in found:
        assert LOADERS[one["tool"]] in one["packages"], one
        assert not [word for word in (*one["packages"], *one["urls"]) if OTHERS.search(word)], one
        assert any(re.match("linux-image-|kernel-", name) for name in one["packages"]), one
