# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The databases of rpm and dnf in a tree, as a program of its own: the same bytes for the same packages.

This file and what it imports need the standard library only. What is a link in the tree never leads out of it.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import rpm_packages
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import TreeFiles
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError

# What tells when, by whom and by which words packages were installed, and what stands for it.
_OF_THE_BUILD = {"dt_begin": "epoch", "dt_end": "epoch", "user_id": "0", "cmdline": "''", "description": "''"}

# What dnf 4 and 5 know of the past
_HISTORIES = ("/var/lib/dnf/history.sqlite", "/usr/lib/sysimage/libdnf5/transaction_history.sqlite")
# Where the header of a file of SQLite has the number of changes, that of new schemas, and the first one again
_COUNTERS = (24, 40, 92)
# What SQLite has beside a file while it is written to
_BESIDE = ("-shm", "-wal", "-journal")


def run(request: dict[str, Any]) -> None:
    """Be the program: the *databases* of the tree *root* are made anew, and histories forget the build: all in them is
    as old as the newest package. C(paths) are those that were not so; C(error) tells what goes wrong."""
    answer: dict[str, Any] = {"paths": []}
    built, path = [0], request["root"]

    def look(copy: str) -> None:
        built.extend(package.built for package in rpm_packages.read(copy))

    def settle_all(paths: Sequence[str], epoch: int | None, look: Callable[[str], None]) -> None:
        nonlocal path
        for path in _found(request["root"], paths):
            if _settle(request["root"] + path, epoch, look, check_mode=request["check_mode"]):
                answer["paths"].append(path)

    try:
        settle_all(request["databases"], None, look)
        settle_all(_HISTORIES, max(built), lambda copy: None)
    except (OSError, sqlite3.Error, GoldsmithError) as error:
        answer = {"error": f"{path}: {error}"}
    sys.stdout.write(json.dumps(answer))


def _found(root: str, paths: Sequence[str]) -> Iterator[str]:
    """Yield the real paths of those that are there, each once. SQLite itself would follow links."""
    files = TreeFiles(root)
    for path in dict.fromkeys(entry.path for entry in map(files.find, paths) if entry and entry.is_file):
        for beside in (files.find(path + end, follow=False) for end in _BESIDE):
            if beside and not beside.is_file:
                raise GoldsmithError(f"{beside.path} is no file")
        yield path


def _settle(path: str, epoch: int | None, look: Callable[[str], None], *, check_mode: bool) -> bool:
    """Settle a database, and return whether it was not settled; *look* gets a copy that is, for SQLite writes to what
    it reads."""
    above, name = os.path.split(path)
    times = os.stat(above)
    try:
        # Beside it: a run that is killed leaves nothing outside the tree.
        with tempfile.TemporaryDirectory(prefix=".settle-", dir=above) as folder:
            copy = os.path.join(folder, name)
            there = [end for end in _BESIDE if os.path.exists(path + end)]
            for end in ("", *there):
                shutil.copyfile(path + end, copy + end)
            settle(copy, epoch)
            look(copy)
            with open(path, "rb") as old, open(copy, "rb") as new:
                if not there and old.read() == new.read():
                    return False
        if not check_mode:
            settle(path, epoch)
        return True
    finally:
        os.utime(above, ns=(times.st_atime_ns, times.st_mtime_ns))


def settle(path: str, epoch: int | None) -> None:
    """Write a database anew, without a journal; with an *epoch* it is a history, and all times in it become that."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=DELETE")
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type='table'")}
        if epoch is not None and "trans" in tables:
            known = {row[1] for row in database.execute("PRAGMA table_info(trans)")}
            words = ", ".join(f"{name} = {value}" for name, value in _OF_THE_BUILD.items() if name in known)
            database.execute(f"UPDATE trans SET {words.replace('epoch', str(int(epoch)))}")  # noqa: S608 (names of ours)
        if epoch is not None and "console_output" in tables:
            database.execute("DELETE FROM console_output")
        database.execute("VACUUM")
    # How often it was written depends on when its journal was taken in. The last says that the first is current.
    with open(path, "r+b") as file:
        for place in _COUNTERS:
            file.seek(place)
            file.write(struct.pack(">I", 1))
    for end in ("-shm", "-wal"):
        with suppress(FileNotFoundError):
            os.unlink(path + end)
