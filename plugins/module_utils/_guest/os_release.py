# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a system says that it is."""

from __future__ import annotations

import shlex

# The second is where the first usually leads; a tree may have only that.
PATHS = ("/etc/os-release", "/usr/lib/os-release")
_FIELDS = {"id": "ID", "version": "VERSION_ID", "codename": "VERSION_CODENAME", "name": "PRETTY_NAME"}
# What the specification of the file has for those that are missing.
_DEFAULTS = {"ID": "linux", "PRETTY_NAME": "Linux"}


def parse(text: str) -> dict[str, str]:
    """Return C(id), C(version), C(codename) and C(name); what is not said is empty, or as the specification has it."""
    said: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            said[name] = _unquoted(value)
    return {key: said.get(field, _DEFAULTS.get(field, "")) for key, field in _FIELDS.items()}


def _unquoted(value: str) -> str:
    try:
        return " ".join(shlex.split(value))
    except ValueError:
        return ""
