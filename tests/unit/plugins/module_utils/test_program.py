# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Code of ours as a program of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils import _ext_reader, _program, _unpack


def test_it_needs_nothing_but_its_folder(tmp_path: Path) -> None:
    argv = _program.install(tmp_path / "program", _unpack, _ext_reader)
    (tmp_path / "disk").write_bytes(bytes(4096))
    (tmp_path / "tree").mkdir()
    words = [*argv, str(tmp_path / "disk"), "0", str(tmp_path / "tree"), "/"]
    said = subprocess.run(words, capture_output=True, text=True, check=True, cwd="/", env={}).stdout
    assert said == '{"damaged": "its superblock is damaged"}\n'
    # It leaves nothing that a later run would take for the program.
    assert not [path for path in tmp_path.rglob("*") if path.suffix == ".pyc"]
