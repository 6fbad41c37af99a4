# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress, as lines in a file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.progress import PROGRESS_FILE, Progress


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "progress"
    path.touch()
    monkeypatch.setenv(PROGRESS_FILE, str(path))
    return path


def lines(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_line_says_all(file: Path) -> None:
    Progress("upload", 10)(3, "kernel")
    pid = os.getpid()
    assert lines(file) == [{"pid": pid, "label": "upload", "done": 3, "total": 10, "unit": "B", "note": "kernel"}]


def test_few_lines_are_written_and_the_last_always(file: Path) -> None:
    progress = Progress("upload", 10000)
    for done in range(10001):
        progress(done)
    written = [line["done"] for line in lines(file)]
    assert written[0] == 0
    assert written[-1] == 10000
    assert len(written) < 20


def test_without_a_listener_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PROGRESS_FILE, raising=False)
    Progress("upload", 10)(10)
    monkeypatch.setenv(PROGRESS_FILE, str(tmp_path / "gone"))
    Progress("upload", 10)(10)
    assert not (tmp_path / "gone").exists()
