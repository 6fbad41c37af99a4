# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loop devices at an offset of a file, found again by their backing file."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import ProgramError, Runner


@dataclass(frozen=True)
class LoopDevice:
    """A loop device over bytes *offset* to *offset* + *size* of a file; size 0 means to its end.

    *autoclear*: it goes with its last user.
    """

    device: str
    offset: int
    size: int
    autoclear: bool = False


@dataclass(frozen=True)
class Mount:
    """A mounted file system."""

    source: str
    mountpoint: str


def find(runner: Runner, path: str) -> list[LoopDevice]:
    """Return the loop devices whose backing file is *path*, by device and inode, not by name.

    Where the file is gone, those that still hold it.
    """
    argv = ["losetup", "--json", "--list", "--output", "NAME,OFFSET,SIZELIMIT,AUTOCLEAR,BACK-FILE"]
    exists = os.path.exists(path)
    result = runner.run([*argv, *(["--associated", path] if exists else [])])
    if not result.stdout.strip():
        return []
    deleted = f"{os.path.realpath(path)} (deleted)"
    return [
        LoopDevice(entry["name"], int(entry["offset"]), int(entry["sizelimit"]), bool(int(entry.get("autoclear") or 0)))
        for entry in json.loads(result.stdout)["loopdevices"]
        if exists or entry["back-file"] == deleted
    ]


def attach(runner: Runner, path: str, *, offset: int, size: int, read_only: bool = False) -> LoopDevice:
    """Attach a loop device; its partitions are not scanned, the offset selects one."""
    argv = ["losetup", "--find", "--show", "--offset", str(offset), "--sizelimit", str(size)]
    try:
        device = runner.run([*argv, *(["--read-only"] if read_only else []), path]).stdout.strip()
    except ProgramError as error:
        raise GoldsmithError(
            f"cannot attach a loop device to {path}: {error.result.last_line}",
            hint="state=attached and state=mounted need root and /dev/loop-control",
        ) from None
    return LoopDevice(device, offset, size)


def detach(runner: Runner, device: str) -> None:
    """Detach a loop device; one that is in use goes with its last user."""
    runner.run(["losetup", "--detach", device])


def mounts(sources: set[str] | None = None) -> list[Mount]:
    """Return the mounts of this namespace, the last made first; only those of *sources* where given."""
    found = []
    with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            source, mountpoint = line.split()[:2]
            if sources is None or source in sources:
                found.append(Mount(_unescape(source), _unescape(mountpoint)))
    return found[::-1]


def mount(runner: Runner, path: str, mountpoint: str, *, offset: int, size: int, read_only: bool = False) -> None:
    """Mount the file system at an offset of a file; its loop device goes when it is unmounted."""
    options = [f"loop,offset={offset},sizelimit={size}", *(["ro"] if read_only else [])]
    try:
        runner.run(["mount", "-o", ",".join(options), path, mountpoint])
    except ProgramError as error:
        said = error.result.stderr.strip().splitlines() or [error.result.last_line]
        raise GoldsmithError(f"cannot mount {path} on {mountpoint}: {said[0]}") from None


def unmount(runner: Runner, mountpoint: str) -> None:
    """Unmount a file system; raise GoldsmithError when it is in use."""
    try:
        runner.run(["umount", mountpoint])
    except ProgramError as error:
        said = error.result.last_line
        raise GoldsmithError(f"cannot unmount {mountpoint}: {said}", hint="end what uses it") from None


def _unescape(text: str) -> str:
    # The kernel writes blanks and backslashes in octal.
    return os.fsdecode(text.encode("utf-8", "surrogateescape").decode("unicode_escape").encode("latin-1"))
