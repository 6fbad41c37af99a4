# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Output files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.locks import locked

_PARTIAL, _LOCK = ".partial", ".lock"


@contextmanager
def whole_file(
    path: str | os.PathLike[str],
    *,
    mode: int = 0o644,
    unless: Callable[[Path], bool] | None = None,
    durable: bool = True,
) -> Iterator[Path]:
    """Yield an empty partial file beside *path*; when the block ends well it becomes *path*, else it is removed.

    *unless* is asked with the finished partial file whether to drop it and leave *path* as it is. *durable*: it is on
    the disk by then, and outlives a failure of the machine.

    A lock beside the partial file keeps a second writer away. What a killed run left, or somebody else put there, is
    replaced. Only its owner may read the partial file.
    """
    target = Path(os.path.abspath(path))
    partial = target.with_name(f".{target.name}{_PARTIAL}")
    try:
        with locked(f"{partial}{_LOCK}", f"{target} is being written", remove=True):
            try:
                make_empty(partial)
                yield partial
                if unless and unless(partial):
                    return
                if durable:
                    _sync(partial)
                os.chmod(partial, mode)
                os.replace(partial, target)
                if durable:
                    _sync(target.parent)
            finally:
                partial.unlink(missing_ok=True)
    except OSError as error:
        raise file_error(target, error) from error


def make_empty(path: str | os.PathLike[str]) -> None:
    """Make an empty file, private to its owner; what bears the name loses it, and is neither opened nor emptied."""
    with suppress(FileNotFoundError):
        os.unlink(path)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def drop_partial_files(folder: str | os.PathLike[str]) -> None:
    """Remove what killed writers left in a folder; what somebody writes just now stays."""
    for name in {entry.name.removesuffix(_LOCK) for entry in os.scandir(folder)}:
        if name.startswith(".") and name.endswith(_PARTIAL):
            partial = os.path.join(folder, name)
            lock = locked(f"{partial}{_LOCK}", f"{partial} is being written", remove=True)
            with suppress(GoldsmithError), lock, suppress(FileNotFoundError):
                os.unlink(partial)


def replace_if_different(
    path: str | os.PathLike[str],
    make: Callable[[str], object],
    *,
    check_mode: bool = False,
    before_replacing: Callable[[], object] | None = None,
    durable: bool = True,
) -> bool:
    """Make a file beside *path* by *make* and let it take its place where its bytes differ; return whether they do.

    In check mode it is dropped all the same. *before_replacing* may refuse by an exception. *durable* as above.
    """
    different = True

    def drop(made: Path) -> bool:
        nonlocal different
        different = not same_bytes(made, path)
        if different and before_replacing:
            before_replacing()
        return check_mode or not different

    with whole_file(path, unless=drop, durable=durable) as made:
        make(os.fspath(made))
    return different


def make_folders(path: str | os.PathLike[str]) -> None:
    """Make a folder and those above it where they are missing; raise GoldsmithError where that cannot be."""
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise file_error(path, error) from error


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
