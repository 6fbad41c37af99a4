# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the bytes of a file system are for, held against what e2fsprogs says."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from helpers.disks import MIB, make_repeatable, tool

from ansible_collections.goldsmith.openstack.plugins.module_utils._ext import ext_regions
from ansible_collections.goldsmith.openstack.plugins.module_utils._ext.ext_files import walk
from ansible_collections.goldsmith.openstack.plugins.module_utils._ext.ext_regions import RegionMap
from ansible_collections.goldsmith.openstack.plugins.module_utils._ext.inodes import Filesystem

SIZE = 40 * MIB


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "tree/folder").mkdir(parents=True)
    (tmp_path / "tree/folder/file").write_bytes(b"x" * 300_001)
    (tmp_path / "tree/link").symlink_to("t" * 100)
    return tmp_path / "tree"


def regions_of(path: Path) -> RegionMap:
    source = Filesystem(str(path))
    return RegionMap(source, walk(source))


@pytest.mark.parametrize("block", [1024, 4096])
def test_the_regions_are_those_that_dumpe2fs_names(tree: Path, tmp_path: Path, block: int) -> None:
    image = make_repeatable(tmp_path / "image", tree, size=SIZE, block=block)
    regions = regions_of(image)
    text = tool("dumpe2fs", image)
    expected = {
        "Primary superblock": ext_regions.SUPERBLOCK,
        "Backup superblock": ext_regions.COPIES,
        "Group descriptors": ext_regions.DESCRIPTORS,
        "Block bitmap": ext_regions.BITMAPS,
        "Inode bitmap": ext_regions.BITMAPS,
        "Inode table": ext_regions.INODES,
    }
    seen = set()
    for title, first, last in re.findall(r"([A-Z][a-z]+ [a-z]+) at (\d+)(?:-(\d+))?", text):
        name = expected[title]
        seen.add(title)
        for number in (int(first), int(last or first)):
            # The superblock is not at the beginning of its block where that is larger.
            place = 1024 if title == "Primary superblock" else number * block
            assert next(regions.cut(place, place + 1)).name == name
    assert seen >= set(expected) - ({"Backup superblock"} if block == 4096 else set())
    free = re.findall(r"^  Free blocks: (\d+)-(\d+)", text, re.MULTILINE)
    assert free
    for first, last in free:
        for number in (int(first), int(last)):
            assert next(regions.cut(number * block, number * block + 1)).name == ext_regions.FREE


def test_the_blocks_of_files(tree: Path, tmp_path: Path) -> None:
    image = make_repeatable(tmp_path / "image", tree)
    regions = regions_of(image)

    def at(command: str, within: int = 0) -> tuple[str, str]:
        place = int(tool("debugfs", "-R", command, image)) * 4096 + within
        region = next(regions.cut(place, place + 1))
        return region.name, region.path

    assert at("bmap /folder 0") == (ext_regions.FOLDERS, "/folder")
    assert at("bmap /folder/file 0") == (ext_regions.DATA, "/folder/file")
    last = 300_001 // 4096
    assert at(f"bmap /folder/file {last}") == (ext_regions.DATA, "/folder/file")
    assert at(f"bmap /folder/file {last}", 300_001 % 4096) == (ext_regions.ENDS, "/folder/file")
    assert at("bmap /link 0") == (ext_regions.DATA, "/link")
    assert at("bmap <8> 1") == (ext_regions.JOURNAL, "")


def test_cuts_cover_what_was_asked_for(tree: Path, tmp_path: Path) -> None:
    image = make_repeatable(tmp_path / "image", tree)
    regions = regions_of(image)
    cuts = list(regions.cut(500, 13 * MIB))
    assert cuts[0].start == 500 and cuts[-1].end == 13 * MIB
    assert all(one.end == other.start for one, other in itertools.pairwise(cuts))
    assert [cut.name for cut in cuts[:2]] == [ext_regions.BOOT, ext_regions.SUPERBLOCK]
    assert (cuts[-1].start, cuts[-1].name) == (12 * MIB, ext_regions.BEHIND)
