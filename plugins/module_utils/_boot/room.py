# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For how many guests at the same time this host has room."""

from __future__ import annotations

import os
import re
from pathlib import Path

# What QEMU takes beside the memory of its guest, above all for code that it has translated.
_BESIDE = 512 << 20


def room(memory: int, *, processors: int | None = None, meminfo: str = "/proc/meminfo") -> int:
    """Return how many guests of so much memory this host has processors and memory for; one at least."""
    return max(1, min(processors or len(os.sched_getaffinity(0)), _available(meminfo) // (memory + _BESIDE)))


def _available(meminfo: str) -> int:
    try:
        found = re.search(r"^MemAvailable: +(\d+) kB$", Path(meminfo).read_text(encoding="ascii"), re.MULTILINE)
    except OSError:
        found = None
    return int(found[1]) << 10 if found else 0
