# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine that is killed in the middle of its boot, as soon as its console says what a test waits for."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot import qemu
from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.console import plain_text
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

TIMEOUT = 600
_FATAL = "Kernel panic|ALERT!|grub rescue>"


def machine(folder: Path, disks: Sequence[qemu.Disk], **more: Any) -> qemu.Machine:
    """Describe a machine as others are, with its console in a folder."""
    accelerator = qemu.choose_accelerator(Runner(), "auto")
    return qemu.Machine(
        folder=folder,
        name="watched",
        uuid="0b1c2d3e-4f50-6172-8394-a5b6c7d8e9fa",
        type="q35",
        accelerator=accelerator,
        memory=1 << 30,
        cpus=qemu.usual_cpus(accelerator),
        disks=tuple(disks),
        **more,
    )


def run_until(wanted: str, watched: qemu.Machine, more: Sequence[str] = ()) -> str:
    """Start a machine with more words of QEMU, kill it once *wanted* is on its console; return what is there."""
    runner = Runner()
    process = runner.start([*qemu.command(watched), *more])
    until = time.monotonic() + TIMEOUT
    log = ""
    try:
        while wanted not in log:
            log = plain_text(watched.console.read_bytes()) if watched.console.exists() else ""
            assert process.poll() is None, f"QEMU ended:\n{log[-2000:]}"
            assert not re.search(_FATAL, log), log[-3000:]
            assert time.monotonic() < until, f"not reached: {wanted}\n{log[-4000:]}"
            time.sleep(0.05)
    finally:
        qemu.end(runner, process)
    return log
