# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sums of xfs and btrfs."""

from __future__ import annotations

import os

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import crc32c


def test_the_check_value_is_that_of_the_standard() -> None:
    assert crc32c.one(b"123456789") == 0xE3069283
    # RFC 3720, B.4
    assert crc32c.one(bytes(32)) == 0x8A9136AA
    assert crc32c.one(b"\xff" * 32) == 0x62A8AB43


@pytest.mark.parametrize("count", [0, 1, 7, crc32c._LANES, crc32c._LANES + 3])
def test_many_are_as_one_by_one(count: int) -> None:
    data = os.urandom(48 * count)
    assert list(crc32c.many(data, 48)) == [crc32c.one(data[at : at + 48]) for at in range(0, len(data), 48)]


def test_names_of_btrfs_are_not_turned() -> None:
    # As mkfs.btrfs writes the entry of the default subvolume.
    assert crc32c.raw(b"default", 0xFFFFFFFE) == 2378154706
