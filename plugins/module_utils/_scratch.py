# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scratch folders that the next run cleans up when theirs was killed. Floor 1."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import GoldsmithError

_LOCK = ".lock"


@contextmanager
def scratch_folder(purpose: str) -> Iterator[Path]:
    """Yield an empty private folder below TMPDIR or /var/tmp, removed at the end.

    It is locked while it is used, so folders of killed runs are known by their free locks and removed first.
    """
    base = _base(purpose)
    with _alone(base):
        _sweep(base)
        folder = Path(tempfile.mkdtemp(prefix="", dir=base))
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _base(purpose: str) -> Path:
    # Not /tmp: it is often in memory, and copies of images are large.
    parent = os.environ.get("TMPDIR") or "/var/tmp"  # noqa: S108 (the folder below it is private)
    base = Path(parent) / f"goldsmith-{purpose}-{os.geteuid()}"
    try:
        base.mkdir(mode=0o700, exist_ok=True)
        status = base.lstat()
    except OSError as error:
        raise GoldsmithError(
            f"cannot make the folder {base}: {error.strerror}", hint="set TMPDIR to a folder that can be written"
        ) from error
    if base.is_symlink() or status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise GoldsmithError(f"{base} is not a private folder of this user", hint="remove it, or set TMPDIR")
    return base


@contextmanager
def _alone(base: Path) -> Iterator[None]:
    # Between the making of a folder and its lock, another run would take it for one of a killed run.
    descriptor = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sweep(base: Path) -> None:
    for folder in base.iterdir():
        try:
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            continue  # being removed
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            pass  # in use
        finally:
            os.close(lock)
