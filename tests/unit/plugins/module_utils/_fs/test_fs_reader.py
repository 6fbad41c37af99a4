# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the readers have in common."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.fs_reader import FsReader, Inode
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.foreign import Damaged, Piece


class Plain(FsReader):
    root = 1

    def inode(self, number: int) -> Inode:
        raise NotImplementedError

    def folder(self, inode: Inode) -> Iterator[tuple[bytes, int]]:
        raise NotImplementedError

    def link(self, inode: Inode) -> bytes:
        raise NotImplementedError

    def attributes(self, inode: Inode) -> dict[str, bytes]:
        raise NotImplementedError

    def _pieces(self, inode: Inode) -> Iterator[Piece]:
        return (Piece(start, size, place) for start, place, size in inode.form)


@pytest.fixture
def reader(tmp_path: Path) -> Plain:
    (tmp_path / "image").write_bytes(b"....0123456789")
    return Plain(str(tmp_path / "image"), 4)


def test_bytes_begin_at_the_offset_and_end_with_the_file(reader: Plain) -> None:
    assert reader.read_at(2, 3) == b"234"
    for place, size in ((8, 3), (-1, 1)):
        with pytest.raises(Damaged, match="lies behind its end"):
            reader.read_at(place, size)


def test_holes_are_zeros(reader: Plain) -> None:
    assert b"".join(reader.chunks(Inode(2, 0, 9, form=[(2, 0, 3), (6, 5, 2)]))) == b"\0\x00012\x0056\0"


def test_pieces_that_overlap_are_damage(reader: Plain) -> None:
    with pytest.raises(Damaged, match="overlap"):
        list(reader.chunks(Inode(2, 0, 9, form=[(0, 0, 3), (2, 5, 2)])))


def test_a_tree_has_an_end(reader: Plain) -> None:
    visits = reader.visits(7)
    assert [next(visits), next(visits), next(visits)] == [0, 1, 2]
    with pytest.raises(Damaged, match="more blocks than there are"):
        next(visits)
