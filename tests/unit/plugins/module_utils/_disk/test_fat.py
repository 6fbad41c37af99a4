# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""FAT at an offset: the argv of the tools, and what they leave."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.runners import RecordingRunner

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import fat
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

MIB = 1 << 20


def test_places_in_the_units_of_each_tool() -> None:
    runner = RecordingRunner()
    fat.make(runner, "/disk", offset=2 * MIB, size=64 * MIB, label="ESP")
    assert "--offset=4096" in runner.calls[0]
    assert runner.calls[0][-2:] == ["/disk", "65536"]
    fat.copy_in(runner, "/disk", {"/EFI/BOOT/A.EFI": "/a", "/EFI/B": "/b"}, offset=2 * MIB)
    image = ["-i", f"/disk@@{2 * MIB}"]
    assert runner.calls[1:] == [
        ["mmd", *image, "::/EFI"],
        ["mmd", *image, "::/EFI/BOOT"],
        ["mcopy", "-m", *image, "/b", "::/EFI/B"],
        ["mcopy", "-m", *image, "/a", "::/EFI/BOOT/A.EFI"],
    ]


def test_two_runs_give_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "program"
    source.write_bytes(b"MZ" * 50_000)
    environment = {"SOURCE_DATE_EPOCH": "1600000000"}
    made = []
    for name, zone in (("one", "UTC0"), ("two", "JST-9")):
        monkeypatch.setenv("TZ", zone)
        path = tmp_path / name
        with open(path, "wb") as file:
            file.truncate(40 * MIB)
        fat.make(Runner(), str(path), offset=MIB, size=36 * MIB, label="ESP", environment=environment)
        files = {"/EFI/BOOT/BOOTX64.EFI": str(source)}
        fat.copy_in(Runner(), str(path), files, offset=MIB, environment=environment)
        made.append(path.read_bytes())
    assert made[0] == made[1]
    assert b"MZ" * 200 in made[0]
    assert not any(made[0][:MIB])
    assert not any(made[0][37 * MIB :])
