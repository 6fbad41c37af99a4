# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A runner that starts nothing: it notes what it was asked to run, and gives recorded answers."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import ProgramError, Result

Answer = tuple[int, str, str]


class RecordingRunner:
    """*answer* gets the argv and returns exit status, stdout and stderr; None stands for success without a word."""

    def __init__(self, answer: Callable[[list[str]], Answer | None] = lambda argv: None) -> None:
        self._answer = answer
        self.calls: list[list[str]] = []
        self.options: list[dict[str, Any]] = []

    def run(self, argv: Sequence[str | os.PathLike[str]], *, check: bool = True, **options: Any) -> Result:
        words = [os.fspath(word) for word in argv]
        self.calls.append(words)
        self.options.append(options)
        rc, stdout, stderr = self._answer(words) or (0, "", "")
        result = Result(tuple(words), rc, stdout, stderr)
        if options.get("on_line"):
            for line in stdout.splitlines():
                options["on_line"](line)
        if check and rc != 0:
            raise ProgramError(result)
        return result
