# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A system that runs in memory: built, and proved by a boot with its kernel and no disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.tools import run_tool

pytestmark = pytest.mark.slow


def test_a_kernel_and_an_initramfs_are_a_whole_system(checkout: Path, tmp_path: Path) -> None:
    words = {
        "image_name": "deploy",
        "image_formats": "ramdisk",
        # The playbook fails where the guest does not do what an instance must do.
        "image_verify": "boot",
        "image_output_dir": str(tmp_path / "out"),
        "image_verify_again": True,
    }
    argv = ["./goldsmith", "playbook", "build-debian.yml", "-e", json.dumps(words)]
    run_tool(argv, cwd=checkout, timeout=1800)
    check(tmp_path / "out" / "deploy")


def check(folder: Path) -> None:
    """See that the files are whole, and what was booted."""
    files = {path.name for path in folder.iterdir()}
    assert files == {"deploy.vmlinuz", "deploy.initramfs", "manifest.json", "SHA512SUMS", "console.log"}
    run_tool(["sha512sum", "--check", "--quiet", "SHA512SUMS"], cwd=folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert [artifact["format"] for artifact in manifest["artifacts"]] == ["aki", "initramfs"]
    assert [artifact["min_disk"] for artifact in manifest["artifacts"]] == [0, 0]
    # Owners, modes and links are those of the tree.
    listing = "gzip -dc deploy.initramfs | cpio --list --verbose --numeric-uid-gid --quiet"
    lines = run_tool(["sh", "-c", listing], cwd=folder).splitlines()
    rows = {words[8]: words for line in lines if len(words := line.split(None, 8)) == 9}
    assert rows["usr/bin/sudo"][0] == "-rwsr-xr-x"
    assert rows["etc/shadow"][0] == "-rw-r-----" and rows["etc/shadow"][2:4] == ["0", "42"]
    assert not [name for name in rows if name.startswith("boot/")]
    log = (folder / "console.log").read_text(errors="replace")
    assert "Run /init as init process" in log and "login: " in log
    # The kernel found no disk, and was told of no root.
    assert "root=" not in next(line for line in log.splitlines() if "Command line:" in line)
    assert "vda" not in log
