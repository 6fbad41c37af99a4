# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is no proper xfs is told; what holds for both kinds is in test_volume."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from helpers import written

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.xfs_reader import XfsReader
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.foreign import Damaged


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return written.small("xfs", tmp_path)


def test_a_log_that_waits_is_seen(image: Path) -> None:
    reader = XfsReader(str(image), 0)
    place = reader._log[0]
    with open(image, "r+b") as file:
        file.seek(place)
        record = bytearray(file.read(1024))
        # A later record, of another kind than the one of an unmount.
        struct.pack_into(">Q", record, 16, (1 << 32) + 8)
        record[512 + 9] = 0
        file.seek(place + 4096)
        file.write(record)
    assert not XfsReader(str(image), 0).is_clean


def test_old_versions_are_named(image: Path) -> None:
    with open(image, "r+b") as file:
        file.seek(100)
        file.write(b"\xb4\xa4")
    with pytest.raises(Damaged, match="an xfs of version 4, and only 5 can be read"):
        XfsReader(str(image), 0)
