# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts for people: without passwords, and without bytes of foreign files that are no UTF-8.

In our own hands each such byte is a surrogate.
"""

from __future__ import annotations

import re
from typing import Any

_SURROGATE = re.compile("[\ud800-\udfff]")
_CREDENTIALS = re.compile(r"(://[^/@\s:]*):[^/@\s]+@")


def printable(value: Any) -> Any:
    """Return a text, or all texts in lists and mappings, for people and JSON: what is no UTF-8 is replaced."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {printable(key): printable(inner) for key, inner in value.items()}
    return [printable(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def one_line(text: str) -> str:
    """Return a text in which line breaks, and what else a terminal would take for a command, are shown by number."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def without_passwords(text: str) -> str:
    """Return a text in which the passwords of addresses are hidden."""
    return _CREDENTIALS.sub(r"\1:***@", text)
