# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The compressed pieces of files in a btrfs: zlib, lzo and zstd.

The latter two by the libraries that package managers are built on; Python 3.9 to 3.13 have neither.
"""

from __future__ import annotations

import ctypes
import struct
import zlib
from functools import cache

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.foreign import Damaged

ZLIB, LZO, ZSTD = 1, 2, 3
_SECTOR = 4096


def unpacked(kind: int, data: bytes, size: int) -> bytes:
    """Return the *size* bytes that a piece holds; less where it ends before. Raise Damaged where it cannot be read."""
    if kind == ZLIB:
        try:
            return zlib.decompressobj().decompress(data, size)
        except zlib.error as error:
            raise Damaged(f"a compressed piece of a file is damaged: {error}") from None
    if kind == ZSTD:
        return _zstd(data, size)
    if kind == LZO:
        return _lzo(data, size)
    raise Damaged(f"a file is compressed in a way that is not known ({kind})")


def _zstd(data: bytes, size: int) -> bytes:
    library = _library("libzstd.so.1", "zstd")
    call = ctypes.c_size_t
    library.ZSTD_findFrameCompressedSize.restype = library.ZSTD_decompress.restype = call
    # Behind the frame the sector is filled up.
    length = library.ZSTD_findFrameCompressedSize(data, call(len(data)))
    if library.ZSTD_isError(call(length)) or length > len(data):
        raise Damaged("a compressed piece of a file is damaged")
    room = ctypes.create_string_buffer(size)
    found = library.ZSTD_decompress(room, call(size), data, call(length))
    if library.ZSTD_isError(call(found)) or found > size:
        raise Damaged("a compressed piece of a file is damaged")
    return room.raw[:found]


def _lzo(data: bytes, size: int) -> bytes:
    library = _library("liblzo2.so.2", "lzo")
    (whole,) = struct.unpack_from("<I", data)
    place, found = 4, b""
    while place < min(whole, len(data)) and len(found) < size:
        # The length of a part does not cross the end of a sector.
        left = _SECTOR - place % _SECTOR
        place += left if left < 4 else 0
        (length,) = struct.unpack_from("<I", data, place)
        part = data[place + 4 : place + 4 + length]
        room, got = ctypes.create_string_buffer(_SECTOR), ctypes.c_ulong(_SECTOR)
        if library.lzo1x_decompress_safe(part, ctypes.c_ulong(len(part)), room, ctypes.byref(got), None):
            raise Damaged("a compressed piece of a file is damaged")
        found += room.raw[: got.value]
        place += 4 + length
    return found[:size]


@cache
def _library(name: str, what: str) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(name)
    except OSError:
        raise Damaged(f"a file is compressed by {what}, and this host has no {name}; install it") from None
