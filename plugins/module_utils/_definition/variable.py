# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One variable of the definition: its type, its default, what it means, and how a value of it is read."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.texts import one_line, without_passwords

PREFIX = "image_"
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")

# Says what is wrong with one word of a value, and what to do; None where nothing is.
Check = Callable[[str], "str | None"]


class BadValue(Exception):
    """A value that cannot be used; the text says why, and what to do."""


@dataclass(frozen=True)
class Variable:
    """A variable image_<name>.

    *kind* is one of text, flag, number, words, lines, arguments, mapping and records. An empty value is the default.
    *shown* is the default as people read it, where it is derived from other variables. *secret* values are neither
    returned nor told.
    """

    name: str
    kind: str
    default: Any
    text: str
    group: str = ""
    choices: tuple[str, ...] = ()
    check: Check | None = None
    least: int = 0
    shown: str = ""
    secret: bool = False
    fields: tuple[Variable, ...] = ()
    since: str = "1.0.0"

    @property
    def variable(self) -> str:
        """The name as users write it."""
        return PREFIX + self.name

    def read(self, value: Any) -> Any:
        """Return *value* in the type of this variable; raise BadValue when it cannot be used."""
        if value is None or value == "" or (self.kind != "text" and isinstance(value, str) and not value.strip()):
            return self.default
        return _READERS[self.kind](self, value)

    def judge(self, word: str) -> str:
        """Return a word that is among the choices and passes the check."""
        if self.choices and word not in self.choices:
            raise BadValue(f"is not known; use {_one_of(self.choices)}")
        fault = self.check(word) if self.check else None
        if fault:
            raise BadValue(fault)
        return word


def grouped(group: str, *variables: Variable) -> tuple[Variable, ...]:
    """Return variables as those of a group, under whose title they are documented."""
    return tuple(replace(variable, group=group) for variable in variables)


def told(variable: Variable, value: Any) -> str:
    """Return a value for a message: one line, not too long, and no secret."""
    if variable.secret:
        return "***"
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    text = without_passwords(one_line(text))
    return text if len(text) <= 80 else text[:77] + "..."


def _one_of(choices: Sequence[str]) -> str:
    return " or ".join([", ".join(choices[:-1]), choices[-1]]) if len(choices) > 1 else choices[0]


def _text(variable: Variable, value: Any) -> str:
    if isinstance(value, (Mapping, list, tuple)):
        raise BadValue("is not a single value; write text")
    if isinstance(value, bool):
        value = "true" if value else "false"
    return variable.judge(str(value))


def _flag(variable: Variable, value: Any) -> bool:
    word = str(value).strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise BadValue("is neither true nor false; write one of these")


def _number(variable: Variable, value: Any) -> int:
    if isinstance(value, bool) or not re.fullmatch(r"[+-]?\d{1,9}", str(value).strip()):
        raise BadValue(f"is not a whole number; use {variable.least} or more")
    number = int(value)
    if number < variable.least:
        raise BadValue(f"is too small; use {variable.least} or more")
    return number


def _words(variable: Variable, value: Any) -> list[str]:
    """A list, or text with words between commas or blanks, or a JSON list."""
    if isinstance(value, str):
        value = _json_list(value) or [word.strip("'\"") for word in re.split(r"[,\s]+", value.strip().strip("[]"))]
    return _judged(variable, [item for item in _items(value) if item != ""])


def _lines(variable: Variable, value: Any) -> list[str]:
    """A list, or text with one item on each line, or a JSON list: an item may have blanks and commas."""
    if isinstance(value, str):
        value = _json_list(value) or [line.strip() for line in value.splitlines()]
    return _judged(variable, [item for item in _items(value) if item != ""])


def _arguments(variable: Variable, value: Any) -> list[str]:
    """A list, or a line as a shell would take it apart."""
    if isinstance(value, str):
        try:
            value = _json_list(value) or shlex.split(value)
        except ValueError as error:
            raise BadValue(f"is not a command line: {error}; write a list") from error
    return _judged(variable, _items(value))


def _judged(variable: Variable, items: list[str]) -> list[str]:
    for item in items:
        try:
            variable.judge(item)
        except BadValue as error:
            raise error if len(items) == 1 else BadValue(f"{told(variable, item)} {error}") from None
    return items


def _json_list(text: str) -> list[Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, list) and found else None


def _items(value: Any) -> list[str]:
    if not isinstance(value, (list, tuple)):
        value = [value]
    if any(isinstance(item, (Mapping, list, tuple)) or item is None for item in value):
        raise BadValue("is not a list of words; write a,b or a list")
    return [item if isinstance(item, str) else str(item) for item in value]


def _mapping(variable: Variable, value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if not isinstance(value, Mapping):
        hint = json.dumps({variable.variable: {"name": "value"}})
        raise BadValue(f"is not a dictionary; with -e write '{hint}'")
    for name, item in value.items():
        if isinstance(item, (Mapping, list, tuple)):
            raise BadValue(f"the value of {name} is not a single one; write text")
    return {str(name): item for name, item in value.items()}


def _records(variable: Variable, value: Any) -> list[dict[str, Any]]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, Mapping) for item in value):
        names = ", ".join(field.name for field in variable.fields)
        raise BadValue(f"is not a list of dictionaries; write one with {names} for each")
    return [_record(variable, item) for item in value]


def _record(variable: Variable, item: Mapping[str, Any]) -> dict[str, Any]:
    known = {field.name: field for field in variable.fields}
    for name in item:
        if name not in known:
            raise BadValue(f"{name} is not known; use {_one_of(tuple(known))}")
    found = {}
    for field in variable.fields:
        try:
            found[field.name] = field.read(item.get(field.name))
        except BadValue as error:
            raise BadValue(f"{field.name}={told(field, item.get(field.name))} {error}") from error
        if found[field.name] is None:
            raise BadValue(f"{field.name} is missing in {told(variable, dict(item))}; add it")
    return found


_READERS: dict[str, Callable[[Variable, Any], Any]] = {
    "text": _text,
    "flag": _flag,
    "number": _number,
    "words": _words,
    "lines": _lines,
    "arguments": _arguments,
    "mapping": _mapping,
    "records": _records,
}
