# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running guest, seen through ssh with the key of its instance."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Result, Runner, missing_program

HOST = "127.0.0.1"
# QEMU keeps a connection that the guest does not answer: few of them, so not too short.
_BANNER_SECONDS = 3.0
# One session, no interpreter but sh, as root where the account may: the system bus may be missing.
_OBSERVE = r"""
as_root=; if sudo -n true 2>/dev/null; then as_root='sudo -n'; fi
say() { printf '%s\t%s\n' "$1" "$2"; }
if [ -d /run/systemd/system ]; then
    while :; do
        state=$($as_root systemctl is-system-running 2>/dev/null)
        case $state in initializing|starting) sleep 1 ;; *) break ;; esac
    done
    say system_state "$state"
    if units=$($as_root systemctl list-units --state=failed --plain --no-legend --no-pager 2>/dev/null); then
        say failed_units "$(printf '%s\n' "$units" | while read -r unit rest; do printf '%s ' "$unit"; done)"
    fi
fi
say hostname "$(cat /proc/sys/kernel/hostname)"
say account "$(id -un)"
say kernel_cmdline "$(cat /proc/cmdline)"
say kernel_release "$(uname -r)"
say machine_id "$(cat /etc/machine-id)"
say firmware "$(if [ -d /sys/firmware/efi ]; then echo uefi; else echo bios; fi)"
say os "$(. /etc/os-release && printf '%s' "$PRETTY_NAME")"
while read -r device mount fstype rest; do
    if [ "$mount" = / ]; then say root "$device $fstype"; fi
done < /proc/mounts
say root_blocks "$(stat -f -c '%b %S' /)"
for key in /etc/ssh/ssh_host_*_key.pub; do say host_key "$(ssh-keygen -lf "$key")"; done
if [ -e /run/cloud-init/status.json ]; then
    say cloud_init_status "$($as_root cat /run/cloud-init/status.json | tr -d '\n')"
    if [ -e /run/cloud-init/result.json ]; then
        say cloud_init_result "$($as_root cat /run/cloud-init/result.json | tr -d '\n')"
    fi
fi
echo complete
"""


class Guest:
    """Logs in to a guest and runs commands over one connection."""

    def __init__(self, runner: Runner, *, port: int, user: str, key: Path, folder: Path) -> None:
        """*folder* takes the known host keys and the socket of the connection."""
        self.port, self.user, self.key = port, user, key
        self._runner = runner
        self._known_hosts = folder / "known_hosts"
        self._socket = folder / "ssh"
        self._connection: subprocess.Popen[bytes] | None = None
        self.refusal = ""

    def speaks_ssh(self) -> bool:
        """Return whether a ssh server answers."""
        try:
            with socket.create_connection((HOST, self.port), timeout=_BANNER_SECONDS) as connection:
                return connection.recv(64).startswith(b"SSH-")
        except OSError:
            return False

    def ssh(self, *words: str) -> list[str]:
        """Return the argv of ssh to this guest, apart from the settings and host keys of the user who runs it."""
        options = {
            "BatchMode": "yes",
            "ConnectTimeout": "15",
            "ControlPath": str(self._socket),
            "GlobalKnownHostsFile": "/dev/null",
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "IdentityFile": str(self.key),
            "LogLevel": "ERROR",
            "PreferredAuthentications": "publickey",
            "ServerAliveInterval": "15",
            "StrictHostKeyChecking": "accept-new",
            "UserKnownHostsFile": str(self._known_hosts),
        }
        argv = ["ssh", "-F", "/dev/null", "-p", str(self.port), "-l", self.user]
        for name, value in options.items():
            argv += ["-o", f"{name}={value}"]
        return [*argv, *words, HOST]

    def log_in(self) -> bool:
        """Make one more step towards a login and return whether it is there; to be called again until it is.

        It never waits for the guest. What the guest refused stands in *refusal*.
        """
        if self._connection is None:
            self._socket.unlink(missing_ok=True)
            self._connection = self._runner.start(self.ssh("-M", "-N"))
            return False
        if self._connection.poll() is None:
            return self._socket.exists() and self._runner.run(self.ssh("-O", "check"), check=False).rc == 0
        reason = self._connection.stderr.read().decode("utf-8", "replace").strip() if self._connection.stderr else ""
        if self._connection.returncode == 127 and reason.startswith("setpriv: "):
            raise missing_program("ssh")
        self.refusal = (reason.splitlines() or [f"ssh ended with exit status {self._connection.returncode}"])[-1]
        self.close()
        return False

    def run(self, command: str, *, timeout: float, stdin: str | None = None) -> Result:
        """Run a command with the account's shell and return what it left."""
        return self._runner.run([*self.ssh(), "--", command], check=False, stdin=stdin, timeout=timeout)

    def observe(self, timeout: float) -> dict[str, object]:
        """Wait until the guest has finished its start, at most *timeout* seconds, and return what it says of itself."""
        result = self.run("sh -s", timeout=timeout, stdin=_OBSERVE)
        if not result.stdout.endswith("complete\n"):
            raise GoldsmithError(f"the guest does not describe itself: {result.last_line}")
        return parse_observation(result.stdout)

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            if self._connection.poll() is None:
                os.killpg(self._connection.pid, signal.SIGTERM)  # lets ssh remove its socket
            self._connection.wait()
            for stream in (self._connection.stdout, self._connection.stderr):
                if stream:
                    stream.close()
            self._connection = None


def make_key(runner: Runner, path: Path) -> None:
    """Make a fresh ed25519 pair without passphrase: *path* and the public key beside it."""
    runner.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "goldsmith", "-f", path])


def public_key(runner: Runner, key: Path) -> str:
    """Return the public key of a private one."""
    return runner.run(["ssh-keygen", "-y", "-P", "", "-f", key]).stdout.strip()


def parse_observation(text: str) -> dict[str, object]:
    """Return what the guest wrote, as the return values of a boot."""
    pairs = [line.partition("\t")[::2] for line in text.splitlines() if "\t" in line]
    said = dict(pairs)
    device, _blank, fstype = said.get("root", "").partition(" ")
    blocks, _blank, block_size = said.get("root_blocks", "0 0").partition(" ")
    failed = said.get("failed_units")
    return {
        "account": said.get("account"),
        "cloud_init": _cloud_init(said.get("cloud_init_status"), said.get("cloud_init_result")),
        "failed_units": None if failed is None else failed.split(),
        "guest_firmware": said.get("firmware"),
        "guest_os": said.get("os"),
        "hostname": said.get("hostname"),
        "kernel_cmdline": said.get("kernel_cmdline"),
        "kernel_release": said.get("kernel_release"),
        "machine_id": said.get("machine_id"),
        "root_device": device,
        "root_fstype": fstype,
        "root_size": int(blocks) * int(block_size),
        "ssh_host_keys": [value for name, value in pairs if name == "host_key"],
        "system_state": said.get("system_state"),
    }


def _cloud_init(status: str | None, result: str | None) -> dict[str, object] | None:
    if not status:
        return None
    stages = json.loads(status).get("v1", {})
    outcome = json.loads(result).get("v1", {}) if result else {}
    errors = list(outcome.get("errors") or [])
    warnings: list[str] = []
    for stage in stages.values():
        if isinstance(stage, dict):
            for lines in (stage.get("recoverable_errors") or {}).values():
                warnings += lines
    return {
        "status": "running" if not result else "error" if errors else "done",
        "datasource": outcome.get("datasource") or stages.get("datasource"),
        "errors": errors,
        "warnings": warnings,
    }
