# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._local_cloud.venv import Environment

UV = """#!/bin/sh
echo "$@" >>"$CALLS"
[ "$1" = venv ] && for last; do :; done && mkdir -p "$last/bin" && : >"$last/bin/python"
[ -z "$FAIL" ] || [ "$1" = venv ] || exit 1
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program uv on PATH that writes down how it is called."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "uv").write_text(UV)
    (programs / "uv").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    return tmp_path / "calls"


def test_it_is_made_once(tmp_path: Path, calls: Path) -> None:
    environment = Environment(tmp_path / "venv", ("one==1", "two"))
    assert not environment.ready
    assert environment.make(Runner(), sys.executable)
    assert environment.ready
    assert "pip install --quiet --compile-bytecode --python" in calls.read_text()
    assert calls.read_text().rstrip().endswith("one==1 two")
    calls.unlink()
    assert not environment.make(Runner(), sys.executable)
    assert not calls.exists()


def test_other_requirements_make_it_anew(tmp_path: Path, calls: Path) -> None:
    Environment(tmp_path / "venv", ("one==1",)).make(Runner(), sys.executable)
    other = Environment(tmp_path / "venv", ("one==2",))
    assert not other.ready
    assert other.make(Runner(), sys.executable)
    assert json.loads((tmp_path / "venv" / "goldsmith.json").read_text())["requirements"] == ["one==2"]
    assert calls.exists()


def test_a_lost_interpreter_makes_it_anew(tmp_path: Path, calls: Path) -> None:
    environment = Environment(tmp_path / "venv", ("one==1",))
    environment.make(Runner(), sys.executable)
    environment.program("python").unlink()
    assert not environment.ready


def test_a_failure_leaves_nothing_and_tells_the_cause(
    tmp_path: Path, calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What uv cannot get pip may: it has a configuration of its own. Here it has no index.
    monkeypatch.setenv("FAIL", "1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    environment = Environment(tmp_path / "venv", ("one==1",))
    with pytest.raises(
        GoldsmithError, match=r"cannot make the Python environment .* with one==1: ERROR: No matching distribution"
    ):
        environment.make(Runner(), sys.executable)
    assert "pip install" in calls.read_text()
    assert not environment.directory.exists()


def test_where_uv_fails_pip_makes_it(tmp_path: Path, calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIL", "1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    # What each environment has: pip is content without an index.
    environment = Environment(tmp_path / "venv", ("pip",))
    assert environment.make(Runner(), sys.executable)
    assert environment.ready
    assert "pip install" in calls.read_text()
