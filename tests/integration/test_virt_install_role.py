# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role virt_install up to the guest: its plan, its answers, its refusals. Guests: tests/boot."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from helpers.fake_installer import fake_installer
from helpers.libvirt import running_libvirt
from helpers.tools import tool

PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  roles:
    - goldsmith.openstack.virt_install
"""


def run_role(checkout: Path, folder: Path, variables: dict[str, Any], *words: str) -> tuple[int, str]:
    """Exit status and output of the role; the guest's workspace is in *folder*."""
    (folder / "play.yml").write_text(PLAYBOOK)
    usual = {"virt_install_workspace": str(folder / "work"), "virt_install_name": "web"}
    argv = [tool("ansible-playbook"), folder / "play.yml", *words, "-e", json.dumps({**usual, **variables})]
    result = subprocess.run(argv, cwd=checkout, check=False, capture_output=True, text=True, timeout=300)
    return result.returncode, result.stdout + result.stderr


@pytest.mark.root
def test_a_plan_makes_nothing(checkout: Path, tmp_path: Path) -> None:
    image = tmp_path / "disk.raw"
    image.write_bytes(bytes(1 << 20))
    with running_libvirt() as libvirt:
        variables = {"virt_install_uri": libvirt.uri, "virt_install_import": str(image)}
        status, said = run_role(checkout, tmp_path, variables, "--check", "--diff")
        assert status == 0, said
        assert "-absent" in said
        assert "+installed" in said
        assert libvirt.domains() == []
        assert not (tmp_path / "work").exists()
        kernel = fake_installer(tmp_path, "", powers_off=True)
        given = {f"virt_install_{name}": path for name, path in kernel.items()}
        status, said = run_role(checkout, tmp_path, {"virt_install_uri": libvirt.uri, **given}, "--check")
        assert status == 0, said
        assert not (tmp_path / "work").exists()


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            {"virt_install_release": "bookworm", "virt_install_package_files": "/nonexistent"},
            "virt_install_kernel is empty and /nonexistent/linux is not there: install the package "
            "debian-installer-12-netboot-amd64, or give virt_install_kernel and virt_install_initrd",
        ),
        (
            {"virt_install_import": "/a", "virt_install_location": "http://h/"},
            "given are virt_install_import and virt_install_location: give one of",
        ),
        (
            {"virt_install_kernel": "/a"},
            "virt_install_distribution=debian, given are virt_install_kernel: give one of virt_install_import",
        ),
        (
            {"virt_install_distribution": "fedora"},
            "virt_install_distribution=fedora, virt_install_release=45: its installer is not named; 44 by kickstart, "
            "from virt_install_mirror or virt_install_location; 45 by kickstart, from",
        ),
        (
            {"virt_install_release": "sid"},
            "virt_install_distribution=debian, virt_install_release=sid: its installer is not named; bullseye by "
            "preseed, from the package debian-installer-11-netboot-amd64 or virt_install_location; bookworm by",
        ),
        (
            {"virt_install_release": "sid"},
            "; sid by preseed, from virt_install_location; each from virt_install_kernel",
        ),
        (
            {"virt_install_distribution": "ubuntu", "virt_install_mirror": "http://h/ubuntu"},
            "virt_install_release=resolute: its installer is not named; jammy by autoinstall, from the ISO image of "
            "its installer in virt_install_location",
        ),
        (
            {"virt_install_distribution": "opensuse", "virt_install_release": "16.0"},
            "16.0 by agama, from the ISO image of its installer in virt_install_location; tumbleweed by autoyast, from "
            "virt_install_mirror or virt_install_location",
        ),
        (
            {"virt_install_distribution": "rocky", "virt_install_release": "trixie"},
            "virt_install_distribution=rocky, virt_install_release=trixie: no such release; 9 by kickstart, from",
        ),
    ],
)
def test_refusals(checkout: Path, tmp_path: Path, variables: dict[str, Any], message: str) -> None:
    status, said = run_role(checkout, tmp_path, variables)
    assert status != 0
    assert message in " ".join(said.split())
    assert not (tmp_path / "work").exists()


@pytest.mark.root
@pytest.mark.parametrize(
    ("distribution", "name", "told"),
    [
        ("debian", "preseed.cfg", ""),
        ("rocky", "kickstart.cfg", ""),
        ("opensuse", "autoyast.xml", ""),
        ("ubuntu", "user-data", "url=http://mirror.example:8080/live-server.iso"),
        ("sles", "autoinst.json", "root=live:http://mirror.example:8080/installer.iso"),
    ],
)
def test_answers(checkout: Path, tmp_path: Path, distribution: str, name: str, told: str) -> None:
    kernel = fake_installer(tmp_path, "", powers_off=True)
    with running_libvirt() as libvirt:
        variables = {
            "virt_install_uri": libvirt.uri,
            "virt_install_distribution": distribution,
            "virt_install_release": {"opensuse": "15.6"}.get(distribution, ""),
            "virt_install_mirror": "http://mirror.example:8080/packages",
            "virt_install_user": "builder",
            "virt_install_memory": 128,
            "virt_install_packages": ["jq"],
            "virt_install_disk_size": "64M",
            "virt_install_extra_kernel_args": told,
            **{f"virt_install_{option}": path for option, path in kernel.items()},
        }
        status, said = run_role(checkout, tmp_path, variables)
        # The installer powers off without a word, and the answers have promised the mark.
        assert status != 0
        assert "the guest powered off before the last step of its installation" in " ".join(said.split())
        assert libvirt.domains() == []
        assert list(libvirt.images.iterdir()) == []
    answers = tmp_path / "work" / name
    assert answers.stat().st_mode & 0o777 == 0o600
    text = answers.read_text()
    assert (tmp_path / "work" / "key.pub").read_text().strip().rpartition(" ")[0] in text
    for words in ("goldsmith: the installation is complete", "builder", "jq", "NOPASSWD: ALL"):
        assert words in text
