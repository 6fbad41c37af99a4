# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is no proper btrfs is told; what holds for both kinds is in test_volume."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import written

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.btrfs_reader import BtrfsReader
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.foreign import Damaged


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return written.small("btrfs", tmp_path)


def test_a_log_that_waits_is_seen(image: Path) -> None:
    with open(image, "r+b") as file:
        file.seek((64 << 10) + 0x60)
        file.write(b"\1")
    assert not BtrfsReader(str(image), 0).is_clean


def test_several_disks_are_refused(image: Path) -> None:
    with open(image, "r+b") as file:
        file.seek((64 << 10) + 0x88)
        file.write(b"\2")
    with pytest.raises(Damaged, match="it lies on 2 disks"):
        BtrfsReader(str(image), 0)
