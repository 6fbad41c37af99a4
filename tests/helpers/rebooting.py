# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest that is rebooted while its cloud changes."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

from helpers.guests import RunningGuest

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.qmp import Qmp

SECOND_MAC = "52:54:00:60:1d:01"


class Rebooting:
    """A guest that is rebooted while its cloud changes around it."""

    def __init__(self, guest: RunningGuest, folder: Path) -> None:
        """Give the user a key of its own, made in *folder*, that the cloud does not know."""
        key = folder / "own-key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        self.guest, self.key, self.public_key = guest, str(key), key.with_suffix(".pub").read_text().strip()
        guest.output(f"echo '{self.public_key}' >>.ssh/authorized_keys")
        self._folder = guest.console_log.parent
        self._boots = 1

    def ask(self, command: str, key: str | None = None, **options: str) -> subprocess.CompletedProcess[str]:
        """Run a command over a connection of its own."""
        return self.guest.ssh(command, IdentityFile=key or self.key, **options)

    def reboot(self) -> None:
        """Reboot and wait for a login with the user's own key."""
        self.guest.reboot(IdentityFile=self.key)
        self._boots += 1

    def output(self, command: str) -> str:
        """What a command that must succeed writes, over one connection for each boot."""
        shared = str(self._folder / f"r{self._boots}")
        result = self.ask(command, ControlMaster="auto", ControlPath=shared, ControlPersist="120")
        assert result.returncode == 0, f"{command}: {result.stderr}"
        return result.stdout.strip()

    def let_service_hang(self) -> None:
        """From now on the metadata service accepts connections and says nothing."""
        program = self._folder / "metadata.py"
        program.rename(self._folder / "metadata.kept")
        # As long as its guest lives, no longer.
        program.write_text("import os, time\n\nqemu = os.getppid()\nwhile os.getppid() == qemu:\n    time.sleep(1)\n")

    def answer_again(self) -> None:
        """The metadata service answers as it did before."""
        (self._folder / "metadata.kept").rename(self._folder / "metadata.py")

    def take_key_away(self) -> None:
        """The metadata service has no key any more."""
        self.tell("meta_data.json", {"public_keys": {}, "keys": []})

    def tell(self, name: str, changed: dict[str, Any]) -> None:
        """From the next boot on, parts of a document of the metadata service are others."""
        path = self._folder / "metadata.json"
        documents = json.loads(path.read_text())
        for place, body in documents.items():
            if place.endswith(f"/{name}"):
                content = {**json.loads(base64.b64decode(body)), **changed}
                documents[place] = base64.b64encode(json.dumps(content).encode()).decode()
        path.write_text(json.dumps(documents))

    def add_card(self) -> None:
        """Let the running machine have a second network card, in a network of its own."""
        with Qmp(self._folder / "qmp") as qmp:
            qmp.execute("netdev_add", type="user", id="net1", net="10.1.0.0/24", restrict=True)
            qmp.execute("device_add", driver="virtio-net-pci", id="card1", netdev="net1", mac=SECOND_MAC)

    def unplug_second_card(self) -> None:
        """The second card stays, and has no carrier."""
        with Qmp(self._folder / "qmp") as qmp:
            qmp.execute("set_link", name="card1", up=False)

    def enlarge(self, size: int) -> None:
        """Let the running machine have a bigger disk."""
        with Qmp(self._folder / "qmp") as qmp:
            qmp.execute("block_resize", device="disk0", size=size)
