# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of a file system with their sums, at their places."""

from __future__ import annotations

import os
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import crc32c
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.sheets import Sheets


def test_parts_get_their_sums_at_all_their_places(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "image", os.O_RDWR | os.O_CREAT)
    sheets = Sheets(descriptor, 100)
    part = bytearray(os.urandom(60) + bytes(4))
    whole, tail = crc32c.one(bytes(part)), crc32c.one(bytes(part[32:]))
    sheets.write(500, b"plain")
    sheets.add(0, bytearray(part), 60)
    sheets.add((200, 300), bytearray(bytes(4) + part[4:]), 0, begin=32)
    assert os.fstat(descriptor).st_size == 605
    sheets.flush()
    os.close(descriptor)
    data = (tmp_path / "image").read_bytes()
    assert data[100:164] == part[:60] + whole.to_bytes(4, "little")
    for place in (300, 400):
        assert data[place : place + 64] == tail.to_bytes(4, "little") + part[4:]
    assert data[600:605] == b"plain"
