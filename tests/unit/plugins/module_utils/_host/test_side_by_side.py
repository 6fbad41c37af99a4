# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work at the same time: how much of it, in which order, and what happens when some of it fails."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import side_by_side
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError


def test_results_have_the_order_of_the_jobs() -> None:
    second = threading.Event()

    def slow(_stop: threading.Event) -> str:
        assert second.wait(30)
        return "first"

    def quick(_stop: threading.Event) -> str:
        second.set()
        return "second"

    assert side_by_side.run([slow, quick], 2) == ["first", "second"]


def test_never_more_at_once_than_said() -> None:
    running = threading.Semaphore(2)

    def job(_stop: threading.Event) -> bool:
        if not running.acquire(blocking=False):
            return False
        threading.Event().wait(0.02)
        running.release()
        return True

    assert side_by_side.run([job] * 8, 2) == [True] * 8


def test_a_failure_ends_the_others_and_is_told() -> None:
    begun, ended = threading.Event(), threading.Event()

    def waits(stop: threading.Event) -> None:
        begun.set()
        assert stop.wait(30)
        ended.set()
        raise GoldsmithError("it was ended")

    def fails(_stop: threading.Event) -> None:
        assert begun.wait(30)
        raise GoldsmithError("the cause")

    def never(_stop: threading.Event) -> None:
        raise AssertionError("begun after a failure")

    with pytest.raises(GoldsmithError, match=r"^the cause$"):
        side_by_side.run([waits, fails, never, never], 2)
    assert ended.is_set()


def test_nothing_is_begun_after_a_failure() -> None:
    begun = []

    def fails(_stop: threading.Event) -> None:
        begun.append("one")
        raise GoldsmithError("the cause")

    def next_one(stop: threading.Event) -> None:
        # The thread may take it up in the moment before it is withdrawn: then it is told to end.
        assert stop.wait(30)

    with pytest.raises(GoldsmithError, match=r"^the cause$"):
        side_by_side.run([fails, next_one, next_one], 1)
    assert begun == ["one"]


def test_an_interruption_ends_all() -> None:
    begun, ended = threading.Barrier(2), []

    def waits(stop: threading.Event) -> None:
        if begun.wait(30) == 0:
            os.kill(os.getpid(), signal.SIGUSR1)
        ended.append(stop.wait(30))

    def interrupt(signum: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            side_by_side.run([waits, waits], 2)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert ended == [True, True]
