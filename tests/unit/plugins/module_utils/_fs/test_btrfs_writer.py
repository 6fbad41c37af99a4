# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written as btrfs is read again; the tools of the system judge it in tests/integration."""

from __future__ import annotations

from pathlib import Path

from helpers import written

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import volume


def test_nothing_lies_where_the_copy_of_the_superblock_is(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "large").write_bytes(b"data" * (30 << 20))
    image = written.write("btrfs", tmp_path / "image", tree, size=400 << 20)
    data = image.read_bytes()
    copy = data[64 << 20 : (64 << 20) + 4096]
    assert copy[0x40:0x48] == b"_BHRfS_M" and data[(64 << 20) + 4096 : (64 << 20) + 65536].count(0) == 65536 - 4096
    assert written.seen(volume.reader("btrfs", str(image), 0)) == written.there(tree)
