# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images that are built once for all boot tests, and guests that run them."""

from __future__ import annotations

import fcntl
import json
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.bases import base_disk
from helpers.modules import run_module
from helpers.tools import run_tool
from helpers.waiting import PATIENCE

NAME = "boot-test"
# Emulation on a busy machine is slow; a guest that works does not wait for it.
TIMEOUT = 900


# What is built for the tests: the default image, the other release, and the documentation's own playbook.
DEFINITIONS: dict[str, dict[str, object]] = {
    "bios": {"image_formats": ["qcow2", "raw", "triplet"]},
    "uefi": {
        "image_firmware": "uefi",
        "image_release": "bookworm",
        "image_kernel": "generic",
        "image_formats": ["qcow2"],
    },
    "lvm": {"image_resize": "lvm", "image_formats": ["qcow2", "triplet"]},
    "xfs": {"image_filesystem": "xfs", "image_firmware": "hybrid", "image_formats": ["qcow2"]},
    "xen": {"image_resize": "xen", "image_agent": "goldsmith", "image_formats": ["raw", "triplet"]},
}
EXAMPLE = "hybrid"
# The one that does not begin with an empty folder
ON_BASE = "xfs"


@dataclass(frozen=True)
class BuiltImage:
    """An image as a playbook leaves it: disk and triplet. *folder* holds the checksums."""

    folder: Path
    name: str
    user: str = "debian"

    def file(self, suffix: str) -> Path:
        """One of its files."""
        return self.folder / f"{self.name}.{suffix}"

    def checksums(self) -> dict[str, str]:
        """What SHA512SUMS says, by the endings of the files."""
        lines = self.file("x").with_name("SHA512SUMS").read_text().splitlines()
        return {name.rpartition(".")[2]: digest for digest, name in (line.split("  ") for line in lines)}


def build_image(checkout: Path, folder: Path, kind: str) -> BuiltImage:
    """The image of a kind, from *folder* if it was built there before."""
    if kind == EXAMPLE:
        image = BuiltImage(folder / kind / "golden", "golden")
        playbook = "docs/examples/own-playbook/golden.yml"
        variables: dict[str, object] = {"golden_folder": str(folder / kind), "golden_checks": []}
    else:
        image = BuiltImage(folder / kind / NAME, NAME)
        playbook = "build-debian.yml"
        output = {"image_name": NAME, "image_output_dir": str(folder / kind), "image_verify": []}
        variables = {**DEFINITIONS[kind], **output}
    if kind == ON_BASE:
        variables["image_base"] = str(folder / "base.raw")
    folder.mkdir(parents=True, exist_ok=True)
    # Another worker of the same run may be building it.
    with (folder / f"{kind}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (image.folder / "SHA512SUMS").is_file():
            if kind == ON_BASE:
                base_disk("btrfs", folder / "base.raw")
            run_tool(["./goldsmith", "playbook", playbook, "-e", json.dumps(variables)], cwd=checkout, timeout=1800)
    return image


@dataclass(frozen=True)
class RunningGuest:
    """A guest that is up; *seen* is what image_boot returned."""

    seen: dict[str, Any]
    console_log: Path

    def ssh(self, command: str, **options: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the guest; *options* of ssh replace the usual ones."""
        if not options:
            # A login takes seconds under emulation: ordinary questions share one.
            shared = self.console_log.with_name("s")
            options = {"ControlMaster": "auto", "ControlPath": str(shared), "ControlPersist": "120"}
        return subprocess.run(
            ["ssh", *self._settings(**options), self.seen["ssh"]["host"], "--", command],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def output(self, command: str) -> str:
        """What a command that must succeed writes."""
        result = self.ssh(command)
        assert result.returncode == 0, f"{command}: {result.stderr}"
        return result.stdout.strip()

    def work(self, command: str) -> str:
        """What root's command writes that must succeed and may take many minutes, as packages do under emulation."""
        log = "/var/tmp/work.log"
        script = f"({command.strip()}; echo ended $?) >{log} 2>&1 </dev/null &"
        self.output(f"sudo -n sh -c {shlex.quote(script)} >/dev/null 2>&1")
        said = self.wait_for(f"tail -n 1 {log}", lambda said: said.startswith("ended"))
        assert said == "ended 0", self.output(f"tail -n 30 {log}")
        return self.output(f"cat {log}")

    def wait_for(self, command: str, done: Callable[[str], bool], **options: str) -> str:
        """What a command says once that is what was waited for. With *options* of ssh each try is a login."""
        deadline = time.monotonic() + 4 * PATIENCE
        while True:
            with suppress(subprocess.TimeoutExpired):
                if done(said := self.ssh(command, **options).stdout.strip()):
                    return said
            assert time.monotonic() < deadline, self.console_log.read_text(errors="replace")[-3000:]
            time.sleep(2)

    def reboot(self, **options: str) -> None:
        """Reboot and wait for a login, by *options* of ssh."""
        # None of them is over the connection that ordinary questions share.
        options = {"ControlMaster": "no", **options}
        ask = "cat /proc/sys/kernel/random/boot_id"
        before = self.ssh(ask, **options).stdout.strip()
        assert before
        self.ssh("sudo -n systemctl reboot", **options)
        # It is away meanwhile.
        self.wait_for(ask, lambda said: said not in ("", before), **options)

    def send(self, file: Path) -> str:
        """Bring a file into the guest, and return its path there."""
        goal = f"{self.seen['ssh']['host']}:/var/tmp/"
        subprocess.run(["scp", "-q", *self._settings(), str(file), goal], check=True, timeout=600)
        return f"/var/tmp/{file.name}"

    def console(self, text: str) -> str:
        """The console's log, once *text* is in it. A login may be accepted before the prompt is there."""
        deadline = time.monotonic() + PATIENCE
        while text not in (log := self.console_log.read_text(errors="replace")):
            assert time.monotonic() < deadline, f"no {text!r} on the console:\n{log[-3000:]}"
            time.sleep(1)
        return log

    def _settings(self, **options: str) -> list[str]:
        """The words for ssh and scp by which they reach the guest, with *options* in place of the usual ones."""
        place = self.seen["ssh"]
        settings = {
            "BatchMode": "yes",
            "ConnectTimeout": "60",
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "IdentityFile": place["key"],
            "LogLevel": "ERROR",
            "Port": str(place["port"]),
            "StrictHostKeyChecking": "no",
            "User": place["user"],
            "UserKnownHostsFile": "/dev/null",
            **options,
        }
        return ["-F", "/dev/null", *(word for name, value in settings.items() for word in ("-o", f"{name}={value}"))]


@contextmanager
def running_guest(directory: Path, **options: object) -> Iterator[RunningGuest]:
    """A guest, up within the block and gone after it."""
    place = {"directory": str(directory), "name": "guest"}
    started = run_module("image_boot", {**place, "state": "running", "timeout": TIMEOUT, **options})
    assert not started.get("failed"), started["msg"]
    try:
        yield RunningGuest(started, Path(started["console_log"]))
    finally:
        stopped = run_module("image_boot", {**place, "state": "stopped"})
    assert stopped.get("changed") is True, stopped
