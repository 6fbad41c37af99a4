# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of files copied with their holes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sparse import copy_part

MIB = 1 << 20


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    with open(path, "wb") as file:
        file.write(b"first".ljust(MIB, b"1") + bytes(4 * MIB))
        file.truncate(40 * MIB)
        file.seek(20 * MIB + 5)
        file.write(b"middle")
    return path


@pytest.mark.parametrize(
    ("start", "size", "at"),
    [
        (0, None, 0),
        (0, 3, 0),
        (20 * MIB, MIB, 7),
        (MIB // 2, 21 * MIB, 2 * MIB),
        (30 * MIB, None, 100),
        (39 * MIB, 5 * MIB, 0),
    ],
)
def test_the_bytes_are_those_of_the_part(source: Path, tmp_path: Path, start: int, size: int | None, at: int) -> None:
    dest = tmp_path / "dest"
    dest.touch()
    copy_part(str(source), str(dest), start=start, size=size, at=at)
    whole = source.read_bytes()
    assert dest.read_bytes() == bytes(at) + whole[start : len(whole) if size is None else start + size]


def test_holes_and_written_zeros_take_no_space(source: Path, tmp_path: Path) -> None:
    dest = tmp_path / "dest"
    dest.touch()
    copy_part(str(source), str(dest))
    assert dest.stat().st_blocks * 512 < 3 * MIB


def test_what_lies_around_stays(source: Path, tmp_path: Path) -> None:
    dest = tmp_path / "dest"
    dest.write_bytes(b"head" + bytes(6) + b"tail")
    copy_part(str(source), str(dest), size=5, at=4)
    assert dest.read_bytes() == b"headfirst\0tail"
