# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way into a tree for somebody on another machine: a program that is sent to the machine of the tree."""

from __future__ import annotations

import select
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import (
    emulators,
    errors,
    locks,
    namespaces,
    no_proxy,
    program,
    removal,
    runner,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import (
    chroot,
    entering,
    locale,
    stack,
    stand_ins,
)

# In the order in which they import each other.
_BELOW = (
    *(errors, no_proxy, runner, emulators, namespaces, locks, program, removal),
    *(stand_ins, locale, entering, stack, chroot),
)


def sent(tree: str, argv: Sequence[str], *, linger: str = "", python: str = "python3") -> tuple[list[str], bytes]:
    """Return the argv that runs *argv* in a tree of the machine where it is started, and what it reads from stdin.

    What follows on stdin is for *argv*. Status and streams are those of chroot.enter_words(), a refusal included. All
    ends when nobody reads its stdout any more, as when the connection that has started it is cut.
    """
    request = {"tree": tree, "argv": list(argv), "linger": linger}
    words, text = program.program(*_BELOW, sys.modules[__name__], request=request, python=python)
    return words, text.encode()


def run(request: Mapping[str, Any]) -> None:
    """Do it: the part that runs over there."""
    try:
        words = chroot.enter_words(request["tree"], request["argv"], linger=request["linger"])
        streams = {"stdin": sys.stdin.buffer, "stdout": sys.stdout.buffer, "stderr": sys.stderr.buffer}
        process = runner.Runner().start(words, **streams)
    except errors.GoldsmithError as error:
        sys.stderr.write(f"cannot enter the tree: {error}\n")
        raise SystemExit(chroot.REFUSED) from None
    threading.Thread(target=_end_with_reader, args=(process,), daemon=True).start()
    status = process.wait()
    raise SystemExit(status if status >= 0 else 128 - status)


def _end_with_reader(process: subprocess.Popen[bytes]) -> None:
    poll = select.poll()
    poll.register(1, 0)  # no event but that it was cut
    poll.poll()
    runner.Runner.stop(process)
