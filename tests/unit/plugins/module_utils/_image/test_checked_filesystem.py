# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""File systems that are whole, and those that are not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from helpers import written
from helpers.disks import tool

from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import volume
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import checked_filesystem, disk_areas


@pytest.fixture
def path(tmp_path: Path) -> Path:
    tool("mke2fs", "-q", "-F", "-t", "ext4", tmp_path / "disk", "8M")
    return tmp_path / "disk"


def take(path: Path, *, repair: bool = False) -> checked_filesystem.Filesystem:
    disk = disk_areas.of_raw(Runner(), str(path))
    return checked_filesystem.take(disk, disk.areas[0], repair=repair)


def test_a_whole_one_is_read_in_its_place(path: Path) -> None:
    found = take(path)
    assert (found.path, found.offset, found.size, found.repaired) == (str(path), 0, 8 << 20, False)
    assert take(path, repair=True) == found
    assert [entry.name for entry in path.parent.iterdir()] == ["disk"]


def test_a_dirty_one_is_mended_in_a_copy_which_is_the_same_each_time(path: Path) -> None:
    tool("debugfs", "-w", "-R", "dirty", path)
    before = path.read_bytes()
    with pytest.raises(GoldsmithError, match=r"disk is not clean: the guest was not shut down cleanly; .*repair=true"):
        take(path)
    found = take(path, repair=True)
    assert (found.repaired, found.block.clean) == (True, True)
    assert found.path != str(path)
    first = Path(found.path).read_bytes()
    tool("e2fsck", "-fn", found.path)
    assert Path(take(path, repair=True).path).read_bytes() == first
    assert path.read_bytes() == before


def test_errors_are_named_without_our_own_copy(path: Path) -> None:
    tool("debugfs", "-w", "-R", "sif <2> links_count 9", path)
    tool("debugfs", "-w", "-R", "ssv state 1", path)
    with pytest.raises(GoldsmithError, match=r"the file system in .*disk has errors \(.*\); set repair=true"):
        take(path)
    assert take(path, repair=True).repaired


@pytest.mark.parametrize("kind", written.KINDS)
def test_others_are_taken_as_they_are_where_they_are_clean(tmp_path: Path, kind: str) -> None:
    image = written.write(kind, tmp_path / "disk", None)
    found = take(image)
    assert (found.block.fstype, found.path, found.size) == (kind, str(image), image.stat().st_size)
    with open(image, "r+b") as file:
        if kind == "btrfs":
            file.seek((64 << 10) + 0x60)
            file.write(b"\1")
        else:
            # A later record in the log.
            reader = volume.reader(kind, str(image), 0)
            record = bytearray(reader.read_at(reader._log[0], 1024))
            record[16:24], record[521] = ((1 << 32) + 8).to_bytes(8, "big"), 0
            file.seek(reader._log[0] + 4096)
            file.write(record)
    with pytest.raises(GoldsmithError, match="disk is not clean: the guest was not shut down cleanly"):
        take(image)


@pytest.mark.parametrize("kind", written.KINDS)
def test_others_that_cannot_be_read_are_told(tmp_path: Path, kind: str) -> None:
    image = written.write(kind, tmp_path / "disk", None)
    with open(image, "r+b") as file:
        # The version of xfs; how many disks a btrfs lies on.
        file.seek(100 if kind == "xfs" else (64 << 10) + 0x88)
        file.write(b"\0\4" if kind == "xfs" else b"\2")
    with pytest.raises(GoldsmithError, match=r"the file system in .*disk cannot be read: it "):
        take(image)


def test_one_that_was_cut_off(path: Path) -> None:
    os.truncate(path, 4 << 20)
    with pytest.raises(GoldsmithError, match="is bigger than its place; the image is incomplete"):
        take(path, repair=True)


def test_what_cannot_be_mended(path: Path) -> None:
    with open(path, "r+b") as file:
        file.seek(1024 + 40)
        file.write(bytes(4))
    tool("sh", "-c", f"printf x | dd of={path} bs=1 seek=1114 conv=notrunc")
    with pytest.raises(GoldsmithError, match="cannot be repaired"):
        take(path, repair=True)


def test_how_areas_are_called(path: Path) -> None:
    disk = disk_areas.of_raw(Runner(), str(path))
    assert checked_filesystem.described(disk, disk.areas[0]) == str(path)
    assert checked_filesystem.described(disk, disk_areas.Area(3, ())) == f"partition 3 of {path}"
    assert checked_filesystem.described(disk, disk_areas.Area(3, (), "vg/root")) == f"volume vg/root of {path}"
