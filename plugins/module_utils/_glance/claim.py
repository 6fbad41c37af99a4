# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is at work on an image: a mark by which a later run sees whether that process has died."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.lifeline import start_time

_active: set[str] = set()


@contextmanager
def at_work() -> Iterator[str]:
    """Give the mark of this piece of work, which counts as alive until the context ends."""
    mark = f"{_host()}:{os.getpid()}:{start_time(os.getpid())}:{secrets.token_hex(4)}"
    _active.add(mark)
    try:
        yield mark
    finally:
        _active.discard(mark)


def is_dead(mark: str) -> bool | None:
    """Return whether the work with that mark has ended without removing it; None where that cannot be known here."""
    words = mark.split(":")
    if len(words) != 4 or words[0] != _host() or not words[1].isdigit():
        return None
    if int(words[1]) == os.getpid():
        return mark not in _active
    return start_time(int(words[1])) != words[2]


def _host() -> str:
    """Return what a process number is valid for: this boot of this kernel, and this namespace of processes."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        boot = file.read().strip()
    # Hashed: properties of an image are seen by others.
    return hashlib.sha256(f"{boot} {os.readlink('/proc/self/ns/pid')}".encode()).hexdigest()[:16]
