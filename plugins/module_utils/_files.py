# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Output files that appear whole or not at all, and their locks. Floor 1."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import GoldsmithError


@contextmanager
def whole_file(
    path: str | os.PathLike[str], *, mode: int = 0o644, unless: Callable[[Path], bool] | None = None
) -> Iterator[Path]:
    """Yield a partial file beside *path*; when the block ends well it becomes *path*, else it is removed.

    *unless* is asked with the finished partial file whether to drop it and leave *path* as it is.

    The partial file has a fixed name and is locked, so what a killed run left is taken over by the next one, and two
    writers of one file cannot meet.
    """
    target = Path(os.path.abspath(path))
    partial = target.with_name(f".{target.name}.partial")
    try:
        descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, mode)
    except OSError as error:
        raise file_error(target, error) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise GoldsmithError(f"{target} is being written by another process", hint="wait until it ends") from None
        try:
            os.ftruncate(descriptor, 0)
            yield partial
            if unless and unless(partial):
                partial.unlink()
                return
            _sync(partial)
            os.chmod(partial, mode)
            os.replace(partial, target)
            _sync(target.parent)
        except BaseException as error:
            partial.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise file_error(target, error) from error
            raise
    finally:
        os.close(descriptor)


def replace_if_different(
    path: str | os.PathLike[str],
    make: Callable[[str], object],
    *,
    check_mode: bool = False,
    before_replacing: Callable[[], object] | None = None,
) -> bool:
    """Make a file beside *path* by *make* and let it take its place where its bytes differ; return whether they do.

    In check mode it is dropped all the same. *before_replacing* may refuse by an exception.
    """
    different = True

    def drop(made: Path) -> bool:
        nonlocal different
        different = not same_bytes(made, path)
        if different and before_replacing:
            before_replacing()
        return check_mode or not different

    with whole_file(path, unless=drop) as made:
        make(os.fspath(made))
    return different


def file_error(path: str | os.PathLike[str], error: OSError) -> GoldsmithError:
    """Return an OSError as a line for the user, with the file that was to be made."""
    return GoldsmithError(f"cannot write {os.fspath(path)}: {error.strerror or error}")


def same_bytes(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    """Return whether both files exist and hold the same bytes."""
    try:
        if os.path.getsize(one) != os.path.getsize(other):
            return False
        with open(one, "rb") as first, open(other, "rb") as second:
            while True:
                block = first.read(1 << 20)
                if block != second.read(1 << 20):
                    return False
                if not block:
                    return True
    except FileNotFoundError:
        return False


def _sync(path: Path) -> None:
    # A program wrote by its own descriptor: sync by the name.
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
