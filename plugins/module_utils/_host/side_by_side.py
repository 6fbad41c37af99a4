# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs in threads at the same time, and what happens when one of them fails."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")
_POLL = 0.5


def run(jobs: Sequence[Callable[[threading.Event], T]], at_once: int) -> list[T]:
    """Run jobs in threads, at most so many at the same time; return their results in the order of the jobs.

    When one raises, or this process is interrupted, none is begun any more, those that run are told by their event to
    end, and all have ended when the exception is passed on.
    """
    stop, go = threading.Event(), threading.Event()
    # An interruption while a thread is begun would leave one that nobody knows: it is held until all are there.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())

    def begin() -> None:
        go.wait()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    with ThreadPoolExecutor(max_workers=at_once, initializer=begin) as pool:
        try:
            try:
                futures = [pool.submit(job, stop) for job in jobs]
            finally:
                _let_go(mask, go)
            # A signal that comes just before a wait without end would not end it.
            while not (done := _finished(futures)):
                pass
            # Before the others are told to end, and fail of that.
            failed = [future for future in futures if future in done and future.exception()]
            return [future.result() for future in failed or futures]
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _let_go(mask: set[int], go: threading.Event) -> None:
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    finally:
        go.set()


def _finished(futures: Sequence[Future[T]]) -> set[Future[T]]:
    """Return what has ended once all have, or one has failed; nothing while none of that is true."""
    done, running = wait(futures, timeout=_POLL, return_when=FIRST_EXCEPTION)
    return done if not running or any(future.exception() for future in done) else set()
