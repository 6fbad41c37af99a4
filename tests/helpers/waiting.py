# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for what other processes do. A machine that does much else is slow; what works does not wait for the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE = 240  # seconds
T = TypeVar("T")


def wait_for(condition: Callable[[], T], seconds: float = PATIENCE) -> T:
    """What a condition gives, once it gives something."""
    # Not by time.sleep, which tests make short.
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        pause.wait(0.01)
    return found
