# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trees and items of btrfs."""

from __future__ import annotations

import struct

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import btrfs_shape as shape
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.nodes import Node


def test_items_have_the_sizes_of_the_kernel() -> None:
    assert len(shape.inode_item(Node(0o100644), size=1, used=1, links=1, epoch=1)) == 160
    assert len(shape.root_item(1, 0, 1, is_files=True)) == 439
    assert len(shape.extent_item(256, 0)) == 24 + 29
    assert len(shape.metadata_item(5)) == 33
    assert len(shape.extent_data(0, 0)) == 53
    assert len(shape.Chunk(0, 1, shape.METADATA | shape.TWICE, (1, 2)).packed(bytes(16))) == 48 + 64


def test_a_tree_has_as_many_levels_as_it_needs() -> None:
    small = shape.rows({(number, 1, 0): b"x" * 100 for number in range(10)})
    assert [len(row) for row in small] == [1]
    large = shape.rows({(number, 1, 0): b"x" * 100 for number in range(130 * 600)})
    assert [len(row) for row in large] == [600, 2, 1]
    assert [item[0] for block in large[0] for item in block] == [(number, 1, 0) for number in range(130 * 600)]


def test_blocks_lead_to_those_below_them() -> None:
    rows = shape.rows({(number, 1, 0): bytes([number % 256]) * 100 for number in range(300)})
    found = shape.blocks(rows, 1 << 20, 5, (bytes(16), b"c" * 16))
    assert list(found) == [(1 << 20) + shape.NODE * index for index in range(4)]
    root = found[(1 << 20) + 3 * shape.NODE]
    (count, level) = struct.unpack_from("<IB", root, 96)
    pointers = [struct.unpack_from("<QBQQQ", root, shape.HEADER + 33 * index) for index in range(count)]
    assert (count, level) == (3, 1)
    assert [pointer[3] for pointer in pointers] == list(found)[:3]
    assert [pointer[0] for pointer in pointers] == [0, 130, 260]
    first = found[1 << 20]
    place, size = struct.unpack_from("<II", first, shape.HEADER + 25 + 17)
    assert first[shape.HEADER + place : shape.HEADER + place + size] == b"\1" * 100


def test_a_name_is_the_same_for_the_folder_and_the_tree() -> None:
    assert shape.entry(257, 1, b"it")[-2:] == b"it" and shape.entry(257, 1, b"it")[:9] == struct.pack("<QB", 257, 1)
    assert shape.attribute(b"user.a", b"value").endswith(b"\x05\x00\x06\x00\x08user.avalue")
