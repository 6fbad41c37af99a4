# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages of a boot, and the estimate from earlier boots."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.stages import STAGES, History, Stages

USUAL = (10.0, 20.0, 20.0, 40.0, 10.0)
BOOT = dict(zip(STAGES, USUAL))


def history(cache: Path | None, form: str = "bios") -> History:
    return History(str(cache) if cache else None, form, "tcg")


def test_the_percentage_is_that_of_the_usual_time() -> None:
    stages = Stages(USUAL)
    assert (stages.present, stages.percent(0)) == ("firmware", 0)
    assert stages.percent(5) == 5
    stages.begin("kernel", None)
    assert stages.present == "firmware"
    stages.begin("kernel", 7.0)
    assert (stages.present, stages.percent(7.0), stages.percent(12.0)) == ("kernel", 10, 15)


def test_a_stage_that_takes_longer_waits_for_the_next() -> None:
    stages = Stages(USUAL)
    assert stages.percent(500) == 10
    stages.begin("services", 600.0)
    assert (stages.present, stages.percent(600)) == ("services", 30)


def test_a_host_that_is_slower_than_usual_is_taken_to_stay_so() -> None:
    stages = Stages(USUAL)
    stages.begin("kernel", 40.0)
    assert (stages.percent(40), stages.percent(80), stages.percent(120)) == (10, 20, 30)


def test_a_stage_begins_once() -> None:
    stages = Stages(USUAL)
    stages.begin("kernel", 3.0)
    stages.begin("kernel", 9.0)
    assert stages.percent(3.0) == 10


def test_how_long_the_stages_took() -> None:
    stages = Stages(USUAL)
    for stage, at in zip(STAGES[1:], (3.0, 9.0, 21.5, 40.0)):
        stages.begin(stage, at)
    took = {"firmware": 3.0, "kernel": 6.0, "services": 12.5, "cloud-init": 18.5, "login": 10.0}
    assert stages.seconds(50.0) == took


def test_a_stage_that_was_left_out_took_nothing() -> None:
    stages = Stages(USUAL)
    stages.begin("services", 5.0)
    stages.begin("login", 8.0)
    # Seen late: the console was read after the ssh server had answered.
    stages.begin("cloud-init", 9.0)
    took = {"firmware": 5.0, "kernel": 0.0, "services": 3.0, "cloud-init": 0.0, "login": 2.0}
    assert stages.seconds(10.0) == took


def test_without_a_cache_nothing_is_known_and_nothing_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    none = history(None)
    none.keep(BOOT)
    assert sum(none.usual()) > 0
    assert list(none.usual()) != list(USUAL)
    assert list(tmp_path.iterdir()) == []


def test_the_median_of_the_last_boots_counts(tmp_path: Path) -> None:
    for seconds in (900.0, 900.0, 900.0, 900.0, 1.0, 2.0, 3.0, 4.0, 500.0):
        history(tmp_path).keep(dict.fromkeys(STAGES, seconds))
    assert list(history(tmp_path).usual()) == [3.0] * len(STAGES)


def test_each_form_has_its_own(tmp_path: Path) -> None:
    history(tmp_path, "triplet").keep(BOOT)
    assert list(history(tmp_path, "triplet").usual()) == list(USUAL)
    assert history(tmp_path, "bios").usual() == history(None).usual()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"boots": 1}', '{"boots": [{}]}', '{"boots": [{"firmware": "x"}]}', '{"boots": [null]}'],
)
def test_a_damaged_record_is_no_record(tmp_path: Path, text: str) -> None:
    history(tmp_path).keep(BOOT)
    (record,) = (tmp_path / "boots").iterdir()
    record.write_text(text)
    assert history(tmp_path).usual() == history(None).usual()
    history(tmp_path).keep(BOOT)
    assert list(history(tmp_path).usual()) == list(USUAL)


def test_boots_that_took_no_time_tell_nothing(tmp_path: Path) -> None:
    history(tmp_path).keep(dict.fromkeys(STAGES, 0.0))
    assert history(tmp_path).usual() == history(None).usual()


def test_a_cache_that_cannot_be_written_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    history(tmp_path / "file").keep(BOOT)
    assert (tmp_path / "file").read_text() == "x"


def test_several_at_once_leave_a_whole_record(tmp_path: Path) -> None:
    threads = [threading.Thread(target=history(tmp_path).keep, args=(BOOT,)) for _number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (record,) = (tmp_path / "boots").iterdir()
    assert BOOT in json.loads(record.read_text())["boots"]
