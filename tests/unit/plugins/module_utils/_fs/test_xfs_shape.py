# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inodes and attributes of xfs."""

from __future__ import annotations

import struct

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import xfs_shape
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.nodes import Node
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError

FILE = 0o100644


@pytest.mark.parametrize(
    ("name", "value"),
    # As the command hash of xfs_db has them.
    [("foo", 0x19B7EF), ("bar", 0x18B0F2), ("a", 0x61), ("ab", 0x30E2), ("vmlinuz-6.12", 0xBF189416)],
)
def test_hashes_are_those_of_xfs(name: str, value: int) -> None:
    assert xfs_shape.name_hash(name.encode()) == value


def test_an_extent_has_its_bits_in_their_places() -> None:
    assert xfs_shape.Extent(1, 2, 3).packed() == bytes.fromhex("0000000000000200 0000000000400003")


def test_access_control_lists_have_a_form_of_their_own() -> None:
    value = struct.pack("<I", 2) + struct.pack("<HHI", 2, 6, 1234)
    node = Node(FILE, xattrs=((b"system.posix_acl_access", value), (b"user.a", b"b"), (b"security.c", b"d")))
    found = xfs_shape.attributes(node)
    assert [(item.name, item.flags) for item in found] == [(b"SGI_ACL_FILE", 2), (b"a", 0), (b"c", 4)]
    assert found[0].value == bytes.fromhex("00000001 00000002 000004d2 0006 0000")


def test_attributes_lie_in_the_inode_while_they_fit() -> None:
    def forks(size: int, content: int = 0, mode: int = FILE) -> xfs_shape.Shape:
        node = Node(mode, xattrs=((b"user.a", b"v" * size),))
        return xfs_shape.shape(node, xfs_shape.attributes(node), content)

    assert xfs_shape.shape(Node(FILE), [], 0).data == xfs_shape.ROOM
    assert not forks(200).attributes_outside and forks(200).data == 128
    assert forks(250).attributes_outside is False and forks(255).data >= 56
    assert forks(300).attributes_outside
    # A link of 100 bytes and 200 of attributes: both fit; with 300 the link lies elsewhere.
    assert forks(200, 100).data >= 100
    assert forks(200, 300).data < 300
    assert forks(250, mode=0o140644).data == 8


def test_too_large_attributes_are_refused() -> None:
    node = Node(FILE, source="/it", xattrs=((b"user.a", b"v" * 4000),))
    with pytest.raises(GoldsmithError, match="an extended attribute of /it has more than"):
        xfs_shape.attributes(node)
    node = Node(FILE, source="/it", xattrs=tuple((b"user.%d" % number, b"v" * 2000) for number in range(3)))
    with pytest.raises(GoldsmithError, match="of /it do not fit into one block"):
        xfs_shape.attribute_block(xfs_shape.attributes(node), "/it")


def test_numbers_of_devices_are_those_of_xfs() -> None:
    # Major 259, minor 70000, as the kernel packs them for stat.
    packed = (70000 & 0xFF) | 259 << 8 | (70000 & ~0xFF) << 12
    assert xfs_shape.device(Node(0o060660, rdev=packed)) == struct.pack(">I", 259 << 18 | 70000)
