# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scratch folders that the next run cleans up when theirs was killed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.locks import FOLDER, take


@contextmanager
def scratch_folder(purpose: str) -> Iterator[Path]:
    """Yield an empty private folder below TMPDIR or /var/tmp, removed at the end.

    It is locked while it is used, so folders of killed runs are known by that they are free, and removed first.
    """
    base = _base(purpose)
    # Between the making of a folder and its lock, another run would take it for one of a killed run.
    alone = take(base, flags=FOLDER)
    try:
        _sweep(base)
        folder = Path(tempfile.mkdtemp(prefix="", dir=base))
        lock = take(folder, flags=FOLDER)
    finally:
        os.close(alone)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _base(purpose: str) -> Path:
    # Not /tmp: it is often in memory, and copies of images are large.
    parent = os.environ.get("TMPDIR") or "/var/tmp"  # noqa: S108 (the folder below it is private)
    base = Path(parent) / f"goldsmith-{purpose}-{_user()}"
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


def _user() -> int:
    # In a namespace, an ordinary user is root.
    with open("/proc/self/uid_map", encoding="ascii") as file:
        for inside, outside, count in (map(int, line.split()) for line in file):
            if inside <= os.geteuid() < inside + count:
                return outside + os.geteuid() - inside
    return os.geteuid()


def _sweep(base: Path) -> None:
    for folder in base.iterdir():
        # In use, or being removed.
        with suppress(OSError, GoldsmithError):
            lock = take(folder, f"{folder} is used", flags=FOLDER)
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)
