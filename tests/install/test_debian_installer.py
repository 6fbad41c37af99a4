# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian installed by its own installer from start to end, without a key pressed; most of an hour without KVM."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from helpers.debian_archive import DebianArchive
from helpers.installer_log import InstallerLog, installer_log
from helpers.installer_packages import debian_installer
from helpers.libvirt import PrivateLibvirt, running_libvirt
from helpers.modules import run_module
from helpers.package_mirror import ARCHIVE, SECURITY, PackageMirror, package_mirror
from helpers.tools import run_tool
from helpers.xen import cache_folder

from ansible_collections.goldsmith.openstack.plugins.module_utils._virt_install import ANSWERS

HOURS = 3600
pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(4 * HOURS)]

NAME = "debian-13"
RELEASE = "trixie"
# What the installer does, by its packages; the network and what lies before it are not in its log.
STEPS = ["choose-mirror", "download-installer", "disk-detect", "partman-base", "bootstrap-base", "apt-setup-udeb"]
STEPS += ["pkgsel", "grub-installer", "finish-install"]
PLAYBOOK = """
- name: Install Debian
  hosts: localhost
  gather_facts: false
  roles:
    - goldsmith.openstack.virt_install
  post_tasks:
    - name: Keep what the role left
      ansible.builtin.copy:
        content: "{{ {'steps': virt_install_steps, 'ssh': virt_install_ssh} | to_json }}"
        dest: "{{ virt_install_workspace }}/left.json"
        mode: "0600"
"""
# What a guest says of itself: its root file system, its partitions, swap, what failed, and what was installed.
QUESTIONS = {
    "root": "findmnt -no FSTYPE,SOURCE /",
    "partitions": "lsblk -nro NAME,TYPE /dev/vda | awk '$2 == \"part\" {print $1}'",
    "swap": "swapon --noheadings --show",
    "release": '. /etc/os-release && echo "$ID $VERSION_CODENAME"',
    "state": "systemctl is-system-running --wait",
    "kernel": "uname -r",
    "rights": "sudo -n id -un",
    "sources": "cat /etc/apt/sources.list",
    "command line": "cat /proc/cmdline",
}


def variables(libvirt: PrivateLibvirt, mirror: PackageMirror, log: InstallerLog, folder: Path) -> dict[str, Any]:
    """For the role: what differs from its defaults."""
    installer = debian_installer(DebianArchive(cache_folder() / "debian-archive", RELEASE), folder / "installer")
    print("supplied, since the mirror lacks them:", *installer.supplied)
    return {
        "virt_install_uri": libvirt.uri,
        "virt_install_name": NAME,
        "virt_install_release": RELEASE,
        "virt_install_kernel": str(installer.kernel),
        "virt_install_initrd": str(installer.initrd),
        "virt_install_kernel_args": ANSWERS["preseed"].kernel_args.replace("---", f"{log.kernel_args} ---"),
        "virt_install_mirror": f"http://{mirror.guest_host}{ARCHIVE}",
        "virt_install_security_mirror": f"http://{mirror.guest_host}{SECURITY}",
        "virt_install_workspace": str(folder / "workspace"),
        "virt_install_timeout": 3 * HOURS,
    }


def play(checkout: Path, playbook: Path, given: dict[str, Any]) -> str:
    return run_tool(
        ["./goldsmith", "playbook", str(playbook), "-e", json.dumps(given)], cwd=checkout, timeout=4 * HOURS
    )


def answers(ssh: dict[str, Any]) -> dict[str, str]:
    """What the guest answers to the questions, by one login."""
    script = "; ".join(f"echo @@{name}; {question}" for name, question in QUESTIONS.items())
    argv = ["ssh", *shlex.split(ssh["args"]), "-p", str(ssh["port"]), "-l", ssh["user"], ssh["host"], script]
    said = subprocess.run(argv, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=600)
    parts = (part.partition("\n") for part in said.stdout.split("@@")[1:])
    return {name: text.strip() for name, _line, text in parts}


def test_debian_installs_itself(checkout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    playbook = tmp_path / "install.yml"
    playbook.write_text(PLAYBOOK)
    with running_libvirt() as libvirt, package_mirror() as mirror, installer_log(tmp_path / "installer.log") as log:
        given = variables(libvirt, mirror, log, tmp_path)
        try:
            play(checkout, playbook, given)
        finally:  # shown only if something failed
            print(f"the mirror refused {mirror.refused}\nthe installer's log ends\n{log.tail()}")
        left = json.loads((tmp_path / "workspace" / "left.json").read_text())
        with capsys.disabled():
            print(f"\n{table(left['steps'])}\nfrom the mirror {mirror.count} files, {mirror.size / 1e6:.0f} MB")

        # It did all that it does, and asked for nothing that is not there.
        assert [step for step in log.steps() if step in STEPS] == STEPS
        assert not [path for path in mirror.refused if path.endswith((".udeb", ".deb"))]

        said = answers(left["ssh"])
        assert said["root"] == "ext4 /dev/vda1"
        assert said["partitions"] == "vda1"
        assert said["swap"] == ""
        assert said["release"] == f"debian {RELEASE}"
        assert said["state"] == "running"
        assert said["rights"] == "root"
        assert f"deb http://{mirror.guest_host}{SECURITY} {RELEASE}-security main" in said["sources"]
        assert "console=ttyS0,115200n8" in said["command line"].split()
        assert "log_host" not in said["command line"]

        # Once is enough.
        before = (tmp_path / "workspace" / "installation.log").read_bytes()
        assert "failed=0" in play(checkout, playbook, given)
        assert (tmp_path / "workspace" / "installation.log").read_bytes() == before
        place = {"uri": libvirt.uri, "name": NAME}
        assert run_module("vm_state", {**place, "state": "shut_off"})["forced"] is False
        assert run_module("vm_state", {**place, "state": "absent"})["changed"] is True
        assert list(libvirt.images.iterdir()) == []


def table(steps: list[dict[str, Any]]) -> str:
    """The steps and how long they took."""
    rows = [*steps, {"name": "all", "seconds": sum(step["seconds"] for step in steps)}]
    return "\n".join(f"{row['seconds']:8.0f} s  {row['name']}" for row in rows)
