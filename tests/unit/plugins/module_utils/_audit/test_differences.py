# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Differences, listed and counted."""

from __future__ import annotations

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.differences import Differences
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.unlike import Span


def test_what_is_the_same_is_no_difference() -> None:
    found = Differences(5)
    found.compare("disk", "", "size", 5, 5)
    found.compare("disk", "", "size", 5, 6)
    assert [(entry.where, entry.what, entry.one, entry.other) for entry in found.listed()] == [
        ("disk", "size", "5", "6")
    ]
    assert (found.count(), found.left_out()) == (1, 0)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("disk", "", "size", 1, 2), "disk: size: 1 / 2"),
        (("part", "/etc/x", "missing", None, "file"), "part: /etc/x: missing: nothing / file"),
        (("part", "superblock", "label", "", "x"), "part: superblock: label: empty / x"),
        (("part", "a\nb", "mode", 1, 2), "part: a\\nb: mode: 1 / 2"),
        (("part", "\udcff", "mode", 1, 2), "part: \\udcff: mode: 1 / 2"),
        (("part", "", "bytes", None, None, Span(7, 7, 1)), "part: bytes (1 byte differs, it is byte 7)"),
        (("part", "", "bytes", None, None, Span(7, 9, 2)), "part: bytes (2 bytes differ, the first is byte 7)"),
    ],
)
def test_a_line_for_a_person(arguments: tuple[object, ...], line: str) -> None:
    found = Differences(5)
    found.add(*arguments)
    assert found.lines() == [line]


def test_a_playbook_gets_numbers() -> None:
    found = Differences(5)
    found.add("part", "/a", "content", "1 bytes", "2 bytes", Span(1, 1, 1))
    (entry,) = found.listed()
    assert entry.describe() == {
        "where": "part: /a",
        "what": "content",
        "one": "1 bytes",
        "other": "2 bytes",
        "byte": 1,
        "count": 1,
    }


def test_each_area_has_its_own_limit() -> None:
    found = Differences(2)
    for number in range(5):
        found.add("one", f"/{number}", "mode" if number < 3 else "owner", 1, 2)
    found.add("other", "", "size", 1, 2)
    assert [entry.where for entry in found.listed()] == ["one: /0", "one: /1", "other"]
    assert (found.count(), found.left_out()) == (6, 3)
    assert found.lines()[2] == "one: 3 more are not listed: owner 2, mode 1"
