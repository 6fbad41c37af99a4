# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pieces of files, and their content."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.foreign import CHUNK, Piece, Reader


def test_a_piece_is_cut_at_its_end() -> None:
    assert Piece(5, 3, 7).cut(2) == Piece(5, 2, 7)
    assert Piece(5, 3, data=b"abc").cut(1) == Piece(5, 1, data=b"a")


def test_a_piece_that_fits_stays() -> None:
    assert Piece(5, 3, data=b"abc").cut(3) == Piece(5, 3, data=b"abc")


class Odd(Reader):
    def pieces(self, inode: Any) -> Iterator[Piece]:
        yield Piece(2, CHUNK + 1, 5)
        yield Piece(CHUNK + 4, 1, data=b"e")

    def read_at(self, place: int, size: int) -> bytes:
        return bytes([place & 0xFF]) * size


class Node(NamedTuple):
    size: int


def test_the_content_of_a_file_comes_in_chunks_with_zeros_for_its_holes() -> None:
    parts = list(Odd().chunks(Node(2 * CHUNK + 6)))
    assert parts[0] == b"\0\0"
    assert parts[1:3] == [b"\5" * CHUNK, b"\5"]
    assert parts[3:5] == [b"\0", b"e"]
    assert parts[5:] == [bytes(CHUNK), b"\0"]
