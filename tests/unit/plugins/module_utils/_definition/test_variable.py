# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How values are read, and told in messages."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.variable import BadValue, Variable, told


def variable(kind: str, **more: Any) -> Variable:
    return Variable("it", kind, more.pop("default", None), "It.", **more)


@pytest.mark.parametrize(
    ("kind", "value", "read"),
    [
        ("text", "a b", "a b"),
        ("text", 13, "13"),
        ("text", True, "true"),
        ("flag", "no", False),
        ("flag", "True", True),
        ("flag", 1, True),
        ("number", "3", 3),
        ("number", 0, 0),
        ("words", "a,b c", ["a", "b", "c"]),
        ("words", '["a b", "c"]', ["a b", "c"]),
        ("words", "[a, 'b']", ["a", "b"]),
        ("words", ["a", "b"], ["a", "b"]),
        ("words", "[]", []),
        ("words", [1], ["1"]),
        ("lines", "ssh-ed25519 AAAA me\n\nssh-rsa BBBB", ["ssh-ed25519 AAAA me", "ssh-rsa BBBB"]),
        ("lines", ["a, b"], ["a, b"]),
        ("arguments", "sign --key 'a b'", ["sign", "--key", "a b"]),
        ("arguments", ["sign", "a b"], ["sign", "a b"]),
        ("mapping", '{"a": 1}', {"a": 1}),
        ("mapping", {"a": ""}, {"a": ""}),
    ],
)
def test_values_are_read_as_people_write_them(kind: str, value: Any, read: Any) -> None:
    assert variable(kind).read(value) == read


@pytest.mark.parametrize("value", [None, "", "  "])
@pytest.mark.parametrize("kind", ["flag", "number", "words", "lines", "arguments", "mapping", "records"])
def test_an_empty_value_is_the_default(kind: str, value: Any) -> None:
    assert variable(kind, default="the default").read(value) == "the default"


@pytest.mark.parametrize(
    ("kind", "value", "fault"),
    [
        ("text", ["a"], "is not a single value; write text"),
        ("flag", "perhaps", "is neither true nor false"),
        ("number", "3.5", "is not a whole number; use 0 or more"),
        ("number", True, "is not a whole number"),
        ("number", -1, "is too small; use 0 or more"),
        ("words", {"a": 1}, "is not a list of words"),
        ("arguments", "sign 'a", "is not a command line"),
        ("mapping", "text", 'is not a dictionary; with -e write \'{"image_it": {"name": "value"}}\''),
        ("mapping", {"a": [1]}, "the value of a is not a single one"),
        ("records", "text", "is not a list of dictionaries"),
        ("records", [1], "is not a list of dictionaries"),
    ],
)
def test_other_values_are_refused(kind: str, value: Any, fault: str) -> None:
    with pytest.raises(BadValue) as caught:
        variable(kind).read(value)
    assert fault in str(caught.value)
    assert "\n" not in str(caught.value)


def test_choices_and_checks_hold_for_each_word() -> None:
    known = variable("words", choices=("a", "b", "c"))
    with pytest.raises(BadValue, match=r"^is not known; use a, b or c$"):
        known.read("d")
    with pytest.raises(BadValue, match=r"^d is not known; use a, b or c$"):
        known.read("a,d")
    checked = variable("text", check=lambda word: "is odd; write x" if word != "x" else None)
    assert checked.read("x") == "x"
    with pytest.raises(BadValue, match=r"^is odd; write x$"):
        checked.read("y")


def test_records_have_their_fields() -> None:
    fields = (
        Variable("name", "text", None, "Name."),
        Variable("size", "text", "1G", "Size."),
        Variable("kind", "text", "a", "Kind.", choices=("a", "b")),
    )
    records = variable("records", fields=fields)
    assert records.read([{"name": "x"}]) == [{"name": "x", "size": "1G", "kind": "a"}]
    assert records.read('[{"name": "x", "size": "2G"}]')[0]["size"] == "2G"
    for value, fault in (
        ({"nam": "x"}, "nam is not known; use name, size or kind"),
        ({"size": "1G"}, 'name is missing in {"size": "1G"}; add it'),
        ({"name": "x", "kind": "c"}, "kind=c is not known; use a or b"),
    ):
        with pytest.raises(BadValue) as caught:
            records.read([value])
        assert str(caught.value) == fault


def test_what_is_told_is_one_line_without_secrets() -> None:
    assert told(variable("text"), 'a\n?"\x1b[2J') == 'a\\n?"\\x1b[2J'
    assert told(variable("text"), "x" * 100) == "x" * 77 + "..."
    assert told(variable("text"), "http://me:secret@proxy:3128") == "http://me:***@proxy:3128"
    assert told(variable("text", secret=True), "secret") == "***"
    assert told(variable("words"), ["a", "ä"]) == '["a", "ä"]'
