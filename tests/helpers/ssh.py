# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An ssh server on loopback for the user of the tests: another host, for a playbook."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from helpers.waiting import wait_for


@dataclass(frozen=True)
class SshServer:
    """Where it listens, and the key that opens it."""

    port: int
    key: Path

    def variables(self) -> dict[str, str | int]:
        """Return the variables that reach it."""
        return {
            "ansible_connection": "ssh",
            "ansible_host": "127.0.0.1",
            "ansible_port": self.port,
            "ansible_user": getpass.getuser(),
            # It has what our modules need.
            "ansible_python_interpreter": sys.executable,
            "ansible_ssh_private_key_file": str(self.key),
            "ansible_ssh_common_args": "-F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null",
        }

    def inventory(self, name: str) -> str:
        """Return the line of an inventory that makes it a host of that name."""
        return " ".join([name, *(f"{key}='{value}'" for key, value in self.variables().items())]) + "\n"


@contextmanager
def ssh_server(folder: Path, inside: Sequence[str] = (), **more: str) -> Iterator[SshServer]:
    """Run a server behind the words *inside*, with *more* settings, until the block ends."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o700)
    host_key, key = folder / "host_key", folder / "key"
    for path in (host_key, key):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    shutil.copy(folder / "key.pub", folder / "authorized_keys")
    port = free_port()
    settings = {
        "AuthorizedKeysFile": str(folder / "authorized_keys"),
        "HostKey": str(host_key),
        "ListenAddress": f"127.0.0.1:{port}",
        "PasswordAuthentication": "no",
        "PermitRootLogin": "prohibit-password",
        "PidFile": str(folder / "sshd.pid"),
        "StrictModes": "no",
        "Subsystem": "sftp internal-sftp",
        "UsePAM": "no",
        **more,
    }
    (folder / "sshd_config").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with open(folder / "output", "wb") as output:
        # By its whole name: it starts itself again for each connection.
        argv = [shutil.which("sshd", path="/usr/sbin:/sbin") or "sshd", "-D", "-e", "-f", str(folder / "sshd_config")]
        process = subprocess.Popen([*inside, *argv], stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        wait_for(lambda: _listens(port) or process.poll() is not None)
        assert process.poll() is None, (folder / "output").read_text()
        yield SshServer(port, key)
    finally:
        process.terminate()
        process.wait()


def close_shared(folder: Path) -> None:
    """End the connections that ssh has kept open for others, by their sockets in a folder."""
    for socket_of in folder.iterdir():
        subprocess.run(["ssh", "-F", "none", "-o", f"ControlPath={socket_of}", "-O", "exit", "there"], check=True)


def free_port() -> int:
    """Return a port of loopback that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
