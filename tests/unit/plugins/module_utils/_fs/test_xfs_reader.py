# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is no proper xfs is told, whatever its bytes are; the kernel's own are read in tests/integration."""

from __future__ import annotations

import os
import random
import struct
from pathlib import Path

import pytest
from helpers import written

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs.xfs_reader import XfsReader
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.foreign import Damaged

FAULTS = (Damaged, ValueError, OverflowError, IndexError, struct.error, RecursionError)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    (tree / "folder").mkdir(parents=True)
    for number in range(100):
        (tree / "folder" / f"file {number}").write_bytes(b"x" * 50 * number)
    (tree / "link").symlink_to("folder")
    return written.write("xfs", tmp_path / "image", tree)


def test_what_was_written_at_once_is_clean(image: Path) -> None:
    reader = XfsReader(str(image), 0)
    assert reader.is_clean and reader.label == "rootfs"


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "none").write_bytes(bytes(1 << 20))
    with pytest.raises(Damaged, match="it is no xfs"):
        XfsReader(str(tmp_path / "none"), 0)


def test_a_number_that_there_is_not_is_told(image: Path) -> None:
    reader = XfsReader(str(image), 0)
    for number in (reader.root + 5000, 1 << 90):
        with pytest.raises(Damaged, match="there is no"):
            reader.inode(number)


@pytest.mark.parametrize("seed", range(20))
def test_damage_has_an_end(image: Path, seed: int) -> None:
    chance = random.Random(seed)
    with open(image, "r+b") as file:
        used = written.places(file.fileno())
        for _change in range(200):
            place = chance.choice(used) + chance.randrange(512)
            old = os.pread(file.fileno(), 1, place)[0]
            os.pwrite(file.fileno(), bytes([chance.choice((0, 1, 0x7F, 0xFF, old ^ 1 << chance.randrange(8)))]), place)
    try:
        reader = XfsReader(str(image), 0)
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
