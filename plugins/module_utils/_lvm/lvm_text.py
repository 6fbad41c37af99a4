# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text in which LVM keeps its metadata: names with values, lists and sections."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError

_TOKEN = re.compile(
    r'(?:\s+|#[^\n]*)|(?P<string>"(?:[^"\\]|\\.)*")|(?P<word>[\w.+/@-]+)|(?P<mark>[{}=\[\],])', re.ASCII | re.DOTALL
)
_INTEGER = re.compile(r"-?[0-9]{1,20}")
_DEEPEST = 8
_END = ("end", "")


def parse(text: str) -> dict[str, Any]:
    """Return the sections and values of a text as dictionaries, lists, numbers and strings."""
    tokens = _tokens(text)
    found, last = _section(tokens, 0)
    if last != _END:
        raise _damaged("a section ends that has not begun")
    return found


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise _damaged(f"unexpected {text[place]!r}")
        if match.lastgroup:
            yield match.lastgroup, match.group()
        place = match.end()
    while True:
        yield _END


def _section(tokens: Iterator[tuple[str, str]], depth: int) -> tuple[dict[str, Any], tuple[str, str]]:
    if depth > _DEEPEST:
        raise _damaged("its sections are too deep")
    found: dict[str, Any] = {}
    while True:
        kind, name = token = next(tokens)
        if token in (_END, ("mark", "}")):
            return found, token
        if kind != "word" or name in found:
            raise _damaged(f"unexpected {name[:40]!r}")
        follows = next(tokens)
        if follows == ("mark", "="):
            found[name] = _value(tokens)
        elif follows == ("mark", "{"):
            found[name], last = _section(tokens, depth + 1)
            if last == _END:
                raise _damaged(f"the section {name[:40]} does not end")
        else:
            raise _damaged(f"{name[:40]!r} has no value")


def _value(tokens: Iterator[tuple[str, str]]) -> Any:
    token = next(tokens)
    if token != ("mark", "["):
        return _plain(token)
    values: list[Any] = []
    token = next(tokens)
    while token != ("mark", "]"):
        values.append(_plain(token))
        token = next(tokens)
        if token == ("mark", ","):
            token = next(tokens)
        elif token != ("mark", "]"):
            raise _damaged("a list does not end")
    return values


def _plain(token: tuple[str, str]) -> str | int:
    kind, text = token
    if kind == "string":
        return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
    if kind == "word":
        return int(text) if _INTEGER.fullmatch(text) else text
    raise _damaged("a value is missing")


def _damaged(what: str) -> GoldsmithError:
    return GoldsmithError(f"the LVM metadata is damaged: {what}")
