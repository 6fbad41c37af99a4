# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test has started, and what that has started in turn, orphans and other process namespaces included."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from helpers.waiting import PATIENCE, wait_for

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

_PR_SET_CHILD_SUBREAPER = 36


@contextmanager
def family() -> Iterator[Callable[[], list[str]]]:
    """Adopt orphans within the block; yield a function that lists the living descendants started in it."""
    _adopt_orphans(True)
    before = set(_descendants())
    try:
        yield lambda: [f"{pid}: {words}" for pid, words in _descendants().items() if pid not in before]
    finally:
        _adopt_orphans(False)


def rooted_in(folder: Path) -> list[int]:
    """The processes whose root is a folder, or lies below it."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # ended meanwhile
            if os.readlink(path / "root").startswith(str(folder)):
                found.append(int(path.name))
    return found


def nothing_outlives_killed_callers(words: Sequence[str] = ()) -> None:
    """See that a program behind *words* ends with a caller of the runner, whenever in its start that is killed."""
    with family() as members:
        for turn in range(300):
            pid = os.fork()
            if pid == 0:
                # Longer than anybody waits for its end
                Runner().start([*words, "sleep", str(PATIENCE + 60)])
                time.sleep(PATIENCE)
                os._exit(1)
            # The start takes as long.
            time.sleep(turn / 25000)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        wait_for(lambda: not members())


def _adopt_orphans(wanted: bool) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, int(wanted), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def _descendants() -> dict[int, str]:
    children: dict[int, list[int]] = {}
    words = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue  # ended meanwhile
        # Nobody has to take an adopted one off the list when it is dead.
        if state != "Z":
            words[int(folder.name)] = command[:200]
            children.setdefault(int(parent), []).append(int(folder.name))
    found: dict[int, str] = {}
    waiting = [os.getpid()]
    while waiting:
        for child in children.get(waiting.pop(), []):
            found[child] = words[child]
            waiting.append(child)
    return found
