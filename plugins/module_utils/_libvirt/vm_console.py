# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The serial console of a guest of libvirt, wherever that is, brought into a file of this host."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import time
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.files import file_error
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.virsh import Libvirt

# QEMU looks once a second whether somebody listens to the console.
_UNTIL_HEARD = 1.3
_GLANCE = 0.05
_GRACE = 3.0


class VmConsole:
    """Appends what a guest writes on its console to a file, by virsh, which reaches any libvirt."""

    def __init__(self, libvirt: Libvirt, name: str, path: Path) -> None:
        self._libvirt, self._name, self.path = libvirt, name, path
        self._process: subprocess.Popen[bytes] | None = None
        self._terminal: tuple[int, int] | None = None
        self.trouble = ""

    def empty(self) -> None:
        """Begin the file anew."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_bytes(b"")
        except OSError as error:
            raise file_error(self.path, error) from error

    def listen(self) -> None:
        """Listen, unless that goes on already; why it broke stands in *trouble*."""
        if self._process is not None:
            if self._process.poll() is None:
                return
            said = self._process.stderr.read().decode("utf-8", "replace") if self._process.stderr else ""
            self.trouble = " ".join(line.removeprefix("error: ") for line in said.splitlines())
        self.close()
        # virsh wants a terminal, though not to read from it.
        self._terminal = pty.openpty()
        argv = self._libvirt.argv("console", "--force", "--domain", self._name)
        with (
            open(self._terminal[1], "rb", closefd=False) as terminal,
            open(self.path, "ab", buffering=0) as log,
        ):
            self._process = self._libvirt.runner.start(argv, stdin=terminal, stdout=log)

    def hold_and_listen(self) -> None:
        """Hold a guest that has just begun until its console is heard, so that its first words are not lost."""
        self._libvirt.virsh("suspend", "--domain", self._name, check=False)
        try:
            self.listen()
            time.sleep(_UNTIL_HEARD)
        finally:
            self._libvirt.virsh("resume", "--domain", self._name, check=False)

    def drain(self) -> None:
        """Wait until the last words of a guest that has ended are there."""
        deadline = time.monotonic() + _GRACE
        while self._process is not None and self._process.poll() is None and time.monotonic() < deadline:
            time.sleep(_GLANCE)

    def close(self) -> None:
        """Stop listening."""
        if self._process is not None:
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGTERM)
            self._libvirt.runner.stop(self._process)
            if self._process.stderr:
                self._process.stderr.close()
            self._process = None
        for descriptor in self._terminal or ():
            os.close(descriptor)
        self._terminal = None
