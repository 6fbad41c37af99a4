# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two file systems compared file by file; pairs with one difference each are an integration test."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from helpers.disks import debugfs, make_repeatable, poke

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit import compare_ext
from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.differences import Differences
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.unlike import FileRow


@pytest.fixture
def image(tmp_path: Path) -> Path:
    (tmp_path / "tree/folder").mkdir(parents=True)
    for name in ("file", "folder/one", "folder/other"):
        (tmp_path / "tree" / name).write_text(name)
    return make_repeatable(tmp_path / "image", tmp_path / "tree")


def differences(one: Path, other: Path) -> list[str]:
    found = Differences(100)
    places = [(str(path), 0) for path in (one, other)]
    compare_ext.compare(found, "part", *places, (FileRow(str(one)), FileRow(str(other))))
    return found.lines()


def changed(image: Path, *commands: str) -> list[str]:
    other = image.with_name("other")
    shutil.copyfile(image, other)
    debugfs(other, *commands)
    return differences(image, other)


def test_no_difference(image: Path) -> None:
    assert differences(image, image) == []


def test_several_differences_come_in_the_order_of_the_paths(image: Path) -> None:
    assert changed(image, "sif /folder/one mode 0100400", "sif /file uid 7", "mknod null c 1 3") == [
        f"part: /file: owner: {os.getuid()} / 7",
        "part: /folder/one: mode: 0644 / 0400",
        "part: /null: missing: nothing / character device",
    ]


def test_devices(image: Path) -> None:
    debugfs(image, "mknod device c 1 3")
    found = changed(image, "rm /device", "mknod device c 1 5")
    assert found == ["part: /device: device: 1:3 / 1:5"]


def test_a_hard_link(image: Path) -> None:
    found = changed(image, "ln /file /again", "sif /file links_count 2")
    assert found == ["part: /again: missing: nothing / file", "part: /file: hard links: 1 / 2"]


def test_what_is_below_a_missing_folder_is_counted(image: Path) -> None:
    commands = ["rm /folder/one", "rm /folder/other", "rmdir /folder"]
    assert changed(image, *commands) == ["part: /folder: missing: folder with 2 below it / nothing"]


def test_values_of_attributes(image: Path) -> None:
    debugfs(image, "ea_set /file security.label text")
    assert changed(image, "ea_set /file security.label other") == [
        "part: /file: attribute security.label: text / other"
    ]


@pytest.mark.parametrize(
    ("raw", "shown"),
    [(b"text\0", "text"), (b"\1\2", "0x0102"), (b"a" * 200, "a" * 128 + "... (200 bytes)"), (b"", "")],
)
def test_a_value_is_shown_as_text_where_it_is_one(raw: bytes, shown: str) -> None:
    assert compare_ext._value(raw) == shown


def test_regions_are_named_only_where_all_files_are_the_same(image: Path) -> None:
    other = image.with_name("other")
    shutil.copyfile(image, other)
    poke(other, 0, b"boot")
    assert differences(image, other) == ["part: boot block: bytes (4 bytes differ, the first is byte 0)"]
    debugfs(other, "sif /file mode 0100400")
    assert differences(image, other) == ["part: /file: mode: 0644 / 0400"]


def test_a_damaged_superblock(image: Path) -> None:
    other = image.with_name("other")
    shutil.copyfile(image, other)
    poke(other, 1024 + 32, bytes(4))
    assert differences(image, other) == [
        "part: its files cannot be read: in that of other: its superblock is damaged",
        "part: bytes (1 byte differs, it is byte 1057)",
    ]
