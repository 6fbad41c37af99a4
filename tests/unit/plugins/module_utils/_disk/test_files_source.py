# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in place of a disk, and what is refused before any file is written."""

from __future__ import annotations

import gzip
import os
import tarfile
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import files_source
from ansible_collections.goldsmith.openstack.plugins.module_utils._disk.lay_tree import Outputs, Request
from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """A system with its swap and its file systems."""
    folder = tmp_path / "system"
    for name in ("boot", "etc", "home/me", "srv"):
        (folder / name).mkdir(parents=True)
    lines = [
        "UUID=1 / xfs",
        "UUID=2 /home ext4",
        "UUID=3 /srv ext4",
        "UUID=4 /boot/efi vfat",
        "UUID=5 /more ext4 nofail",
    ]
    lines += ["/swap.img none swap", "nas:/x /mnt nfs"]
    (folder / "etc/fstab").write_text("".join(f"{line}\n" for line in lines))
    (folder / "swap.img").write_text("secret")
    return folder


def source(path: Path, kind: str, scratch: Path) -> files_source.FilesSource:
    return files_source.FilesSource(Runner(), str(path), kind, scratch, Request())


def packed(system: Path, path: Path) -> Path:
    with tarfile.open(path, "w") as archive:
        archive.add(system, ".")
    return path


def test_what_it_is(system: Path, tmp_path: Path) -> None:
    tar = packed(system, tmp_path / "tar")
    (tmp_path / "tar.gz").write_bytes(gzip.compress(tar.read_bytes()))
    (tmp_path / "disk").write_bytes(bytes(1 << 20))
    kinds = [files_source.kind_of(str(tmp_path / name)) for name in ("system", "tar", "tar.gz", "disk", "none")]
    assert kinds == ["folder", "tar", "tar", None, None]


@pytest.mark.parametrize("kind", ["folder", "tar"])
def test_what_its_fstab_asks_for(system: Path, tmp_path: Path, kind: str) -> None:
    path = system if kind == "folder" else packed(system, tmp_path / "tar")
    todo = source(path, kind, tmp_path).plan()
    assert [line.mountpoint for line in todo.merged] == ["/home"]
    left = {(one.line.mountpoint, one.reason): one.gone for one in todo.left_out}
    assert left == {
        ("none", "a swap file: what was in memory"): True,
        ("/srv", "its files are not there"): True,
        ("/boot/efi", "vfat, made anew where it is needed"): True,
    }
    assert todo.unwanted == ("/swap.img",)


def test_a_file_system_that_it_needs_is_not_there(system: Path, tmp_path: Path) -> None:
    (system / "etc/fstab").write_text("UUID=1 / ext4\nUUID=2 /boot ext4\n")
    with pytest.raises(GoldsmithError, match="/boot is mounted from UUID=2, and its files are not in "):
        source(system, "folder", tmp_path).plan()


def test_a_folder_around_the_system(system: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="holds no /etc at its top; make it of the root of a system"):
        source(tmp_path, "folder", tmp_path).plan()


def test_a_change_is_seen(system: Path, tmp_path: Path) -> None:
    before = source(system, "folder", tmp_path).identity()
    assert source(system, "folder", tmp_path).identity() == before
    (system / "etc/new").write_text("")
    assert source(system, "folder", tmp_path).identity() != before


def test_files_of_others_are_refused_to_an_ordinary_user(
    system: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    monkeypatch.setattr(namespaces, "own_ids", lambda: [range(4711, 4712)])
    found = source(system, "folder", tmp_path)
    if found.warnings():
        pytest.fail("not all files are the user's")
    with pytest.raises(OptionError, match=r"has 'boot', which belongs to uid \d+, beyond those of this account"):
        found.write(found.plan(), str(tmp_path / "out"))


@pytest.mark.parametrize("place", ["system/tree", "."])
def test_the_tree_lies_elsewhere(system: Path, tmp_path: Path, place: str) -> None:
    outputs = Outputs(None, None, None, str(tmp_path / place))
    with pytest.raises(OptionError, match="lies in the folder src, or around it"):
        files_source.extract(Runner(), str(system), "folder", outputs, Request(), check_mode=True)


def test_what_is_compressed_and_no_tar(tmp_path: Path) -> None:
    (tmp_path / "disk.gz").write_bytes(gzip.compress(bytes(1 << 20)))
    with pytest.raises(OptionError, match="is compressed by gzip, and no tar; give it unpacked"):
        source(tmp_path / "disk.gz", "tar", tmp_path).plan()
