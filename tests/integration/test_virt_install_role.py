# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role virt_install up to the guest: its plan, its answers, its refusals. Guests: tests/boot."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

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
        ({"virt_install_distribution": "fedora"}, "without any only the releases of Debian that Goldsmith knows"),
        ({"virt_install_release": "sid"}, "without any only the releases of Debian that Goldsmith knows"),
    ],
)
def test_refusals(checkout: Path, tmp_path: Path, variables: dict[str, Any], message: str) -> None:
    status, said = run_role(checkout, tmp_path, variables)
    assert status != 0
    assert message in " ".join(said.split())
    assert not (tmp_path / "work").exists()


@pytest.mark.root
@pytest.mark.parametrize(
    ("distribution", "name"), [("debian", "preseed.cfg"), ("fedora", "kickstart.cfg"), ("opensuse", "autoyast.xml")]
)
def test_answers(checkout: Path, tmp_path: Path, distribution: str, name: str) -> None:
    kernel = fake_installer(tmp_path, "", powers_off=True)
    with running_libvirt() as libvirt:
        variables = {
            "virt_install_uri": libvirt.uri,
            "virt_install_distribution": distribution,
            "virt_install_mirror": "http://mirror.example:8080/packages",
            "virt_install_user": "builder",
            "virt_install_packages": ["jq"],
            "virt_install_disk_size": "64M",
            **{f"virt_install_{option}": path for option, path in kernel.items()},
        }
        status, said = run_role(checkout, tmp_path, variables)
        # The installer powers off without a word, and the answers have promised the mark.
        assert status != 0
        assert "the guest powered off before the last step of its installation" in " ".join(said.split())
        assert libvirt.domains() == []
    answers = tmp_path / "work" / name
    assert answers.stat().st_mode & 0o777 == 0o600
    text = answers.read_text()
    assert (tmp_path / "work" / "key.pub").read_text().strip().rpartition(" ")[0] in text
    for words in ("goldsmith: the installation is complete", "builder", "jq", "mirror.example:8080", "NOPASSWD: ALL"):
        assert words in text
    if distribution == "opensuse":
        ElementTree.fromstring(text)
    if distribution == "debian":
        entries = [line for line in text.replace("\\\n", "").splitlines() if line and not line.startswith("#")]
        assert all(line.split()[0] in ("d-i", "tasksel", "popularity-contest") for line in entries)
        assert "d-i mirror/http/directory string /packages" in entries
