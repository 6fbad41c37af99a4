# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written as xfs is read again; the tools of the system judge it in tests/integration."""

from __future__ import annotations

from pathlib import Path

from helpers import written

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import volume


def test_inodes_need_not_fit_into_one_leaf(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for folder in range(17):
        (tree / str(folder)).mkdir(parents=True)
        for number in range(1000):
            (tree / str(folder) / f"{number}").touch()
    image = written.write("xfs", tmp_path / "image", tree)
    assert len(written.seen(volume.reader("xfs", str(image), 0))) == 1 + 17 + 17 * 1000
    # The tree of inodes of the first group has two levels.
    assert image.read_bytes()[3 * 4096 : 3 * 4096 + 6] == b"IAB3\0\1"
