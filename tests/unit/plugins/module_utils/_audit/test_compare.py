# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two images compared; images of each kind are an integration test."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.disks import MIB, make_repeatable, poke, tool

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.compare import Comparison, compare
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))


def compared(one: Path, other: Path, limit: int = 100) -> Comparison:
    return compare(Runner(), str(one), str(other), limit)


def files(folder: Path, one: bytes, other: bytes) -> tuple[Path, Path]:
    (folder / "one").write_bytes(one)
    (folder / "other").write_bytes(other)
    return folder / "one", folder / "other"


def test_the_same_file(tmp_path: Path) -> None:
    found = compared(*files(tmp_path, b"text", b"text"))
    assert (found.identical, found.same_content, found.differences) == (True, True, [])
    assert found.summary == ["The two are identical."]
    assert found.one == {"path": f"{tmp_path}/one", "size": 4, "format": "raw", "virtual_size": 4}


def test_other_files_are_compared_by_their_bytes(tmp_path: Path) -> None:
    found = compared(*files(tmp_path, b"some text", b"same text!"))
    assert (found.identical, found.same_content) == (False, False)
    assert found.summary == [
        "image: virtual size: 9 / 10",
        "image: size: 9 / 10",
        "image: bytes (2 bytes differ, the first is byte 1)",
        "content: bytes (1 byte differs, it is byte 1)",
        "content: size: 9 bytes / 10 bytes",
    ]


def test_files_of_different_kinds(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    image = make_repeatable(tmp_path / "image", tmp_path / "tree")
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(12 * MIB))
    tool("sfdisk", "-q", disk, stdin="label: dos\nstart=2048\n")
    found = compared(image, disk)
    assert found.summary[-1] == "image: kind of content: file system / disk"


def test_partitions_that_only_one_has_and_what_they_hold(tmp_path: Path) -> None:
    for name, script in (("one", "start=2048, size=2048\n"), ("other", "start=2048, size=2048\nsize=2048\n")):
        (tmp_path / name).write_bytes(bytes(4 * MIB))
        tool("sfdisk", "-q", tmp_path / name, stdin=f"label: dos\nlabel-id: 0x1\n{script}")
    poke(tmp_path / "other", MIB, b"XFSB")
    found = compared(tmp_path / "one", tmp_path / "other").summary
    assert "partition 2: missing: nothing / 1048576 bytes" in found
    assert "partition table: start of partition 2: nothing / 2097152" in found
    assert "partition 1: it holds: something unknown / xfs" in found
    assert "partition 1: bytes (4 bytes differ, the first is byte 0)" in found


def test_a_limit_that_shows_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="limit=0"):
        compared(*files(tmp_path, b"1", b"2"), limit=0)


def test_what_is_no_image_is_named_with_its_option(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=f"path={tmp_path}/none"):
        compared(tmp_path / "none", tmp_path / "none")
    (tmp_path / "one").write_text("text")
    with pytest.raises(OptionError, match=f"other={tmp_path}:"):
        compared(tmp_path / "one", tmp_path)
