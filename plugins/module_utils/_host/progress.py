# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress of long work, as JSON lines for the callback plugin goldsmith.openstack.progress."""

from __future__ import annotations

import json
import os
import time

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.texts import printable

# Named by the callback plugin in the environment of the run; absent on a remote host and without the callback.
PROGRESS_FILE = "GOLDSMITH_PROGRESS_FILE"
_INTERVAL = 0.2


class Progress:
    """Reports how far one piece of work is; at most five lines a second, and none when nobody listens."""

    def __init__(self, label: str, total: int | None = None, unit: str = "B") -> None:
        """*unit* is C(B) for bytes or C(%) for a share of 100."""
        self._label, self._total, self._unit = printable(label), total, unit
        self._last = 0.0
        self._path = os.environ.get(PROGRESS_FILE)

    def __call__(self, done: int | float, note: str | None = None) -> None:
        """Say that *done* units of the total are done; *note* is a word on what is under way."""
        now = time.monotonic()
        if not self._path or (now - self._last < _INTERVAL and done != self._total):
            return
        self._last = now
        line = {"pid": os.getpid(), "label": self._label, "done": done, "total": self._total, "unit": self._unit}
        if note:
            line["note"] = note
        try:
            # Without O_CREAT: the callback that made the file may be gone.
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        except OSError:
            self._path = None
            return
        try:
            os.write(descriptor, json.dumps(line).encode() + b"\n")
        finally:
            os.close(descriptor)
