# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is under way, a line for each: label, percent, bytes, speed, time left. For the callback progress."""

from __future__ import annotations

import json
from collections import deque

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import human_size

# The speed is that of the last few seconds: a whole-run average would answer slowly to a change.
_WINDOW = 8.0
# What has said nothing for that long, while others speak, is not shown: it may have failed, or wait for them.
_SILENCE = 15.0
_MOST_LINES = 4


class Meter:
    """One piece of work of one process, as its lines tell."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.finished = False
        self._note = ""
        self._unit = "B"
        self._total: float | None = None
        self._seen: deque[tuple[float, float]] = deque()

    def hear(self, now: float, done: float, total: float | None, unit: str, note: str) -> None:
        """Take in how far the work is at the time *now*, in seconds."""
        if self._seen and done < self._seen[-1][1]:
            self._seen.clear()
        self._seen.append((now, done))
        while len(self._seen) > 2 and self._seen[0][0] < now - _WINDOW:
            self._seen.popleft()
        self._total, self._unit, self._note = total, unit, note
        self.finished = total is not None and done >= total

    @property
    def heard(self) -> float:
        """When it was heard of last."""
        return self._seen[-1][0] if self._seen else 0.0

    @property
    def speed(self) -> float | None:
        """Units a second, or None while that cannot be told."""
        if len(self._seen) < 2:
            return None
        (start, before), (end, after) = self._seen[0], self._seen[-1]
        return (after - before) / (end - start) if end > start and after > before else None

    def text(self) -> str:
        """The line: what is not known is left out."""
        done = self._seen[-1][1] if self._seen else 0.0
        words = [self.label]
        if self._total:
            words.append(f"{100 * min(done / self._total, 1):.0f} %")
        if self._unit == "B":
            words.append(f"{human_size(done)} of {human_size(self._total)}" if self._total else human_size(done))
            if self.speed:
                words.append(f"{human_size(self.speed)}/s")
                # A share of 100 is no measure of time.
                if self._total and not self.finished:
                    words.append(f"{duration((self._total - done) / self.speed)} left")
        if self._note:
            words.append(self._note)
        return "  ".join(words)


class Meters:
    """All that is under way, fed with the JSON lines that modules write (see module_utils/_host/progress.py)."""

    def __init__(self) -> None:
        self._meters: dict[tuple[int, str], Meter] = {}
        self._rest = b""

    def feed(self, data: bytes, now: float) -> None:
        """Take in what was appended to the file; a line that came in part waits for its end."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            try:
                said = json.loads(line)
                key = (int(said["pid"]), _printable(said["label"]))
                total = None if said["total"] is None else float(said["total"])
                done, unit, note = float(said["done"]), str(said.get("unit", "B")), _printable(said.get("note") or "")
            except (ValueError, KeyError, TypeError):
                # Progress is a courtesy: a line that makes no sense is passed over.
                continue
            # In the order in which they began: a line keeps its place.
            meter = self._meters.setdefault(key, Meter(key[1]))
            meter.hear(now, done, total, unit, note)
            if meter.finished:
                del self._meters[key]

    def forget(self, pid: int) -> None:
        """The process *pid* is gone, and its work with it."""
        self._meters = {key: meter for key, meter in self._meters.items() if key[0] != pid}

    @property
    def pids(self) -> set[int]:
        """The processes that have said something and are not done."""
        return {pid for pid, _label in self._meters}

    def lines(self) -> list[str]:
        """The lines to show, one for each piece of work; none when nothing is under way."""
        latest = max((meter.heard for meter in self._meters.values()), default=0.0)
        shown = [meter for meter in self._meters.values() if meter.heard >= latest - _SILENCE][:_MOST_LINES]
        lines = [meter.text() for meter in shown]
        if others := len(self._meters) - len(shown):
            lines[-1] += f"  (+{others} more)"
        return lines


def _printable(text: object) -> str:
    # A note may be what a guest wrote to its console: it must not steer the terminal.
    return " ".join("".join(letter if letter.isprintable() else " " for letter in str(text)).split())


def duration(seconds: float) -> str:
    """Return C(0.4 s), C(42 s), C(3:05) or C(1:02:03)."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d}"
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
