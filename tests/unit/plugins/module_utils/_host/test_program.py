# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Code of ours as a program of its own."""

from __future__ import annotations

import importlib
import subprocess
from pathlib import Path

import pytest

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


def test_what_follows_on_stdin_is_left_for_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "echoing.py").write_text("import os\n\ndef run(request):\n    os.execvp('cat', ['cat', '-'])\n")
    monkeypatch.syspath_prepend(tmp_path)
    argv, stdin = program(importlib.import_module("echoing"), request={"text": "\udcff\u20ac"}, python="python3")
    assert argv[0] == "python3"
    data = stdin.encode() + b"\0rest\xff"
    assert subprocess.run(argv, input=data, stdout=subprocess.PIPE, check=True).stdout == b"\0rest\xff"
