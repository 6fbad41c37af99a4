# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role openstack_guest on a machine that has some of the packages: here a tree in the place of a live one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.busybox import listing
from helpers.modules import run_module
from helpers.tools import run_tool

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces

pytestmark = [pytest.mark.root, pytest.mark.slow]

# The first is there because another one needs it, the second is not.
THERE, MISSING = "ca-certificates", "less"
PLAYBOOK = f"""
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.include_role:
        name: goldsmith.openstack.openstack_guest
        tasks_from: "{{{{ part }}}}"
      vars:
        openstack_guest_packages: [{THERE}, openssh-server, systemd-sysv, systemd-resolved, locales]
        openstack_guest_packages_also: [{MISSING}]
        openstack_guest_locales: [de_AT.UTF-8]
        openstack_guest_timezone: Europe/Vienna
"""


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    place = {"path": str(tmp_path / "tree")}
    wish = {"release": "trixie", "packages": ["python3", "ca-certificates", "tzdata"]}
    made = run_module("tree_bootstrap", {**place, **wish, "cache_dir": str(tmp_path / "cache")})
    assert made.get("changed") is True, made["msg"]
    yield tmp_path / "tree"
    run_module("tree_bootstrap", {**place, "state": "absent"})


def test_a_check_changes_nothing_and_a_second_run_neither(tree: Path, checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    (tmp_path / "hosts.ini").write_text(
        f"guest ansible_connection=goldsmith.openstack.chroot ansible_chroot_tree={tree} "
        "ansible_python_interpreter=/usr/bin/python3 ansible_remote_tmp=/tmp/.ansible\n"
    )
    inside = [*namespaces.prefix(), "chroot", str(tree)]

    def run(*words: str, part: str = "main") -> tuple[int, str]:
        argv = ["./goldsmith", "playbook", "-i", str(tmp_path / "hosts.ini"), str(tmp_path / "play.yml")]
        said = run_tool([*argv, "-e", f"part={part}", *words], cwd=checkout, timeout=900)
        return int(re.findall(r"changed=(\d+)", said)[0]), said

    def check(part: str = "main", agent: str = "cloud_init") -> tuple[int, str]:
        before = listing(tree)
        told = run("--check", "--diff", "-e", f"openstack_guest_agent={agent}", part=part)
        after = listing(tree)
        # Ansible's own, for what it carries there.
        for found in (before, after):
            found.pop("tmp/.ansible", None)
        assert after == before
        return told

    run_tool([*inside, "apt-mark", "auto", THERE], cwd=tmp_path)
    count, said = check()
    assert count == 5
    for change in (f"{THERE} kept", f"{MISSING} installed", "ssh.service enabled", "locales de_AT.UTF-8", "+::1"):
        assert change in said
    assert run()[0] == 5
    assert {THERE, MISSING} == set(run_tool([*inside, "apt-mark", "showmanual", THERE, MISSING], cwd=tmp_path).split())
    assert (tree / "etc/locale.gen").read_text() == "de_AT.UTF-8 UTF-8\n"
    assert "de_AT" in run_tool([*inside, "locale", "-a"], cwd=tmp_path)
    assert run()[0] == 0
    assert check()[0] == 0

    # Without cloud-init Python goes. What is left needs none to be sealed again, and a check tells that it comes back.
    goldsmith = ["-e", "openstack_guest_agent=goldsmith"]
    count, said = check("seal", "goldsmith")
    assert (count, "removed python3 " in said) == (1, True)
    assert run(*goldsmith, part="seal")[0] == 1
    assert not (tree / "usr/bin/python3").exists()
    assert run(*goldsmith, part="seal")[0] == 0
    count, said = check()
    assert (count, "python3 installed" in said) == (1, True)
