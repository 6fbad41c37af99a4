# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a guest in an image of any kind, with links that lead inside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import written
from helpers.disks import tool

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import ext_walker, volume_walker
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    (tree / "etc").mkdir(parents=True)
    (tree / "etc" / "line\nbreak").write_text("odd")
    (tree / "etc" / "link").symlink_to("/etc/line\nbreak")
    with open(tree / "big", "wb") as file:
        file.truncate(9 << 20)
        file.seek(8 << 20)
        file.write(b"end")
    return tree


@pytest.mark.parametrize("kind", written.KINDS)
def test_files_are_found_and_read(tmp_path: Path, tree: Path, kind: str) -> None:
    image = written.write(kind, tmp_path / "disk", tree, offset=4096)
    files = volume_walker.files_of(kind, str(image), 4096, "the disk")
    assert files.names("/etc") == ["line\nbreak", "link"]
    assert files.text("/etc/link") == "odd" and files.link("/etc/link") == "/etc/line\nbreak"
    assert {entry.path for entry in files.walk("/")} == {"/etc", "/etc/line\nbreak", "/etc/link", "/big"}
    files.copy_out("/big", str(tmp_path / "copy"), limit=10 << 20)
    assert (tmp_path / "copy").read_bytes() == (tree / "big").read_bytes()
    with pytest.raises(GoldsmithError, match="is too big to be read"):
        files.copy_out("/big", str(tmp_path / "copy"), limit=1 << 20)


def test_an_ext_has_its_own_walker(tmp_path: Path, tree: Path) -> None:
    tool("mke2fs", "-q", "-F", "-t", "ext4", "-d", tree, tmp_path / "disk", "16M")
    files = volume_walker.files_of("ext4", str(tmp_path / "disk"), 0, "the disk")
    assert isinstance(files, ext_walker.ImageFiles) and files.text("/etc/link") == "odd"


@pytest.mark.parametrize("kind", written.KINDS)
def test_damage_names_the_disk(tmp_path: Path, kind: str) -> None:
    (tmp_path / "none").write_bytes(bytes(1 << 20))
    with pytest.raises(GoldsmithError, match=f"the file system in the disk cannot be read: it is no {kind}"):
        volume_walker.files_of(kind, str(tmp_path / "none"), 0, "the disk")
