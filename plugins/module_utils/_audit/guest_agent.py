# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent of our own in a guest, which does without cloud-init."""

from __future__ import annotations

import re

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.rule import Guest

PROGRAM = "/usr/sbin/goldsmith-agent"
CONFIGURATION = "/etc/goldsmith/agent.conf"
GROW = "goldsmith-grow.service"
INSTANCE = "goldsmith-instance.service"


def is_there(guest: Guest) -> bool:
    """Return whether the agent is installed."""
    return guest.files.is_file(PROGRAM)


def account(guest: Guest) -> str | None:
    """Return the account that gets the instance's key."""
    for line in guest.files.lines(CONFIGURATION):
        if match := re.fullmatch(r"""user=(["']?)([\w.-]+)\1""", line):
            return match[2]
    return None


def judge(guest: Guest, unit: str) -> tuple[list[str], list[str]]:
    """Return faults and what was seen: the program, and the unit that starts it."""
    links = guest.enabled(unit)
    faults = [] if is_there(guest) else [f"{PROGRAM}: missing"]
    if not links:
        faults.append(f"{unit}: not enabled")
    return faults, [PROGRAM, *links]
