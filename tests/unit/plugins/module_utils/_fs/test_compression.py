# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compressed pieces, and what is none; those that the kernel writes are read in tests/integration."""

from __future__ import annotations

import ctypes
import zlib

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import compression
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.foreign import Damaged

TEXT = b"the same words again and again\n" * 1000


def zstd(data: bytes) -> bytes:
    library = ctypes.CDLL("libzstd.so.1")
    library.ZSTD_compress.restype = ctypes.c_size_t
    room = ctypes.create_string_buffer(len(data) + 1000)
    size = library.ZSTD_compress(room, ctypes.c_size_t(len(room)), data, ctypes.c_size_t(len(data)), 3)
    return room.raw[:size]


@pytest.mark.parametrize(("kind", "pack"), [(compression.ZLIB, zlib.compress), (compression.ZSTD, zstd)])
def test_a_piece_is_read(kind: int, pack) -> None:
    assert compression.unpacked(kind, pack(TEXT), len(TEXT)) == TEXT
    # The sector is filled up.
    assert compression.unpacked(kind, pack(TEXT) + bytes(100), len(TEXT)) == TEXT


@pytest.mark.parametrize(("kind", "pack"), [(compression.ZLIB, zlib.compress), (compression.ZSTD, zstd)])
def test_damage_is_told(kind: int, pack) -> None:
    packed = bytearray(pack(TEXT))
    packed[:2] = b"\xff\xff"
    with pytest.raises(Damaged, match="is damaged"):
        compression.unpacked(kind, bytes(packed), len(TEXT))


def test_a_piece_that_claims_less_than_it_holds_is_damage() -> None:
    with pytest.raises(Damaged, match="is damaged"):
        compression.unpacked(compression.ZSTD, zstd(TEXT), 10)


def test_what_is_not_known_is_told() -> None:
    with pytest.raises(Damaged, match=r"in a way that is not known \(9\)"):
        compression.unpacked(9, b"", 1)
