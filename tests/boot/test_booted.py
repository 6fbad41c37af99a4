# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""image_configure=booted: roles that need a running system, and the image that comes of it."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest
from helpers.guests import TIMEOUT
from helpers.modules import run_module
from helpers.tools import run_tool
from helpers.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.root]

TASKS = """
- name: See that it runs
  ansible.builtin.wait_for: {port: 22, timeout: "{{ patience | default(60) }}"}
  when: needs_a_system
- name: Ask the service manager
  ansible.builtin.command: systemctl is-active ssh
  when: needs_a_system
  changed_when: false
- name: Configure
  ansible.builtin.copy: {content: "by {{ ansible_facts.service_mgr }}\\n", dest: /etc/configured, mode: "0640"}
  notify: restart ssh
- name: Have an account
  ansible.builtin.user: {name: app, system: true, create_home: false}
- name: Be that account
  ansible.builtin.command: id -un
  become: true
  become_user: "{{ item }}"
  register: who
  failed_when: who.stdout != item
  changed_when: false
  loop: [app]
- name: Have room
  ansible.builtin.command: {cmd: truncate -s 200G /srv/room, creates: /srv/room}
"""
HANDLERS = """
- name: restart ssh
  ansible.builtin.service: {name: ssh, state: restarted}
"""
# What a system that has run leaves, and no instance minds; in shadow it is the day on which an account was made
LEFT = ("/etc/shadow", "/var/lib/systemd", "/var/lib/dbus", "/var/cache", "/var/log", "/etc/.updated", "/var/.updated")


@pytest.fixture(scope="module")
def role(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("roles") / "needing"
    for part, text in (("tasks", TASKS), ("handlers", HANDLERS)):
        (folder / part).mkdir(parents=True)
        (folder / part / "main.yml").write_text(text)
    return folder


def command(role: Path, output: Path, **words: object) -> list[str]:
    given = {"image_roles": [str(role)], "image_formats": ["raw"], "image_output_dir": str(output), "image_name": "x"}
    given |= {"image_verify": ["audit"], "needs_a_system": False, **words}
    return ["./goldsmith", "playbook", "build-debian.yml", "-e", json.dumps(given)]


def test_the_same_image_comes_of_a_tree_and_of_a_system_that_ran(role: Path, checkout: Path, tmp_path: Path) -> None:
    booted = {"image_configure": "booted", "needs_a_system": True}
    said = run_tool(command(role, tmp_path / "booted", **booted), cwd=checkout, timeout=2400)
    said += run_tool(command(role, tmp_path / "tree"), cwd=checkout, timeout=1800)
    assert "is already in use" not in said, "a role has loops of its own"
    images = [tmp_path / name / "x" / "x.raw" for name in ("booted", "tree")]
    compared = run_module("image_compare_info", {"path": str(images[0]), "other": str(images[1]), "limit": 1000})
    differing = {
        one["where"].partition(": ")[2]
        for one in compared["differences"]
        if one["what"] in ("missing", "kind", "mode", "owner", "group", "content", "target")
    }
    assert {path for path in differing if path.startswith("/") and not path.startswith(LEFT)} == set()
    assert all(image.stat().st_size < 4 << 30 for image in images), "a hole takes no room"


def test_without_a_system_such_a_task_fails_with_the_way_out(role: Path, checkout: Path, tmp_path: Path) -> None:
    argv = command(role, tmp_path, needs_a_system=True, patience=2)
    done = subprocess.run(argv, cwd=checkout, capture_output=True, text=True, check=False, timeout=1800)
    said = " ".join(done.stdout.split())
    assert done.returncode == 2
    assert "See that it runs: Timeout when waiting for 127.0.0.1:22" in said
    assert "no system runs in a tree, image_configure=booted runs the roles in one that does" in said
    assert list(tmp_path.iterdir()) == []


def test_a_killed_build_leaves_no_guest(role: Path, checkout: Path, tmp_path: Path) -> None:
    cache = Path.home() / ".cache/goldsmith/guests"
    before = set(cache.glob("configure-*/pid")) if cache.is_dir() else set()
    argv = command(role, tmp_path, image_configure="booted")
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    build = subprocess.Popen(argv, cwd=checkout, start_new_session=True, **quiet)
    try:
        guest = wait_for(lambda: next(iter(set(cache.glob("configure-*/pid")) - before), None), TIMEOUT)
        pid = wait_for(lambda: guest.read_text().strip() if guest.exists() else None)
    finally:
        build.send_signal(signal.SIGKILL)
        build.wait()
    wait_for(lambda: not Path("/proc", pid).exists())
    wait_for(lambda: not guest.parent.exists())
