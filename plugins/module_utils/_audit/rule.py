# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rule of the audit gets and gives, and the list of the rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.walker import GuestFiles
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.texts import without_passwords

PASS, FAIL, NOT_APPLICABLE = "pass", "fail", "not_applicable"
_EVIDENCE_LIMIT = 20


@dataclass(frozen=True)
class LogicalVolume:
    """The volume that a root file system lies in; *free_extents* are those of its group."""

    group: str
    name: str
    free_extents: int = 0


@dataclass(frozen=True)
class Guest:
    """A system to audit. *filesystem*, *partitions* (their types) and their numbers are None where it is a tree.

    *volume* is None where the root lies in no LVM, or is a tree. *properties* are those that it has in Glance.
    """

    files: GuestFiles
    resize: str = "cloud_init"
    user: str | None = None
    proxy: tuple[str, ...] = ()
    authorized_keys: tuple[str, ...] = ()
    filesystem: str | None = None
    partitions: tuple[str, ...] | None = None
    partition_numbers: tuple[int, ...] | None = None
    volume: LogicalVolume | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)
    runner: Runner = field(default_factory=Runner, compare=False)

    def has_unit(self, name: str) -> bool:
        """Return whether systemd has a unit of this name."""
        return any(self.files.exists(f"{folder}/{name}") for folder in _UNIT_FOLDERS)

    def enabled(self, *units: str) -> list[str]:
        """Return the links by which systemd starts one of these units at boot."""
        links = [f"/etc/systemd/system/*.{kind}/{unit}" for unit in units for kind in ("wants", "requires")]
        found = [entry for pattern in links for entry in self.files.matches(pattern)]
        return [entry.path for entry in found if not self.masked(entry.name)]

    def masked(self, unit: str) -> bool:
        """Return whether a unit is masked."""
        path = f"/etc/systemd/system/{unit}"
        if self.files.link(path) == "/dev/null":
            return True
        entry = self.files.find(path)
        return entry is not None and entry.is_file and entry.size == 0


@dataclass(frozen=True)
class Finding:
    """What a rule found: its verdict, and what it looked at."""

    verdict: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rule:
    """One requirement and how it is judged."""

    id: str
    title: str
    judge: Callable[[Guest], Finding] = field(compare=False)
    resize: str | None = None  # the strategy that it belongs to; None: every one


_UNIT_FOLDERS = ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
RULES: list[Rule] = []


def rule(
    id: str, title: str, *, resize: str | None = None
) -> Callable[[Callable[[Guest], Finding]], Callable[[Guest], Finding]]:
    """Enter a function into the list of rules: of one strategy of growth, or of all."""

    def enter(judge: Callable[[Guest], Finding]) -> Callable[[Guest], Finding]:
        RULES.append(Rule(id, title, judge, resize))
        return judge

    return enter


def judged(faults: Iterable[str], seen: Iterable[str] = ()) -> Finding:
    """Return a failure with its faults, or a pass with what was seen. Passwords in addresses are hidden."""
    found = [without_passwords(line) for line in faults]
    if found:
        more = len(found) - _EVIDENCE_LIMIT
        tail = (f"and {more} more",) if more > 0 else ()
        return Finding(FAIL, (*found[:_EVIDENCE_LIMIT], *tail))
    return Finding(PASS, tuple(without_passwords(line) for line in seen)[:_EVIDENCE_LIMIT])


def not_applicable(reason: str) -> Finding:
    """Return the finding of a rule that has nothing to judge here."""
    return Finding(NOT_APPLICABLE, (reason,))
