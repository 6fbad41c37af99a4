# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages of a boot that a person knows, and how far it is by how long they took in earlier boots."""

from __future__ import annotations

import os
import statistics
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.records import read_record, write_record

STAGES = ("firmware", "kernel", "services", "cloud-init", "login")
# Seconds of each stage where no boot is known yet. Only their shares matter much.
_USUAL = {"kvm": (2.0, 2.0, 3.0, 4.0, 2.0), "tcg": (5.0, 10.0, 30.0, 25.0, 8.0)}
_KEPT = 5


class Stages:
    """One boot on its way through the stages. All times are seconds since its start."""

    def __init__(self, usual: Sequence[float]) -> None:
        """*usual* is how long each stage takes."""
        self._usual = usual
        self._begins: dict[str, float] = {STAGES[0]: 0.0}

    def begin(self, stage: str, at: float | None) -> None:
        """Take down when a stage began; None while it has not."""
        if at is not None:
            self._begins.setdefault(stage, at)

    @property
    def present(self) -> str:
        """The furthest stage that has begun. Some guests leave out stages."""
        return max(self._begins, key=STAGES.index)

    def percent(self, now: float) -> float:
        """Return how much of the usual time is behind it: a stage that takes longer waits for the next one's begin."""
        stage, begin = STAGES.index(self.present), self._begins[self.present]
        behind = sum(self._usual[:stage])
        # A host that was slower than usual so far is taken to stay so.
        pace = max(begin / behind, 1.0) if behind else 1.0
        passed = min((now - begin) / pace, self._usual[stage])
        return 100 * (behind + passed) / sum(self._usual)

    def seconds(self, end: float) -> dict[str, float]:
        """Return how long each stage took in a boot that was up at *end*; nothing for one that was left out."""
        took = {}
        for stage in reversed(STAGES):
            begin = min(self._begins.get(stage, end), end)
            took[stage] = round(end - begin, 1)
            end = begin
        return took


class History:
    """How long the stages took in the last boots of one form on this host."""

    def __init__(self, cache_dir: str | None, form: str, accelerator: str) -> None:
        """Without *cache_dir* nothing is known and nothing kept."""
        self._path = Path(cache_dir, "boots", f"{form}-{accelerator}.json") if cache_dir else None
        self._default = _USUAL[accelerator]

    def usual(self) -> Sequence[float]:
        """Return how long each stage takes: the median of the boots that are known."""
        boots = self._boots()
        usual = [statistics.median(boot[stage] for boot in boots) for stage in STAGES] if boots else []
        return usual if sum(usual) > 0 else self._default

    def keep(self, took: Mapping[str, float]) -> None:
        """Add a boot. This is for an estimate only: what cannot be written is left, as beside another writer."""
        if self._path:
            with suppress(OSError, GoldsmithError):
                os.makedirs(self._path.parent, exist_ok=True)
                write_record(self._path, {"boots": [*self._boots(), dict(took)][-_KEPT:]})

    def _boots(self) -> list[dict[str, float]]:
        try:
            boots = read_record(self._path)["boots"] if self._path else []
            return [{stage: max(float(boot[stage]), 0.0) for stage in STAGES} for boot in boots]
        except (OSError, GoldsmithError, LookupError, TypeError, ValueError):
            return []
