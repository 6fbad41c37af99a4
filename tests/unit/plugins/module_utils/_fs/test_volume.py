# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The face of xfs and btrfs: made, measured, recognised."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import written

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import volume
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.volume import Volume
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

MIB = 1 << 20


@pytest.mark.parametrize("kind", written.KINDS)
def test_what_is_made_is_recognised(tmp_path: Path, kind: str) -> None:
    path = written.write(kind, tmp_path / "image", None, offset=MIB)
    assert volume.read_file(str(path), MIB) == Volume(kind, volume.SMALLEST[kind], written.UUID, "rootfs")
    assert volume.read_file(str(path)) is None


def test_too_small_ones_are_refused(tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(b"")
    options = {"label": "", "uuid": written.UUID, "epoch": 0}
    with pytest.raises(GoldsmithError, match="104857600 bytes are too small for xfs; give it 314572800 or more"):
        volume.make(Runner(), str(tmp_path / "image"), fstype="xfs", size=100 * MIB, **options)
    with pytest.raises(GoldsmithError, match="104857600 bytes are too small for btrfs; give it 136314880 or more"):
        volume.make(Runner(), str(tmp_path / "image"), fstype="btrfs", size=100 * MIB, **options)


@pytest.mark.parametrize("kind", written.KINDS)
@pytest.mark.parametrize(("files", "size"), [(1, 4096), (3000, 100), (2000, 30_000), (15, 5 * MIB)])
def test_a_tree_fits_into_the_size_that_is_named(tmp_path: Path, kind: str, files: int, size: int) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    for number in range(files):
        (tree / f"a name of some length {number}").write_bytes(b"x" * size)
    data = files * (-(-size // 4096) * 4096 + 60)
    needed = volume.needed_size(kind, data, files + 1, 0)
    written.write(kind, tmp_path / "image", tree, size=needed)
    assert needed < data + files * 4096 + 300 * MIB
    assert volume.needed_size(kind, data, files, 0.5) >= needed
