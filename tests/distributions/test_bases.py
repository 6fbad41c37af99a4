# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images begun with bases that other tests do not boot: containers of Debian and of another family, a disk on xfs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.bases import archive, base_archive, base_disk
from helpers.disks import tool
from helpers.emulator import quick_emulator
from helpers.family_mirrors import TOOLS, FamilyMirror, family_mirror
from helpers.guests import TIMEOUT
from helpers.modules import run_module
from helpers.tools import run_tool

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.timeout(7200)]


@pytest.fixture(scope="module", autouse=True)
def emulator() -> Iterator[None]:
    """The QEMU of these tests."""
    with quick_emulator():
        yield


def build(checkout: Path, folder: Path, base: str, **more: Any) -> dict[str, Any]:
    """Build an image on a base, audit and boot it; return its manifest."""
    words = {"image_name": "based", "image_output_dir": str(folder), "image_verify_timeout": TIMEOUT}
    words |= {"image_base": base, "image_formats": ["qcow2"], **more}
    argv = ["./goldsmith", "playbook", "goldsmith.openstack.build_image", "-e", json.dumps(words)]
    assert "Boot each form of the image and look" in run_tool(argv, cwd=checkout, timeout=5400)
    assert "login:" in (folder / "based" / "console.log").read_text(errors="replace")
    return json.loads((folder / "based" / "manifest.json").read_text())


def test_a_container(checkout: Path, tmp_path: Path) -> None:
    manifest = build(checkout, tmp_path, f"oci:{base_archive(tmp_path / 'base.tar')}")
    assert manifest["definition"]["base"].startswith("sha512:")


def test_a_disk_on_xfs(checkout: Path, tmp_path: Path) -> None:
    disk = base_disk("xfs", tmp_path / "disk.raw")
    run_tool(["qemu-img", "convert", "-O", "qcow2", str(disk), str(tmp_path / "disk.qcow2")], cwd=tmp_path)
    build(checkout, tmp_path, str(tmp_path / "disk.qcow2"), image_firmware="uefi", image_resize="lvm")


def family_archive(mirror: FamilyMirror, folder: Path) -> Path:
    """An OCI archive of a small system of another family, with its package manager and its presets of units."""
    release = {"fedora": "fedora-release", "suse": "openSUSE-release"}[mirror.repository.family]
    packages = [TOOLS[mirror.repository.family], "bash", "coreutils", release]
    made = run_module("tree_bootstrap", mirror.bootstrap(folder / "tree", packages=packages))
    assert made.get("changed") is True, made
    return archive(folder / "base.tar", lambda root: tool("cp", "-a", f"{folder}/tree/.", root))


@pytest.mark.parametrize("family", ["fedora", "suse"])
def test_a_container_of_another_family(checkout: Path, tmp_path: Path, family: str) -> None:
    with family_mirror(family) as mirror:
        build(checkout, tmp_path, f"oci:{family_archive(mirror, tmp_path)}", **mirror.variables())


@pytest.mark.parametrize("family", ["fedora", "suse"])
def test_a_container_of_a_release_that_moves_on(tmp_path: Path, family: str) -> None:
    with family_mirror(family) as mirror:
        base = f"oci:{family_archive(mirror, tmp_path)}"
        given = mirror.bootstrap(tmp_path / "based", base=base, rolling=True, packages=["less"])
        made = run_module("tree_bootstrap", {**given, "layers_dir": str(tmp_path / "cache")})
        assert made.get("changed") is True, made
        assert "less" in {package["package"] for package in made["packages"]}
