# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""QMP: control of a running QEMU by its socket."""

from __future__ import annotations

import json
import re
import socket
import time
from pathlib import Path
from types import TracebackType

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError

# The length that the kernel allows for the name of a socket, less its end mark.
SOCKET_NAME_LIMIT = 107
_FORWARD = re.compile(r"TCP\[HOST_FORWARD\]\s+\d+\s+\S+\s+(\d+)\s+\S+\s+22\s")


class Qmp:
    """A connection to a QEMU; raises GoldsmithError when there is none or it breaks."""

    def __init__(self, path: Path, *, wait: float = 0.0) -> None:
        """*wait* is how many seconds the socket may take to appear."""
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(10)
        deadline = time.monotonic() + wait
        while True:
            try:
                self._socket.connect(str(path))
                break
            except OSError as error:
                if time.monotonic() >= deadline:
                    self._socket.close()
                    raise GoldsmithError(f"no QEMU answers on {path}: {error.strerror or error}") from None
                time.sleep(0.05)
        self._stream = self._socket.makefile("rw", encoding="utf-8")
        try:
            self._stream.readline()  # the greeting
        except OSError as error:
            raise GoldsmithError(f"QEMU does not answer on {path}: {error}") from error
        self.execute("qmp_capabilities")

    def __enter__(self) -> Qmp:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stream.close()
        self._socket.close()

    def execute(self, command: str, **arguments: object) -> object:
        """Run a command and return its answer."""
        try:
            self._stream.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
            self._stream.flush()
            while line := self._stream.readline():
                message = json.loads(line)
                if "return" in message:
                    return message["return"]
                if "error" in message:
                    raise GoldsmithError(f"QEMU refuses {command}: {message['error'].get('desc')}")
        except OSError as error:
            raise GoldsmithError(f"QEMU does not answer on {self._path}: {error}") from error
        raise GoldsmithError(f"QEMU closed {self._path}")

    def ssh_port(self) -> int:
        """Return the port on 127.0.0.1 that leads to the guest's ssh port."""
        listing = str(self.execute("human-monitor-command", **{"command-line": "info usernet"}))
        match = _FORWARD.search(listing)
        if match is None:
            raise GoldsmithError("QEMU forwards no port to the guest")
        return int(match.group(1))

    def network_is_up(self) -> bool:
        """Return whether the guest has brought a network card up: it then listens to groups of addresses."""
        cards = self.execute("query-rx-filter")
        return isinstance(cards, list) and any(card["multicast-table"] for card in cards)

    def press_power_button(self) -> None:
        """Ask the guest to power off."""
        self.execute("system_powerdown")

    def quit(self) -> None:
        """End QEMU at once."""
        self.execute("quit")
