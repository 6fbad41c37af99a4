# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the superblock of an ext file system says, in words, as two of them are compared."""

from __future__ import annotations

import struct
import uuid
from datetime import datetime, timezone

# Counts of what is free, and checksums, follow from the rest.
_NUMBERS = (
    ("inodes", 0, "<I"),
    ("blocks (lower half)", 4, "<I"),
    ("blocks (upper half)", 0x150, "<I"),
    ("reserved blocks", 8, "<I"),
    ("blocks in each group", 32, "<I"),
    ("inodes in each group", 40, "<I"),
    ("mounts since the last check", 52, "<H"),
    ("mounts until a check", 54, "<h"),
    ("seconds until a check", 68, "<I"),
    ("what is done on errors", 60, "<H"),
    ("size of inodes", 88, "<H"),
    ("reserved group descriptors", 206, "<H"),
    ("size of group descriptors", 254, "<H"),
    ("kibibytes written", 0x178, "<Q"),
    ("errors", 0x194, "<I"),
)
_HEX = (
    ("state", 58, "<H"),
    ("compatible features", 92, "<I"),
    ("incompatible features", 96, "<I"),
    ("read-only features", 100, "<I"),
    ("mount options", 256, "<I"),
    ("flags", 0x160, "<I"),
    ("seed of checksums", 0x270, "<I"),
)
_TIMES = (("mounted", 44), ("written", 48), ("checked", 0x40), ("made", 264))
_TEXTS = (("label", 120, 16), ("last mounted on", 136, 64))
_UUIDS = (("UUID", 104), ("UUID of the journal", 208), ("seed of folders", 236))


def facts(raw: bytes) -> dict[str, str]:
    """Return what the 1024 bytes of a superblock say, by the names of the facts."""
    found = {name: str(struct.unpack_from(kind, raw, at)[0]) for name, at, kind in _NUMBERS}
    found["size of blocks"] = str(1024 << min(struct.unpack_from("<I", raw, 24)[0], 16))
    found |= {name: f"{struct.unpack_from(kind, raw, at)[0]:#x}" for name, at, kind in _HEX}
    found |= {name: shown_time(struct.unpack_from("<I", raw, at)[0] * 10**9) for name, at in _TIMES}
    for name, at, size in _TEXTS:
        found[name] = raw[at : at + size].split(b"\0")[0].decode("utf-8", "backslashreplace")
    return found | {name: str(uuid.UUID(bytes=raw[at : at + 16])) for name, at in _UUIDS}


def shown_time(nanoseconds: int) -> str:
    """Return a time as people read it, without a part of a second where there is none."""
    seconds, part = divmod(nanoseconds, 10**9)
    text = datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{part:09}Z" if part else f"{text}Z"
