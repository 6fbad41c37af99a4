# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors that reach the user as one line."""

from __future__ import annotations


class GoldsmithError(Exception):
    """A failure whose text is fit for the user: what happened, where, and what to do.

    *facts* become extra return values of the module that fails.
    """

    def __init__(self, message: str, *, hint: str | None = None, **facts: object) -> None:
        super().__init__(f"{message}; {hint}" if hint else message)
        self.facts = facts


class OptionError(GoldsmithError):
    """An option has a value that cannot be used. Names the option and the value."""

    def __init__(self, option: str, value: object, reason: str, *, hint: str | None = None) -> None:
        super().__init__(f"{option}={value!s}: {reason}", hint=hint)
        self.option = option


class Interrupted(GoldsmithError):
    """The build that this work belongs to was stopped."""
