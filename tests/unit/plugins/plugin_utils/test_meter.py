# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines that show what is under way."""

from __future__ import annotations

import json

import pytest

from ansible_collections.goldsmith.openstack.plugins.plugin_utils._meter import Meters, duration

MIB = 1 << 20


def line(done: float, total: float | None = 100 * MIB, **more: object) -> bytes:
    return json.dumps({"pid": 7, "label": "upload", "done": done, "total": total, "unit": "B", **more}).encode() + b"\n"


def test_shows_percent_bytes_speed_and_time_left() -> None:
    meters = Meters()
    meters.feed(line(0), 10.0)
    meters.feed(line(20 * MIB), 12.0)
    assert meters.lines() == ["upload  20 %  20.0 MiB of 100.0 MiB  10.0 MiB/s  8.0 s left"]


def test_speed_is_that_of_the_last_seconds() -> None:
    meters = Meters()
    for second in range(20):
        meters.feed(line(second * MIB, 1000 * MIB), float(second))
    for second in range(20, 40):
        meters.feed(line((20 + (second - 19) * 5) * MIB, 1000 * MIB), float(second))
    assert "5.0 MiB/s" in meters.lines()[0]


def test_first_line_claims_no_speed() -> None:
    meters = Meters()
    meters.feed(line(5 * MIB), 1.0)
    assert meters.lines() == ["upload  5 %  5.0 MiB of 100.0 MiB"]


def test_unknown_total() -> None:
    meters = Meters()
    meters.feed(line(MIB, None), 1.0)
    meters.feed(line(3 * MIB, None), 2.0)
    assert meters.lines() == ["upload  3.0 MiB  2.0 MiB/s"]


def test_percent_unit_and_note() -> None:
    meters = Meters()
    meters.feed(line(30, 100, unit="%", note="waiting for sshd"), 1.0)
    assert meters.lines() == ["upload  30 %  waiting for sshd"]


def test_a_note_cannot_steer_the_terminal() -> None:
    meters = Meters()
    meters.feed(line(30, 100, unit="%", note="\x1b[2J  login:\r\n\x07"), 1.0)
    assert meters.lines() == ["upload  30 %  [2J login:"]


def test_a_share_of_a_hundred_claims_no_time() -> None:
    meters = Meters()
    meters.feed(line(10, 100, unit="%"), 1.0)
    meters.feed(line(20, 100, unit="%"), 2.0)
    assert meters.lines() == ["upload  20 %"]


def test_line_in_two_parts_and_rubbish() -> None:
    meters = Meters()
    whole = line(50 * MIB)
    meters.feed(b'rubbish\n{"pid": 1}\n[]\n' + whole[:9], 1.0)
    assert meters.lines() == []
    meters.feed(whole[9:], 1.1)
    assert meters.lines()[0].startswith("upload  50 %")


def test_work_side_by_side_has_a_line_each_and_vanishes_when_finished() -> None:
    meters = Meters()
    meters.feed(line(MIB, label="upload a to x") + line(2 * MIB, label="upload a to y") + line(MIB, pid=8), 1.0)
    meters.feed(line(3 * MIB, label="upload a to x"), 2.0)
    # Each keeps its place, whoever spoke last.
    assert meters.lines() == [
        "upload a to x  3 %  3.0 MiB of 100.0 MiB  2.0 MiB/s  48 s left",
        "upload a to y  2 %  2.0 MiB of 100.0 MiB",
        "upload  1 %  1.0 MiB of 100.0 MiB",
    ]
    meters.feed(line(100 * MIB, label="upload a to x") + line(100 * MIB, pid=8), 3.0)
    assert meters.lines() == ["upload a to y  2 %  2.0 MiB of 100.0 MiB"]
    assert meters.pids == {7}


def test_what_is_silent_while_others_speak_is_counted_only() -> None:
    meters = Meters()
    meters.feed(line(MIB, label="upload that failed") + line(MIB), 1.0)
    meters.feed(line(61 * MIB), 31.0)
    assert meters.lines() == ["upload  61 %  61.0 MiB of 100.0 MiB  2.0 MiB/s  20 s left  (+1 more)"]


def test_a_screen_is_not_filled() -> None:
    meters = Meters()
    for pid in range(7):
        meters.feed(line(MIB, pid=pid), 1.0)
    assert len(meters.lines()) == 4
    assert [text.endswith("(+3 more)") for text in meters.lines()] == [False, False, False, True]


def test_a_process_that_is_gone_is_forgotten() -> None:
    meters = Meters()
    meters.feed(line(MIB), 1.0)
    meters.forget(7)
    assert meters.lines() == []


def test_work_that_starts_again_has_no_negative_speed() -> None:
    meters = Meters()
    meters.feed(line(90 * MIB), 1.0)
    meters.feed(line(MIB), 2.0)
    assert meters.lines() == ["upload  1 %  1.0 MiB of 100.0 MiB"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.44, "0.4 s"), (42.4, "42 s"), (59.6, "1:00"), (185, "3:05"), (3723, "1:02:03")]
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text
