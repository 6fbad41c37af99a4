# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log that Debian's installer sends over the network: its console says little more than how far it is."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from helpers.package_mirror import HOST_OF_GUESTS

_STEP = re.compile(r"main-menu\[\d+\]: INFO: Menu item '([^']+)' selected")
_LEVEL = re.compile(r"^<\d+>")


@dataclass
class InstallerLog:
    """What came: seconds since the beginning, and words."""

    port: int
    lines: list[tuple[float, str]] = field(default_factory=list)

    @property
    def kernel_args(self) -> str:
        """What makes an installer send its log. It does when the network is up; what was before is not sent."""
        return f"log_host={HOST_OF_GUESTS} log_port={self.port}"

    def steps(self) -> list[str]:
        """The packages of the installer that were run, in their order."""
        return [found[1] for _at, line in self.lines if (found := _STEP.search(line))]

    def tail(self) -> str:
        """The last lines, for whoever has to find out what went wrong."""
        return "\n".join(f"{at:8.1f} {line}" for at, line in self.lines[-40:])


@contextmanager
def installer_log(path: Path) -> Iterator[InstallerLog]:
    """Listen within the block, and write all that comes to *path*."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("127.0.0.1", 0))
    listener.settimeout(0.5)
    log = InstallerLog(listener.getsockname()[1])
    begin = time.monotonic()
    over = threading.Event()

    def listen() -> None:
        with open(path, "w", buffering=1, encoding="utf-8") as file:
            while not over.is_set():
                try:
                    words = listener.recv(65536).decode("utf-8", "replace")
                except TimeoutError:
                    continue
                at, line = time.monotonic() - begin, _LEVEL.sub("", words).strip("\0\r\n ")
                log.lines.append((at, line))
                file.write(f"{at:8.1f} {line}\n")

    thread = threading.Thread(target=listen)
    thread.start()
    try:
        yield log
    finally:
        over.set()
        thread.join()
        listener.close()
