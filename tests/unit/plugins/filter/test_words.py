# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter words."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.goldsmith.openstack.plugins.filter.words import FilterModule


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, []),
        ("", []),
        ("  ", []),
        ("[]", []),
        ([], []),
        ("one", ["one"]),
        ("one,two", ["one", "two"]),
        ("one, two three\n", ["one", "two", "three"]),
        (",one,,", ["one"]),
        ('["one", "two words"]', ["one", "two words"]),
        ("[one, two]", ["one", "two"]),
        ("['one', \"two\"]", ["one", "two"]),
        (["one two", "three"], ["one two", "three"]),
        (("a", "b"), ["a", "b"]),
        (5, [5]),
    ],
)
def test_words(value: Any, expected: list[Any]) -> None:
    assert FilterModule().filters()["words"](value) == expected


def test_a_list_is_not_the_same_object() -> None:
    value = ["a"]
    assert FilterModule().filters()["words"](value) is not value
