# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names, identifiers and checksums, as lvm2 has them."""

from __future__ import annotations

import re

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._lvm import naming

MIB = 1 << 20


@pytest.mark.parametrize("name", ["system", "vg0", "_x", "+x", ".x", "a-b", "a.b+c_d", "x" * 127])
def test_names_that_lvm_takes(name: str) -> None:
    assert naming.is_group_name(name)
    assert naming.is_volume_name(name)


@pytest.mark.parametrize("name", ["", "-x", ".", "..", "a b", "a/b", "a\n", "\u00e9", "a:b", 'a"', "x" * 128])
def test_names_that_it_does_not_take(name: str) -> None:
    assert not naming.is_group_name(name)
    assert not naming.is_volume_name(name)


@pytest.mark.parametrize("name", ["snapshot1", "pvmove0", "a_rimage_0", "x_tdata", "lvol0_pmspare", "a_mlog"])
def test_names_of_volumes_that_it_keeps_for_itself(name: str) -> None:
    assert naming.is_group_name(name)
    assert not naming.is_volume_name(name)


def test_hyphens_are_doubled_in_devices() -> None:
    assert naming.device("system", "root") == "/dev/mapper/system-root"
    assert naming.device("my-vg", "a--b") == "/dev/mapper/my--vg-a----b"
    assert naming.is_short("a" * 100, "b" * 26)
    assert not naming.is_short("a" * 100, "b" * 27)
    assert not naming.is_short("a-" * 40, "b" * 40)


def test_identifiers() -> None:
    one = naming.seeded_id("seed", "noun")
    assert re.fullmatch("[0-9a-zA-Z]{32}", one)
    assert one == naming.seeded_id("seed", "noun")
    assert len({one, naming.seeded_id("seed", "other"), naming.seeded_id("other", "noun")}) == 3
    shown = naming.shown_id(one)
    assert [len(part) for part in shown.split("-")] == [6, 4, 4, 4, 4, 4, 6]
    assert shown.replace("-", "") == one


def test_the_checksum_is_that_of_lvm() -> None:
    assert naming.checksum(b"") == 0xF597A6CF
    assert naming.checksum(b"123456789") == 0x4991CF02, "by the table of sixteen in lvm2's crc.c"


@pytest.mark.parametrize(("size", "count"), [(1, 1), (4 * MIB, 1), (4 * MIB + 1, 2), (12 * MIB, 3)])
def test_extents_hold_the_size(size: int, count: int) -> None:
    assert naming.extents(size) == count
