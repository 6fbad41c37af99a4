# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest of a real libvirt from an image of ours: started, entered, powered off and removed by role and modules."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.guests import TIMEOUT, BuiltImage
from helpers.libvirt import PrivateLibvirt, running_libvirt, running_sshd
from helpers.modules import run_module
from helpers.tools import run_tool
from helpers.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.root]

NAME = "golden"
PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  roles:
    - goldsmith.openstack.virt_install
  post_tasks:
    - name: Keep what the role left
      ansible.builtin.copy:
        content: "{{ virt_install_ssh | to_json }}"
        dest: "{{ virt_install_workspace }}/ssh.json"
        mode: "0600"

    - name: Make it a host
      ansible.builtin.add_host:
        name: guest
        ansible_host: "{{ virt_install_ssh.host }}"
        ansible_port: "{{ virt_install_ssh.port }}"
        ansible_user: "{{ virt_install_ssh.user }}"
        ansible_ssh_common_args: "{{ virt_install_ssh.args }}"
      changed_when: false

- hosts: guest
  gather_facts: false
  tasks:
    - name: Become root in the guest
      ansible.builtin.command:
        argv: [id, -un]
      become: true
      register: account
      changed_when: false
      failed_when: account.stdout != 'root'
"""

# A role of the user's in whose middle the machine goes.
PULL, AFTER = "Pull the plug", "Go on after it"
TASKS = f"""
- name: {PULL}
  ansible.builtin.command:
    argv: [virsh, --connect, "{{{{ virt_install_uri }}}}", destroy, {NAME}]
  delegate_to: localhost
  become: false
  changed_when: true

- name: {AFTER}
  ansible.builtin.command:
    argv: ["true"]
  changed_when: false
"""


@pytest.fixture(scope="module")
def libvirt() -> Iterator[PrivateLibvirt]:
    with running_libvirt() as running:
        yield running


@pytest.fixture(scope="module")
def remote_uri(libvirt: PrivateLibvirt, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The libvirt as if it were on another host."""
    with running_sshd(tmp_path_factory.mktemp("sshd"), libvirt) as uri:
        yield uri


def run_role(checkout: Path, folder: Path, variables: dict[str, Any]) -> str:
    playbook = folder / "play.yml"
    playbook.write_text(PLAYBOOK)
    argv = ["./goldsmith", "playbook", str(playbook), "-e", json.dumps(variables)]
    return run_tool(argv, cwd=checkout, timeout=2 * TIMEOUT)


def test_a_guest_from_an_existing_disk(
    libvirt: PrivateLibvirt,
    remote_uri: str,
    built_image: Callable[[str], BuiltImage],
    checkout: Path,
    tmp_path: Path,
) -> None:
    image = built_image("bios").file("qcow2")
    before = hashlib.sha256(image.read_bytes()).hexdigest()
    workspace = tmp_path / "work"
    variables = {
        "virt_install_uri": remote_uri,
        "virt_install_name": NAME,
        "virt_install_import": str(image),
        "virt_install_workspace": str(workspace),
        "virt_install_disk_size": "4G",
        "virt_install_user": "builder",
        "virt_install_start_timeout": TIMEOUT,
    }
    run_role(checkout, tmp_path, variables)
    assert hashlib.sha256(image.read_bytes()).hexdigest() == before
    ssh = json.loads((workspace / "ssh.json").read_text())
    assert (ssh["user"], ssh["key"]) == ("builder", str(workspace / "key"))

    def guest(command: str) -> str:
        argv = ["ssh", *shlex.split(ssh["args"]), "-p", str(ssh["port"]), "-l", ssh["user"], ssh["host"], command]
        return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=120).stdout.strip()

    assert guest("sudo -n id -un; hostname") == f"root\n{NAME}"
    assert int(guest("df --output=size -B1 / | tail -n 1")) > 0.9 * (4 << 30)
    assert "Linux version" in (workspace / "start.log").read_text(errors="replace")
    # The prompt may come after the key is accepted, when nobody writes down the console any more.
    wait_for(lambda: guest("systemctl is-active serial-getty@ttyS0 || true") == "active", TIMEOUT)

    # The second run finds all as it is.
    assert re.findall(r"changed=(\d+)", run_role(checkout, tmp_path, variables)) == ["0", "0"]
    place = {"uri": remote_uri, "name": NAME}
    assert run_module("vm_state", {**place, "state": "shut_off"})["forced"] is False
    assert run_module("vm_state", {**place, "state": "shut_off"})["changed"] is False
    assert run_module("vm_state", {**place, "state": "absent"})["changed"] is True
    assert libvirt.domains() == []
    assert list(libvirt.images.iterdir()) == []


def test_a_guest_that_goes_away_in_the_middle_ends_the_build(
    libvirt: PrivateLibvirt, built_image: Callable[[str], BuiltImage], checkout: Path, tmp_path: Path
) -> None:
    tasks = tmp_path / "roles" / "unplugged" / "tasks"
    tasks.mkdir(parents=True)
    (tasks / "main.yml").write_text(TASKS)
    variables = {
        "image_build": "virt_install",
        "image_name": NAME,
        "image_roles": [str(tasks.parent)],
        "image_verify": [],
        "image_output_dir": str(tmp_path / "out"),
        "image_cache_dir": str(tmp_path / "cache"),
        "virt_install_uri": libvirt.uri,
        "virt_install_import": str(built_image("bios").file("qcow2")),
        "virt_install_disk_size": "4G",
        "virt_install_start_timeout": TIMEOUT,
    }
    argv = [checkout / "goldsmith", "playbook", "build-debian.yml", "-e", json.dumps(variables)]
    done = subprocess.run(
        argv,
        check=False,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=2 * TIMEOUT,
    )
    said = done.stdout
    try:
        assert done.returncode != 0, said
        assert "Traceback" not in said
        # Twice: where it happens, and at the end with the task and the cause in one line.
        assert "UNREACHABLE!" in said
        assert re.search(rf"^image_system could not be reached in the task .*{AFTER}: \S", said, re.MULTILINE), said
        assert "the system was not configured to the end" in " ".join(said.split())
        for name in ("Seal it", "Make the machine a tree", "Write the disk from the tree", "Publish it"):
            assert f"{name}]" not in said
        assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
        assert list((tmp_path / "cache" / "work").iterdir()) == []
    finally:
        run_module("vm_state", {"uri": libvirt.uri, "name": NAME, "state": "absent"})
