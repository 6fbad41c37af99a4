# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances that stay: what is known of them from their folder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.instance import Instance
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "..", "a b", "x" * 33])
def test_names(tmp_path: Path, name: str) -> None:
    with pytest.raises(OptionError, match=r"^name="):
        Instance(str(tmp_path), name)


def test_nothing_there(tmp_path: Path) -> None:
    instance = Instance(str(tmp_path / "guests"), "web")
    assert not instance.runs
    assert not instance.exists
    assert instance.stop() is False
    assert not (tmp_path / "guests").exists()


def test_remains_of_an_ended_guest_are_removed(tmp_path: Path) -> None:
    folder = tmp_path / "web"
    folder.mkdir()
    (folder / "pid").write_text("4000000\n")
    (folder / "instance.json").write_text("{}")
    (folder / "disk.qcow2").write_text("x")
    instance = Instance(str(tmp_path), "web")
    assert not instance.runs
    assert instance.stop() is True
    assert not folder.exists()


def test_a_process_of_another_is_not_killed(tmp_path: Path) -> None:
    folder = tmp_path / "web"
    folder.mkdir()
    (folder / "pid").write_text(f"{os.getpid()}\n")
    assert Instance(str(tmp_path), "web").stop() is True


def test_two_at_once(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    with (tmp_path / ".web.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(GoldsmithError, match=r"by process \d+; wait"):
            Instance(str(tmp_path), "web").stop()
    assert (tmp_path / "web").exists()
