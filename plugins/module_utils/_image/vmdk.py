# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The header and the descriptor of a VMDK, and the other files that they name: most kinds of it are several files.

No program looks at the image before, since QEMU opens whatever it names.
"""

from __future__ import annotations

import re
import struct

MAGIC = b"KDMV"
WHOLE = ("monolithicSparse", "streamOptimized")
# Magic, version, flags, capacity, size of a grain, place and size of the descriptor; all but the first two in sectors
_HEADER = struct.Struct("<4sIIQQQQ")
_SECTOR = 512
# Where QEMU looks for the descriptor, whatever the header says
_FIRST = 21 * _SECTOR
_LARGEST = 1 << 20
# What QEMU takes for a descriptor alone
_TEXT = re.compile(rb"(?:#[^\n]*\n| *\r?\n)*version *= *\d")
_TYPE = re.compile(rb'(?m)^\s*createType\s*=\s*"([^"\r\n]*)"')
_PARENT = re.compile(rb"parentFileNameHint|(?m:^\s*parentCID\s*=\s*(?!f{8}\b)\S)")


def is_descriptor(path: str) -> bool:
    """Return whether a file is the text alone that names the files with the data."""
    with open(path, "rb") as file:
        return _TEXT.match(file.read(_FIRST)) is not None


def other_file(path: str) -> str | None:
    """Return what a VMDK refers to beside itself, None where it needs nothing."""
    with open(path, "rb") as file:
        head = file.read(_FIRST)
        if len(head) < _FIRST or not head.startswith(MAGIC):
            return "the files with its data"
        *_unused, capacity, _grain, place, size = _HEADER.unpack_from(head)
        file.seek(min(place * _SECTOR, _LARGEST))
        descriptor = file.read(min(size * _SECTOR, _LARGEST))
    kind = _TYPE.search(descriptor)
    # Without a capacity the descriptor names the data; without a descriptor it is a part of a disk.
    if not capacity or not kind or kind[1].decode("ascii", "replace") not in WHOLE:
        return "the files with its data"
    return "a parent" if _PARENT.search(head[_SECTOR:]) or _PARENT.search(descriptor) else None
