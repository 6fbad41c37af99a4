# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages in a guest's rpm database (SQLite), read without rpm: a guest may be foreign, and the host have none.

This file needs the standard library only.
"""

from __future__ import annotations

import os
import sqlite3
import struct
import tempfile
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.walker import GuestFiles

PLACES = ("/usr/lib/sysimage/rpm/rpmdb.sqlite", "/var/lib/rpm/rpmdb.sqlite")
_LARGEST = 1 << 30
# The tags of a package's header, and the types of their values (rpm's rpmtag.h).
_NAME, _VERSION, _RELEASE, _EPOCH, _BUILT, _ARCH = 1000, 1001, 1002, 1003, 1006, 1022
_INT32, _STRING = 4, 6
_ENTRY = struct.Struct(">IIII")


class RpmPackage(NamedTuple):
    """A package. *version* is C(epoch:version-release), without an epoch of 0; *built* is in seconds since 1970."""

    name: str
    version: str
    architecture: str
    built: int


def installed(files: GuestFiles) -> list[RpmPackage]:
    """Return the packages of a guest, sorted by name; none where it has no such database, or one that is damaged."""
    found = next((path for path in PLACES if files.is_file(path)), None)
    if found is None:
        return []
    with tempfile.TemporaryDirectory(prefix="goldsmith-rpm-") as folder:
        copy = os.path.join(folder, "rpmdb.sqlite")
        # What was written last may still lie in the journal.
        for end in ("", "-wal"):
            if files.is_file(found + end):
                files.copy_out(found + end, copy + end, limit=_LARGEST)
        try:
            return read(copy)
        except sqlite3.Error:
            return []


def read(path: str) -> list[RpmPackage]:
    """Return the packages in a database, sorted by name. Raises sqlite3.Error where it is none."""
    with closing(sqlite3.connect(path)) as database:
        headers = [_values(blob) for (blob,) in database.execute("SELECT blob FROM Packages")]
    # The keys that packages are verified by lie there too.
    return sorted(_package(header) for header in headers if header.get(_NAME, "gpg-pubkey") != "gpg-pubkey")


def _package(header: dict[int, str | int]) -> RpmPackage:
    epoch = f"{header[_EPOCH]}:" if header.get(_EPOCH) else ""
    version = f"{epoch}{header.get(_VERSION, '')}-{header.get(_RELEASE, '')}"
    return RpmPackage(str(header[_NAME]), version, str(header.get(_ARCH, "")), int(header.get(_BUILT, 0)))


def _values(blob: bytes) -> dict[int, str | int]:
    """Return the first value of each tag that is asked for; a header that is cut off has fewer of them."""
    return dict(_tags(blob)) if len(blob) >= 8 else {}


def _tags(blob: bytes) -> Iterator[tuple[int, str | int]]:
    count, size = struct.unpack_from(">II", blob)
    store = 8 + count * _ENTRY.size
    if store + size > len(blob):
        return
    for number in range(count):
        tag, kind, offset, _count = _ENTRY.unpack_from(blob, 8 + number * _ENTRY.size)
        place = store + offset
        if tag in (_NAME, _VERSION, _RELEASE, _ARCH) and kind == _STRING and offset < size:
            yield tag, blob[place : blob.find(b"\0", place)].decode("utf-8", "replace")
        elif tag in (_EPOCH, _BUILT) and kind == _INT32 and offset + 4 <= size:
            yield tag, struct.unpack_from(">I", blob, place)[0]
