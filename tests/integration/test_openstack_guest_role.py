# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role openstack_guest on a machine that has some of the packages: here a tree in the place of a live one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.modules import run_module
from helpers.tools import run_tool

from ansible_collections.goldsmith.openstack.plugins.module_utils import _namespaces

pytestmark = [pytest.mark.root, pytest.mark.slow]

# The first is there because another one needs it, the second is not.
THERE, MISSING = "python-apt-common", "less"
PLAYBOOK = f"""
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.include_role:
        name: goldsmith.openstack.openstack_guest
        tasks_from: packages
    - ansible.builtin.include_role:
        name: goldsmith.openstack.openstack_guest
        tasks_from: install
      vars:
        openstack_guest_packages: [{THERE}]
        openstack_guest_packages_also: [{MISSING}]
"""


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    wish = {"release": "trixie", "packages": ["python3", "python3-apt", "ca-certificates"]}
    place = {"path": str(tmp_path / "tree")}
    made = run_module("tree_bootstrap", {**place, **wish, "cache_dir": str(tmp_path / "cache")})
    assert made.get("changed") is True, made["msg"]
    yield tmp_path / "tree"
    run_module("tree_bootstrap", {**place, "state": "absent"})


def test_only_missing_packages_are_installed_and_all_are_kept(tree: Path, checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    (tmp_path / "hosts.ini").write_text(
        f"guest ansible_connection=goldsmith.openstack.chroot ansible_chroot_tree={tree} "
        "ansible_python_interpreter=/usr/bin/python3 ansible_remote_tmp=/tmp/.ansible\n"
    )
    argv = ["./goldsmith", "playbook", "-i", str(tmp_path / "hosts.ini"), str(tmp_path / "play.yml")]

    def changes() -> int:
        return int(re.findall(r"changed=(\d+)", run_tool(argv, cwd=checkout, timeout=600))[0])

    assert changes() == 2
    said = run_tool(
        [*_namespaces.prefix(), "chroot", str(tree), "apt-mark", "showmanual", THERE, MISSING], cwd=tmp_path
    )
    assert set(said.split()) == {THERE, MISSING}
    assert changes() == 0
