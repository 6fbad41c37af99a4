# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run did, told at its end: durations of the steps, sizes of the results. For the callback progress."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import human_size
from ansible_collections.goldsmith.openstack.plugins.plugin_utils._meter import duration

_COLLECTION = "goldsmith.openstack."
_DELTA = re.compile(r"^(?:(\d+) days?, )?(\d+):(\d\d):(\d\d(?:\.\d+)?)$")


@dataclass
class Step:
    """One task: when it began and ended, and the seconds of it that modules say they worked, host by host."""

    name: str
    start: float
    end: float = 0.0
    worked: dict[str, float] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        return self.end - self.start

    @property
    def work(self) -> float:
        """Hosts work side by side: the longest counts."""
        return min(max(self.worked.values(), default=0.0), self.seconds)


class Summary:
    """Collects steps and results, and tells them."""

    def __init__(self, start: float) -> None:
        self._start = start
        self._steps: list[Step] = []
        self._files: dict[str, int | None] = {}
        self._images: dict[str, str] = {}

    def begin(self, name: str, now: float) -> None:
        """A task starts, and with that the one before has ended."""
        self._end(now)
        self._steps.append(Step(name.replace(_COLLECTION, ""), now))

    def hear(self, host: str, result: Mapping[str, Any]) -> None:
        """Take in the result of the present task on a host."""
        items = result.get("results")
        results = [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else [result]
        for one in results:
            if self._steps:
                worked = self._steps[-1].worked
                worked[host] = worked.get(host, 0.0) + _work_seconds(one)
            for entry in _entries(one.get("artifacts")):
                name = entry.get("path") or entry.get("file")
                if name:
                    self._files[str(name)] = _number(entry.get("size"))
            for entry in _entries(one.get("images")):
                if entry.get("id"):
                    self._images[str(entry["id"])] = _image_line(entry)

    def lines(self, now: float, threshold: float) -> list[str]:
        """The summary; steps shorter than *threshold* seconds are told as one."""
        self._end(now)
        total = now - self._start
        if total < threshold:
            return []
        long = [step for step in self._steps if step.seconds >= threshold]
        short = [step for step in self._steps if step.seconds < threshold]
        lines = [f"{duration(step.seconds):>8}  {step.name}" for step in long]
        if short:
            lines.append(f"{duration(sum(step.seconds for step in short)):>8}  {len(short)} shorter steps")
        work = sum(step.work for step in self._steps)
        rest = total - work
        lines.append(f"{duration(total):>8}  in all")
        if work:
            lines.append(f"{duration(rest):>8}  of it Ansible and small tasks ({100 * rest / total:.0f} %)")
        for path, size in self._files.items():
            lines.append(f"{human_size(size) if size is not None else '-':>10}  {path}")
        return lines + list(self._images.values())

    def _end(self, now: float) -> None:
        if self._steps and not self._steps[-1].end:
            self._steps[-1].end = now


def _work_seconds(result: Mapping[str, Any]) -> float:
    """The seconds that a module says it worked: C(elapsed) of ours and others, C(delta) of command and shell."""
    elapsed = _float(result.get("elapsed"))
    if elapsed is not None:
        return elapsed
    match = _DELTA.match(str(result.get("delta", "")))
    if not match:
        return 0.0
    days, hours, minutes, seconds = match.groups()
    return int(days or 0) * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _entries(value: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        yield from (entry for entry in value if isinstance(entry, Mapping))


def _image_line(entry: Mapping[str, Any]) -> str:
    size = _number(entry.get("size"))
    words = [str(entry.get(key)) for key in ("id", "disk_format", "name", "status", "cloud") if entry.get(key)]
    return f"{human_size(size) if size is not None else '-':>10}  {'  '.join(words)}"


def _number(value: object) -> int | None:
    found = _float(value)
    return None if found is None else int(found)


def _float(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except ValueError:
        return None
