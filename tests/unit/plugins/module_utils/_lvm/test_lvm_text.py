# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of LVM's metadata, and what is none."""

from __future__ import annotations

import time

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._lvm import lvm_text

TEXT = """\
# a comment { with = marks
0vg-1 {
~id = "a b # c"~# behind
~seqno = 12
~status = ["READ", "WRITE"]
~flags = []
~pv0 { stripes = [
"pv0", 7
]
~ratio = 1.5
~less = -3
~}
}
quoted = "say \\"hi\\" \\\\"
""".replace("~", "\t")


def test_sections_lists_and_values() -> None:
    assert lvm_text.parse(TEXT) == {
        "0vg-1": {
            "id": "a b # c",
            "seqno": 12,
            "status": ["READ", "WRITE"],
            "flags": [],
            "pv0": {"stripes": ["pv0", 7], "ratio": "1.5", "less": -3},
        },
        "quoted": 'say "hi" \\',
    }
    assert lvm_text.parse("") == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a {", "the section a does not end"),
        ("a { b {", "the section b does not end"),
        ("}", "a section ends that has not begun"),
        ("a = ", "a value is missing"),
        ("a = }", "a value is missing"),
        ("a = [1, 2", "a list does not end"),
        ("a = [1 2]", "a list does not end"),
        ("a = [[1]]", "a value is missing"),
        ("a = 1\na = 2", "unexpected 'a'"),
        ('a = "open', "unexpected '\"'"),
        ('"a" = 1', "unexpected"),
        ("a b", "'a' has no value"),
        ("a", "'a' has no value"),
        ("a = \0", "unexpected"),
        ("a {" * 100, "its sections are too deep"),
    ],
)
def test_what_is_damaged_is_said_to_be(text: str, said: str) -> None:
    with pytest.raises(GoldsmithError, match=f"the LVM metadata is damaged: .*{said}"):
        lvm_text.parse(text)


@pytest.mark.parametrize("unit", ['"', "a {", "a = [", "[1,", "#", "\\", '"\\'])
def test_a_hostile_text_takes_no_time(unit: str) -> None:
    started = time.process_time()
    try:
        lvm_text.parse(unit * 300_000)
    except GoldsmithError as error:
        assert len(str(error)) < 200
    assert time.process_time() - started < 2
