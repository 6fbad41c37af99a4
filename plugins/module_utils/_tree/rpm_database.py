# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The databases of rpm and dnf in a tree, as a program of its own: the same bytes for the same packages.

This file and what it imports need the standard library only.
"""

from __future__ import annotations

import json
import os
import sqlite3
import struct
import sys
from contextlib import closing, suppress
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import rpm_packages

# What tells when, by whom and by which words packages were installed, and what stands for it.
_OF_THE_BUILD = {"dt_begin": "epoch", "dt_end": "epoch", "user_id": "0", "cmdline": "''", "description": "''"}

# Where the header of a file of SQLite has the number of changes
_COUNTERS = (24, 92)


def run(request: dict[str, Any]) -> None:
    """Be the program: *databases* are made anew, and *histories* forget the build: all in them is as old as the
    newest package. C(error) tells what goes wrong."""
    answer, epoch = {}, 0
    try:
        for path in filter(os.path.isfile, request["databases"]):
            settle(path, None)
            epoch = max([epoch, *(package.built for package in rpm_packages.read(path))])
        for path in filter(os.path.isfile, request["histories"]):
            settle(path, epoch)
    except (OSError, sqlite3.Error) as error:
        answer = {"error": f"{path}: {error}"}
    sys.stdout.write(json.dumps(answer))


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
    # How often it was written depends on when its journal was taken in. The second says that the first is current.
    with open(path, "r+b") as file:
        for place in _COUNTERS:
            file.seek(place)
            file.write(struct.pack(">I", 1))
    for end in ("-shm", "-wal"):
        with suppress(FileNotFoundError):
            os.unlink(path + end)
