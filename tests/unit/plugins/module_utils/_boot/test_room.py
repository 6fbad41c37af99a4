# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many guests this host has room for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.room import room

GIB = 1 << 30


@pytest.mark.parametrize(
    ("processors", "available", "expected"),
    [(2, 64 * GIB, 2), (1, 64 * GIB, 1), (8, 64 * GIB, 8), (2, 3 * GIB, 2), (2, 3 * GIB - 1024, 1), (2, 0, 1)],
)
def test_room_for_guests_of_one_gibibyte(tmp_path: Path, processors: int, available: int, expected: int) -> None:
    meminfo = tmp_path / "meminfo"
    total = f"MemTotal:       {64 << 20} kB\nMemFree:         100 kB\n"
    meminfo.write_text(f"{total}MemAvailable:   {available >> 10} kB\nBuffers:          1 kB\n")
    assert room(GIB, processors=processors, meminfo=str(meminfo)) == expected


def test_where_memory_is_not_known_one_at_a_time(tmp_path: Path) -> None:
    assert room(GIB, processors=2, meminfo=str(tmp_path / "none")) == 1


def test_this_host_has_room_for_one_at_least() -> None:
    assert 1 <= room(1) <= len(os.sched_getaffinity(0))
    assert room(1 << 60) == 1
