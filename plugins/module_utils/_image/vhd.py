# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The footer of a VHD file, which holds a time and a random identifier."""

from __future__ import annotations

import os
import struct
import uuid

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.digests import seeded_uuid, sha512_of
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError

COOKIE = b"conectix"
DYNAMIC, FIXED = "dynamic", "fixed"
_FOOTER = 512
_TIME, _TYPE, _CHECKSUM, _UUID = 24, 60, 64, 68
_TYPES = {2: FIXED, 3: DYNAMIC}


def subformat(path: str) -> str:
    """Return C(fixed) or C(dynamic)."""
    footer = _read_footer(path)
    kind = struct.unpack_from(">I", footer, _TYPE)[0]
    if kind not in _TYPES:
        raise GoldsmithError(f"{path} is a VHD of a kind that needs another file")
    return _TYPES[kind]


def other_file(path: str) -> str | None:
    """Return what a VHD refers to beside itself, None where it needs nothing; both of its footers count."""
    with open(path, "rb") as file:
        footers = [file.read(_FOOTER)]
        if os.path.getsize(path) >= _FOOTER:
            file.seek(-_FOOTER, os.SEEK_END)
            footers.append(file.read(_FOOTER))
    kinds = [
        struct.unpack_from(">I", one, _TYPE)[0] for one in footers if one.startswith(COOKIE) and len(one) == _FOOTER
    ]
    return None if all(kind in _TYPES for kind in kinds) else "a parent"


def settle(path: str) -> None:
    """Give a VHD an identifier that follows from its content and the time 0, so that it can be made again."""
    footer = bytearray(_read_footer(path))
    struct.pack_into(">I", footer, _TIME, 0)
    footer[_UUID : _UUID + 16] = bytes(16)
    _write_footer(path, footer)
    footer[_UUID : _UUID + 16] = uuid.UUID(seeded_uuid(sha512_of(path), "vhd")).bytes
    _write_footer(path, footer)


def _read_footer(path: str) -> bytes:
    with open(path, "rb") as file:
        if os.path.getsize(path) >= _FOOTER:
            file.seek(-_FOOTER, os.SEEK_END)
        footer = file.read(_FOOTER)
    if len(footer) != _FOOTER or footer[: len(COOKIE)] != COOKIE:
        raise GoldsmithError(f"{path} is not a VHD")
    return footer


def _write_footer(path: str, footer: bytearray) -> None:
    footer[_CHECKSUM : _CHECKSUM + 4] = bytes(4)
    struct.pack_into(">I", footer, _CHECKSUM, ~sum(footer) & 0xFFFFFFFF)
    with open(path, "r+b") as file:
        file.seek(-_FOOTER, os.SEEK_END)
        file.write(footer)
        file.seek(0)
        # A dynamic one begins with a copy.
        if file.read(len(COOKIE)) == COOKIE:
            file.seek(0)
            file.write(footer)
