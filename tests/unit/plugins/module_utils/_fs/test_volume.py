# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The face of xfs and btrfs: made, recognised, read; the tools of the system judge it in tests/integration."""

from __future__ import annotations

import os
import random
import struct
from pathlib import Path

import pytest
from helpers import written

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import volume
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.volume import Volume
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.foreign import Damaged
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

MIB = 1 << 20
FAULTS = (Damaged, ValueError, OverflowError, IndexError, struct.error, RecursionError)
each_kind = pytest.mark.parametrize("kind", written.KINDS)


@each_kind
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


@each_kind
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


@each_kind
def test_all_of_a_tree_is_in_it(tmp_path: Path, kind: str) -> None:
    tree = written.some_tree(tmp_path / "tree")
    image = written.write(kind, tmp_path / "image", tree, offset=MIB, size=400 * MIB)
    assert written.seen(volume.reader(kind, str(image), MIB)) == written.there(tree)


@each_kind
def test_the_same_tree_gives_the_same_bytes(tmp_path: Path, kind: str) -> None:
    tree = written.some_tree(tmp_path / "tree")
    one, other = (written.write(kind, tmp_path / name, tree) for name in ("one", "other"))
    assert one.read_bytes() == other.read_bytes()


@each_kind
def test_what_does_not_fit_is_refused(tmp_path: Path, kind: str) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "large").write_bytes(b"x" * volume.SMALLEST[kind])
    with pytest.raises(GoldsmithError, match=rf"the tree does not fit into an? {kind} of \d+ bytes; give it"):
        written.write(kind, tmp_path / "image", tree)


@each_kind
def test_an_empty_one_has_a_root(tmp_path: Path, kind: str) -> None:
    image = written.write(kind, tmp_path / "image", None)
    found = written.seen(volume.reader(kind, str(image), 0))
    assert found == {"/": (0o040755, 0, 0, 0, written.EPOCH * 10**9, None)}


@each_kind
def test_what_was_written_at_once_is_clean(tmp_path: Path, kind: str) -> None:
    reader = volume.reader(kind, str(written.small(kind, tmp_path)), 0)
    assert reader.is_clean and reader.label == "rootfs"


@each_kind
def test_another_file_is_refused(tmp_path: Path, kind: str) -> None:
    (tmp_path / "none").write_bytes(bytes(MIB))
    with pytest.raises(Damaged, match=f"it is no {kind}"):
        volume.reader(kind, str(tmp_path / "none"), 0)


@each_kind
def test_a_number_that_there_is_not_is_told(tmp_path: Path, kind: str) -> None:
    reader = volume.reader(kind, str(written.small(kind, tmp_path)), 0)
    for number in (reader.root + 5000, 1 << 90):
        with pytest.raises(Damaged, match="there is no"):
            reader.inode(number)


@each_kind
@pytest.mark.parametrize("seed", range(20))
def test_damage_has_an_end(tmp_path: Path, kind: str, seed: int) -> None:
    image = written.small(kind, tmp_path)
    chance = random.Random(seed)
    with open(image, "r+b") as file:
        used = written.places(file.fileno())
        for _change in range(200):
            place = chance.choice(used) + chance.randrange(512)
            old = os.pread(file.fileno(), 1, place)[0]
            os.pwrite(file.fileno(), bytes([chance.choice((0, 1, 0x7F, 0xFF, old ^ 1 << chance.randrange(8)))]), place)
    try:
        reader = volume.reader(kind, str(image), 0)
        numbers = [reader.root, *(number for _name, number in reader.folder(reader.inode(reader.root)))]
    except FAULTS:
        return
    for number in numbers:
        try:
            inode = reader.inode(number)
            for _name, child in list(reader.folder(inode))[:500]:
                next(reader.chunks(reader.inode(child)), None)
                reader.attributes(reader.inode(child))
            reader.link(inode)
        except FAULTS:
            continue
