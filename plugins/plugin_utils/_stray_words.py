# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Words of -e that belong to no variable: a shell has taken away the quotes that Ansible needs."""

from __future__ import annotations

from collections.abc import Iterable

from ansible.errors import AnsibleError
from ansible.parsing.splitter import parse_kv, split_args

# Files and JSON have no words.
_WHOLE = ("@", "{", "[")


def faults(options: Iterable[str]) -> list[str]:
    """Return a line for each value of the options -e that is cut at a blank, with the quoting that keeps it."""
    found = []
    for option in options:
        if option and not option.startswith(_WHOLE) and _stray(option):
            found += _lines(option)
    return found


def _stray(option: str) -> bool:
    try:
        return "_raw_params" in parse_kv(option)
    except AnsibleError:
        return False  # Ansible has said so


def _lines(option: str) -> list[str]:
    """Return the lines of one option, in which a value goes on up to the next word with an equals sign."""
    values: list[tuple[str, list[str]]] = []
    for word in split_args(option):
        name, sign, value = word.partition("=")
        if sign and name.isidentifier():
            values.append((name, [value]))
        elif values:
            values[-1][1].append(word)
        else:
            values.append(("", [word]))
    return [
        # Without apostrophes, which a result in YAML would show doubled.
        f'{name}={words[0]}: it ends at the blank before {words[1]}; write -e "{name}=\\"{" ".join(words)}\\""'
        if name
        else f"-e {words[0]}: is no variable; write -e NAME=VALUE"
        for name, words in values
        if len(words) > 1 or not name
    ]
