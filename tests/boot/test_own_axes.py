# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A distribution with a capability and a strategy of a user's own collection: files there, and nothing changed here."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml
from helpers.tools import run_tool

pytestmark = pytest.mark.slow

OURS = "extensions/goldsmith"
STRATEGY = {
    "agents": ["cloud_init"],
    "formats": ["raw"],
    "firmware": ["bios"],
    "kernel_args": "console=tty0 console=ttyS0,115200n8 theirs=1",
    "properties": {"hw_disk_bus": "scsi", "hw_scsi_model": "virtio-scsi"},
    "audit": "cloud_init",
    "packages": ["cloud-guest-utils", "cloud-initramfs-growroot"],
    "files": [{"path": "/etc/theirs", "content": "of their strategy\n"}],
}
CAPABILITY = {"files": [{"path": "/etc/capability", "content": "of their capability\n"}]}


@pytest.fixture
def collections(checkout: Path, tmp_path: Path) -> Path:
    """A folder of collections with theirs in it: the distribution is Debian by another name, the strategy is new."""
    folder = tmp_path / "collections"
    axes = folder / "ansible_collections" / "their" / "images" / OURS
    distribution = yaml.safe_load((checkout / OURS / "distributions" / "debian.yml").read_text())
    distribution |= {"title": "Their Linux", "os_distro": "theirs", "user": "operator"}
    distribution["capabilities"].append("their.images.able")
    files = {"distributions/theirs": distribution, "capabilities/able": CAPABILITY, "strategies/plain": STRATEGY}
    for name, content in files.items():
        path = axes / f"{name}.yml"
        path.parent.mkdir(parents=True)
        path.write_text(yaml.safe_dump(content))
    return folder


def test_an_image_by_axes_of_another_collection(checkout: Path, collections: Path, tmp_path: Path) -> None:
    words = {
        "image_distribution": "their.images.theirs",
        "image_resize": "their.images.plain",
        "image_verify": "audit",
        "image_output_dir": str(tmp_path / "out"),
    }
    paths = f"{collections}:{os.environ['ANSIBLE_COLLECTIONS_PATH']}"
    argv = ["./goldsmith", "playbook", "goldsmith.openstack.build_image", "-e", json.dumps(words)]
    run_tool(argv, cwd=checkout, environment={**os.environ, "ANSIBLE_COLLECTIONS_PATH": paths}, timeout=1800)
    folder = tmp_path / "out" / "theirs-13-amd64"
    assert {path.name for path in folder.iterdir()} == {"theirs-13-amd64.raw", "manifest.json", "SHA512SUMS"}
    manifest = json.loads((folder / "manifest.json").read_text())
    definition = manifest["definition"]
    expected = {"title": "Their Linux", "user": "operator", "kernel_args": STRATEGY["kernel_args"], "formats": ["raw"]}
    assert {name: definition[name] for name in expected} == expected
    expected = {"os_distro": "theirs", "os_admin_user": "operator", **STRATEGY["properties"]}
    assert {name: manifest["properties"][name] for name in expected} == expected
    assert manifest["properties"]["image_description"] == "Their Linux 13 (trixie)"
    # Its file and its arguments are on the disk.
    disk = (folder / "theirs-13-amd64.raw").read_bytes()
    assert b"of their strategy\n" in disk
    assert b"of their capability\n" in disk
    assert b"theirs=1" in disk
