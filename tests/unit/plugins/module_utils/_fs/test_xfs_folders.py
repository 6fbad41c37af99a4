# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders of xfs, in each of their forms."""

from __future__ import annotations

import struct

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import xfs_folders
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.xfs_folders import Name


def folder(count: int) -> list[Name]:
    return [Name(b"a name with the number %06d" % number, 200 + number, 1) for number in range(count)]


def test_a_small_folder_lies_in_its_inode() -> None:
    names = [Name(b"one", 130, 1), Name(b"b", 131, 2)]
    body = xfs_folders.inside(names, 128)
    assert len(body) == xfs_folders.size_inside(names)
    # Count, no wide numbers, the parent; then the length, where it would lie in a block, name, type, number.
    assert body == bytes.fromhex("02 00 00000080  03 0060 6f6e65 01 00000082  01 0070 62 02 00000083")


@pytest.mark.parametrize(
    ("count", "signs"),
    [
        (10, ["XDB3"]),
        (100, ["XDD3", "XDD3", "3df1"]),
        (1000, [*["XDD3"] * 10, "3ebe", "3dff", "3dff", "XDF3"]),
    ],
)
def test_larger_ones_have_blocks(count: int, signs: list[str]) -> None:
    blocks = xfs_folders.blocks(folder(count), 128, 128)
    found = [block.data[:4].decode() if block.is_data else block.data[8:10].hex() for block in blocks]
    # An entry takes 48 bytes; how many blocks these are follows from that.
    assert [sign for sign in found if sign != "XDD3"] == [sign for sign in signs if sign != "XDD3"]
    assert found.count("XDD3") == (0 if count == 10 else -(-(count + 1) // ((4096 - 64) // 48)))


@pytest.mark.parametrize(
    ("count", "heads"), [(498, ["3df1"]), (501, ["3dff"]), (502, ["3dff"]), (503, ["3ebe", "3dff", "3dff"])]
)
def test_a_single_leaf_has_no_node_above_it(count: int, heads: list[str]) -> None:
    blocks = xfs_folders.blocks(folder(count), 128, 128)
    assert [block.data[8:10].hex() for block in blocks if not block.is_data] == heads


def test_the_same_hash_does_not_go_on_in_the_next_block() -> None:
    pairs = [(number, 0) for number in range(500)] + [(500, number) for number in range(10)]
    assert [len(part) for part in xfs_folders._parts(pairs)] == [500, 10]
    same = [(1, number) for number in range(600)]
    assert [len(part) for part in xfs_folders._parts(same)] == [504, 96]


def test_hashes_are_in_order_and_lead_to_their_entries() -> None:
    names = folder(3000)
    blocks = xfs_folders.blocks(names, 128, 128)
    data = {block.at: block.data for block in blocks if block.is_data and block.at < xfs_folders.HASHES}
    leaves = [block.data for block in blocks if not block.is_data and block.data[8:10] == b"\x3d\xff"]
    pairs = [
        struct.unpack_from(">II", leaf, 64 + 8 * index)
        for leaf in leaves
        for index in range(struct.unpack_from(">H", leaf, 56)[0])
    ]
    assert len(pairs) == len(names) + 2 and [pair[0] for pair in pairs] == sorted(pair[0] for pair in pairs)
    for number, place in pairs:
        block, at = divmod(place * 8, 4096)
        size = data[block][at + 8]
        assert xfs_folders.name_hash(bytes(data[block][at + 9 : at + 9 + size])) == number
    assert [struct.unpack_from(">I", leaf, 0)[0] for leaf in leaves[:-1]] == [
        xfs_folders.HASHES + 2 + index for index in range(len(leaves) - 1)
    ]
