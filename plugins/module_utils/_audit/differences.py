# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A list of differences that stays short: what is left out of it is counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.texts import one_line
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.unlike import Span

BYTES = "bytes"


@dataclass(frozen=True)
class Difference:
    """What differs somewhere; *one* and *other* are None where there is nothing. *span* are bytes that differ."""

    where: str
    what: str
    one: str | None = None
    other: str | None = None
    span: Span | None = None

    def describe(self) -> dict[str, object]:
        """Return it as a playbook sees it."""
        return {
            "where": one_line(self.where),
            "what": one_line(self.what),
            "one": None if self.one is None else one_line(self.one),
            "other": None if self.other is None else one_line(self.other),
            "byte": self.span.first if self.span else None,
            "count": self.span.count if self.span else None,
        }

    def line(self) -> str:
        """Return it as a person reads it."""
        said = [f"{self.where}: {self.what}"]
        if (self.one, self.other) != (None, None):
            said.append(f": {_shown(self.one)} / {_shown(self.other)}")
        if self.span:
            bytes_ = (
                "1 byte differs, it is" if self.span.count == 1 else f"{self.span.count} bytes differ, the first is"
            )
            said.append(f" ({bytes_} byte {self.span.first})")
        return one_line("".join(said))


class Differences:
    """Takes in differences, each in an area; of each area no more than *limit* are kept."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: dict[str, list[Difference]] = {}
        self._left_out: dict[str, Counter[str]] = {}

    def add(
        self, area: str, path: str, what: str, one: object = None, other: object = None, span: Span | None = None
    ) -> None:
        """Note a difference of *path* in an area; either may be empty."""
        kept = self._kept.setdefault(area, [])
        if len(kept) >= self._limit:
            self._left_out.setdefault(area, Counter())[what] += 1
            return
        where = ": ".join(part for part in (area, path) if part)
        kept.append(Difference(where, what, *(None if side is None else str(side) for side in (one, other)), span))

    def compare(self, area: str, path: str, what: str, one: object, other: object) -> None:
        """Note it where two sides are not the same."""
        if one != other:
            self.add(area, path, what, one, other)

    def count(self) -> int:
        """Return how many were noted so far, those left out among them."""
        return sum(map(len, self._kept.values())) + self.left_out()

    def left_out(self) -> int:
        """Return how many are not listed."""
        return sum(sum(counter.values()) for counter in self._left_out.values())

    def listed(self) -> list[Difference]:
        """Return those that were kept."""
        return [entry for kept in self._kept.values() for entry in kept]

    def lines(self) -> list[str]:
        """Return all as lines for a person: one for each that is listed, one for what is left out of an area."""
        found = []
        for area, kept in self._kept.items():
            found += [entry.line() for entry in kept]
            if counter := self._left_out.get(area):
                parts = ", ".join(f"{what} {count}" for what, count in counter.most_common())
                prefix = f"{area}: " if area else ""
                found.append(one_line(f"{prefix}{sum(counter.values())} more are not listed: {parts}"))
        return found


def _shown(side: str | None) -> str:
    return "nothing" if side is None else side or "empty"
