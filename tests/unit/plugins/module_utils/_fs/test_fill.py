# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that writes a file system."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers import written

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import fill, volume


def request(path: Path, **more: object) -> dict[str, object]:
    common = {
        "offset": 0,
        "fstype": "xfs",
        "size": volume.SMALLEST["xfs"],
        "label": "it",
        "ids": [written.UUID.replace("-", "")],
    }
    return {"path": str(path), **common, "epoch": 1, "tree": None, "files": {}, "labels": {}, **more}


def test_it_writes_and_says_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "image").write_bytes(b"")
    fill.run(request(tmp_path / "image"))
    assert json.loads(capsys.readouterr().out) == {}
    assert volume.read_file(str(tmp_path / "image")) is not None


def test_it_tells_what_went_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill.run(request(tmp_path / "missing"))
    assert json.loads(capsys.readouterr().out) == {"error": f"{tmp_path}/missing: No such file or directory"}
    (tmp_path / "image").write_bytes(b"")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "link").symlink_to("x/" * 700)
    fill.run(request(tmp_path / "image", tree=str(tmp_path / "tree")))
    assert "has more than 1024 bytes" in json.loads(capsys.readouterr().out)["error"]
