# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian installed by its own installer from start to end, without a key pressed, and made an image that boots.

Without KVM that takes most of an hour.
"""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from helpers.cache import cache_folder
from helpers.debian_archive import DebianArchive
from helpers.guests import TIMEOUT, BuiltImage
from helpers.installer_log import InstallerLog, installer_log
from helpers.installer_packages import debian_installer
from helpers.libvirt import PrivateLibvirt, running_libvirt
from helpers.package_mirror import ARCHIVE, SECURITY, PackageMirror, package_mirror
from helpers.tools import run_tool

HOUR = 3600
pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(4 * HOUR)]

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
    "swap": "cat /proc/swaps",
    "release": '. /etc/os-release && echo "$ID $VERSION_CODENAME"',
    "state": "systemctl is-system-running --wait",
    "kernel": "uname -r",
    "rights": "sudo -n id -un",
    "sources": "cat /etc/apt/sources.list",
    "command line": "cat /proc/cmdline",
}


@dataclass(frozen=True)
class Installed:
    """The guest that runs now, how it was asked for, and what the installation left behind."""

    libvirt: PrivateLibvirt
    mirror: PackageMirror
    variables: dict[str, Any]
    steps: list[dict[str, Any]]
    ssh: dict[str, Any]
    log: InstallerLog
    console_log: Path

    def answers(self) -> dict[str, str]:
        """What the guest answers to the questions, by one login."""
        ssh, script = self.ssh, "; ".join(f"echo @@{name}; {question}" for name, question in QUESTIONS.items())
        argv = ["ssh", *shlex.split(ssh["args"]), "-p", str(ssh["port"]), "-l", ssh["user"], ssh["host"], script]
        said = subprocess.run(argv, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        parts = (part.partition("\n") for part in said.stdout.split("@@")[1:])
        return {name: text.strip() for name, _line, text in parts}


@pytest.fixture(scope="module")
def installed(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """The whole installation, by the role."""
    folder = tmp_path_factory.mktemp("install")
    playbook, workspace = folder / "install.yml", folder / "workspace"
    playbook.write_text(PLAYBOOK)
    with running_libvirt() as libvirt, package_mirror() as mirror, installer_log(folder / "installer.log") as log:
        installer = debian_installer(DebianArchive(cache_folder() / "debian-archive", RELEASE), folder / "installer")
        variables = {
            "virt_install_uri": libvirt.uri,
            "virt_install_name": NAME,
            "virt_install_release": RELEASE,
            "virt_install_kernel": str(installer.kernel),
            "virt_install_initrd": str(installer.initrd),
            "virt_install_extra_kernel_args": log.kernel_args,
            "virt_install_mirror": f"http://{mirror.guest_host}{ARCHIVE}",
            "virt_install_security_mirror": f"http://{mirror.guest_host}{SECURITY}",
            "virt_install_workspace": str(workspace),
            "virt_install_timeout": 3 * HOUR,
            "virt_install_start_timeout": TIMEOUT,
        }
        try:
            play(checkout, str(playbook), variables)
        finally:  # shown only if something fails
            print("supplied, since the mirror lacks them:", *installer.supplied)
            print(f"the mirror refused {mirror.refused}\nthe installer's log ends\n{log.tail()}")
        left = json.loads((workspace / "left.json").read_text())
        yield Installed(libvirt, mirror, variables, left["steps"], left["ssh"], log, workspace / "installation.log")


def play(checkout: Path, playbook: str, variables: dict[str, Any]) -> str:
    argv = ["./goldsmith", "playbook", playbook, "-e", json.dumps(variables)]
    return run_tool(argv, cwd=checkout, timeout=4 * HOUR)


def test_debian_installs_itself(installed: Installed, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\n{table(installed.steps)}\n{installed.mirror.count} files, {installed.mirror.size / 1e6:.0f} MB")
    # It did all that it does, and asked for no package that is not there.
    assert [step for step in installed.log.steps() if step in STEPS] == STEPS
    assert not [path for path in installed.mirror.refused if path.endswith((".udeb", ".deb"))]

    said = installed.answers()
    assert said["root"] == "ext4 /dev/vda1"
    assert said["partitions"] == "vda1"
    assert said["swap"].startswith("Filename") and len(said["swap"].splitlines()) == 1
    assert said["release"] == f"debian {RELEASE}"
    assert said["state"] == "running"
    assert said["rights"] == "root"
    assert f"deb {installed.variables['virt_install_security_mirror']} {RELEASE}-security main" in said["sources"]
    assert "console=ttyS0,115200n8" in said["command line"].split()
    assert "log_host" not in said["command line"]


def test_the_machine_becomes_an_image(installed: Installed, checkout: Path, tmp_path: Path) -> None:
    before = installed.console_log.read_bytes()
    wanted = {
        "image_build": "virt_install",
        "image_name": NAME,
        "image_output_dir": str(tmp_path),
        "image_formats": ["qcow2", "triplet"],
    }
    # The audit and a boot of both forms are part of it.
    play(checkout, "build-debian.yml", {**installed.variables, **wanted})
    assert installed.console_log.read_bytes() == before, "it was installed again"
    image = BuiltImage(tmp_path / NAME, NAME)
    assert set(image.checksums()) == {"qcow2", "vmlinuz", "initrd", "ext4"}
    manifest = json.loads((image.folder / "manifest.json").read_text())
    assert manifest["definition"]["captured"]["name"] == NAME
    # Nothing is left of the machine.
    assert installed.libvirt.domains() == []
    assert list(installed.libvirt.images.iterdir()) == []


def table(steps: list[dict[str, Any]]) -> str:
    """The steps and how long they took."""
    rows = [*steps, {"name": "all", "seconds": sum(step["seconds"] for step in steps)}]
    return "\n".join(f"{row['seconds']:8.0f} s  {row['name']}" for row in rows)
