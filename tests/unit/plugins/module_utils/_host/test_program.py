# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Code of ours as a program of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.program import program
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import checked_filesystem


def test_it_needs_nothing_but_its_input(tmp_path: Path) -> None:
    (tmp_path / "disk").write_bytes(bytes(4096))
    (tmp_path / "tree").mkdir()
    request = {
        "path": str(tmp_path / "disk"),
        "offset": 0,
        "fstype": "ext4",
        "tree": str(tmp_path / "tree"),
        "mountpoint": "/",
        "hidden": [],
    }
    argv, stdin = program(*checked_filesystem.UNPACKER, request=request)
    said = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=True, cwd="/", env={}).stdout
    assert said == '{"damaged": "its superblock is damaged"}\n'
