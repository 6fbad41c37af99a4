# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of bytes and where they differ."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import unlike
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.unlike import FileRow, Span


def pair(folder: Path, one: bytes, other: bytes) -> tuple[FileRow, FileRow]:
    (folder / "one").write_bytes(one)
    (folder / "other").write_bytes(other)
    return FileRow(str(folder / "one")), FileRow(str(folder / "other"))


def test_a_row_is_a_part_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"0123456789")
    row = FileRow(str(tmp_path / "file"), 2, 4)
    assert (row.size, row.read(0, 4), row.next_data(1)) == (4, b"2345", 1)
    assert FileRow(str(tmp_path / "file"), 4).size == 6
    assert FileRow(str(tmp_path / "file"), 8, 6).read(0, 6) == b"89\0\0\0\0"
    assert FileRow(str(tmp_path / "file")).next_data(10) is None


def test_a_row_closes_its_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"0")
    before = len(os.listdir("/proc/self/fd"))
    row = FileRow(str(tmp_path / "file"))
    assert len(os.listdir("/proc/self/fd")) == before + 1
    del row
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (b"same", b"same", None),
        (b"", b"", None),
        (b"abcd", b"xbcd", Span(100, 100, 1)),
        (b"abcd", b"abcx", Span(103, 103, 1)),
        (b"abcd", b"xbcx", Span(100, 103, 2)),
    ],
)
def test_a_span_counts_the_bytes_that_differ(left: bytes, right: bytes, expected: Span | None) -> None:
    assert unlike.span(100, left, right) == expected


def test_blocks_that_follow_each_other_are_one_span(tmp_path: Path) -> None:
    one = bytearray(5 * unlike.BLOCK)
    for place in (10, unlike.BLOCK + 20, 3 * unlike.BLOCK):
        one[place] = 1
    rows = pair(tmp_path, bytes(one), bytes(5 * unlike.BLOCK))
    block = unlike.BLOCK
    assert list(unlike.spans(*rows)) == [Span(10, block + 20, 2), Span(3 * block, 3 * block, 1)]
    assert unlike.whole(unlike.spans(*rows)) == Span(10, 3 * block, 3)
    assert unlike.whole(unlike.spans(rows[0], rows[0])) is None


def test_what_only_the_longer_one_has(tmp_path: Path) -> None:
    rows = pair(tmp_path, b"same", b"same and more")
    assert list(unlike.spans(*rows)) == []
    assert list(unlike.spans(*rows, tail=True)) == [Span(4, 12, 9)]
    assert list(unlike.spans(rows[1], rows[0], tail=True)) == [Span(4, 12, 9)]


def test_a_hole_counts_as_zeros_and_takes_no_time(tmp_path: Path) -> None:
    # To read all of it would take hours.
    rows = pair(tmp_path, b"", b"\0" * 5000)
    for name in ("one", "other"):
        os.truncate(tmp_path / name, 1 << 42)
    with open(tmp_path / "other", "r+b") as file:
        file.seek((1 << 41) + 3)
        file.write(b"\0x")
    rows = FileRow(str(tmp_path / "one")), FileRow(str(tmp_path / "other"))
    assert list(unlike.spans(*rows)) == [Span((1 << 41) + 4, (1 << 41) + 4, 1)]
