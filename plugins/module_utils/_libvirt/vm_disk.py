# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disk of a guest of libvirt as a file of this host, fetched where it lies elsewhere."""

from __future__ import annotations

import json
import os
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.files import (
    file_error,
    make_empty,
    whole_file,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.locks import locked
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.progress import Progress
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import MIB, human_size
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sparse import copy_part
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import qemu_img, recognition
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt import domain

_PIECE = 256 * MIB
# A connection that breaks without having brought anything, so many times in a row, does not come back soon.
_FRUITLESS = 4
_PAUSE = 1.0
_POLL = 0.2


@dataclass(frozen=True)
class Request:
    """Which disk of which guest; *target* None: its first. *dest* is needed where the disk has to be fetched."""

    uri: str
    name: str
    target: str | None = None
    dest: str | None = None


def fetch(runner: Runner, request: Request, *, check_mode: bool) -> dict[str, Any]:
    """Return where the disk is, after it was fetched if it cannot be read in its place."""
    began = time.monotonic()
    host = domain.Host(runner, request.uri)
    host.require_shut_off(request.name)
    disk = domain.choose(host.disks(request.name), request.target, request.name)
    path = disk.path or host.volume_path(disk.pool, disk.volume)
    facts: dict[str, Any] = {"target": disk.target, "source": path}
    if host.is_local and os.path.isfile(path) and os.access(path, os.R_OK):
        recognition.require_unused(path)
        image = qemu_img.inspect(runner, path, disk.format)
        result = {"changed": False, "path": path, "fetched": 0, "resumed_at": 0, "diff": {"before": "", "after": ""}}
    else:
        if not request.dest:
            raise OptionError("dest", "", f"{path} cannot be read from here, so it has to be fetched into a file")
        result = _Download(host, request, disk, path, request.dest).run(check_mode=check_mode)
        if check_mode and result["changed"]:
            return {**facts, **result}
        image = qemu_img.inspect(runner, request.dest, disk.format)
    seconds = time.monotonic() - began
    facts |= {"format": image.format, "virtual_size": image.virtual_size, "allocated": image.disk_size}
    return {**facts, **result, "seconds": round(seconds, 2)}


class _Download:
    """One volume on its way into one file; what has arrived is kept until the rest does."""

    def __init__(self, host: domain.Host, request: Request, disk: domain.Disk, path: str, dest: str) -> None:
        self._host, self._wanted, self._disk, self._path = host, request, disk, path
        self._dest = os.path.abspath(dest)
        self._record = f"{self._dest}.json"
        self._partial, self._piece = f"{self._dest}.partial", f"{self._dest}.piece"
        self._state = f"{self._partial}.json"

    def run(self, *, check_mode: bool) -> dict[str, Any]:
        """Bring the file about."""
        volume = self._host.volume(self._path)
        there = _identity(volume)
        nothing = {"path": self._dest, "fetched": 0, "resumed_at": 0}
        if there["mtime"] and os.path.isfile(self._dest) and _read(self._record).get("volume") == there:
            return {**nothing, "changed": False, "diff": {"before": "", "after": ""}}
        diff = {"before": "", "after": f"{self._dest}: {human_size(volume.physical)} of {self._path}\n"}
        if check_mode:
            return {**nothing, "changed": True, "diff": diff}
        try:
            with self._locked():
                start = self._resume(there)
                self._fetch(volume, start)
                # It may have been started meanwhile.
                self._host.require_shut_off(self._wanted.name)
                if _identity(self._host.volume(self._path)) != there:
                    self._forget()
                    raise GoldsmithError(f"{self._path} was written to while it was fetched", hint="try again")
                os.truncate(self._partial, volume.physical)
                try:
                    qemu_img.inspect(self._host.runner, self._partial, self._disk.format)
                except GoldsmithError:
                    self._forget()
                    raise
                os.replace(self._partial, self._dest)
                with whole_file(self._record) as file:
                    file.write_text(json.dumps({"volume": there}), encoding="utf-8")
                os.unlink(self._state)
        except OSError as error:
            raise file_error(self._dest, error) from error
        return {
            "changed": True,
            "path": self._dest,
            "fetched": volume.physical - start,
            "resumed_at": start,
            "diff": diff,
        }

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with locked(f"{self._partial}.lock", f"{self._dest} is being fetched", remove=True):
            try:
                yield
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(self._piece)

    def _resume(self, there: dict[str, Any]) -> int:
        """Return how many bytes are there of the volume as it is now; others are dropped."""
        state = _read(self._state)
        # Without a time nothing tells whether the bytes are still those.
        if state.get("volume") == there and there["mtime"] and _is_own(self._partial):
            return min(int(state.get("done", 0)), there["physical"])
        make_empty(self._partial)
        self._save(there, 0)
        return 0

    def _save(self, there: dict[str, Any], done: int) -> None:
        with whole_file(self._state) as file:
            file.write_text(json.dumps({"volume": there, "done": done}), encoding="utf-8")

    def _forget(self) -> None:
        for path in (self._partial, self._state):
            with suppress(FileNotFoundError):
                os.unlink(path)

    def _fetch(self, volume: domain.StorageVolume, done: int) -> None:
        progress = Progress(f"fetch {os.path.basename(self._path)}", volume.physical)
        fruitless = 0
        while done < volume.physical:
            length = min(_PIECE, volume.physical - done)
            # What virsh made itself it removes when the connection breaks.
            make_empty(self._piece)
            with _watched(self._piece, lambda size, done=done: progress(done + size)):
                trouble = self._host.download(self._path, self._piece, start=done, size=length)
            arrived = length if not trouble else min(length, _size(self._piece))
            if arrived:
                # A hole at the end of a piece is in its length only.
                if _size(self._piece):
                    copy_part(self._piece, self._partial, size=arrived, at=done)
                done += arrived
                self._save(_identity(volume), done)
            if not trouble:
                fruitless = 0
                continue
            fruitless = 0 if arrived else fruitless + 1
            if fruitless == _FRUITLESS:
                raise GoldsmithError(
                    f"the connection broke at {human_size(done)} of {human_size(volume.physical)}: {trouble}",
                    hint="run it again: it goes on from there",
                )
            time.sleep(_PAUSE * (fruitless + 1))
        progress(volume.physical)


def _identity(volume: domain.StorageVolume) -> dict[str, Any]:
    # What is allocated changes by itself for a while after a write.
    return {name: value for name, value in asdict(volume).items() if name != "allocation"}


@contextmanager
def _watched(path: str, say: Any) -> Iterator[None]:
    """Tell the size of a file as it grows."""
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_POLL):
            say(_size(path))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _is_own(path: str) -> bool:
    """Return whether we alone have made a file: no link that was planted under its name."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and status.st_uid == os.geteuid()


def _size(path: str) -> int:
    try:
        return os.path.getsize(path)
    except FileNotFoundError:
        return 0


def _read(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
