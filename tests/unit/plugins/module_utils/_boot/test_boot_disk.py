# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused as a disk or a root file system. The real ones: tests/integration/test_image_boot.py."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from helpers import written

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot import boot_disk
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner


def qcow2_with_backing_file(path: Path) -> Path:
    name = b"/etc/passwd"
    header = struct.pack(">4sIQIIQIIQQIIQQQQII", b"QFI\xfb", 3, 112, len(name), 16, 1 << 30, *([0] * 10), 4, 104)
    path.write_bytes(header.ljust(112, b"\0") + name)
    return path


def test_backing_file_is_refused_before_anything_opens_it(tmp_path: Path) -> None:
    image = qcow2_with_backing_file(tmp_path / "evil.qcow2")
    with pytest.raises(OptionError, match=r"^image=.*evil\.qcow2: .*backing file"):
        boot_disk.require_bootable(Runner(), str(image), is_disk=True)


def test_disk_in_place_of_a_root_file_system(tmp_path: Path) -> None:
    image = qcow2_with_backing_file(tmp_path / "disk.qcow2")
    with pytest.raises(
        OptionError, match="no ext, xfs or btrfs file system; with kernel and ramdisk, image is a bare root"
    ):
        boot_disk.require_bootable(Runner(), str(image), is_disk=False)
    with pytest.raises(OptionError, match="no ext, xfs or btrfs file system"):
        boot_disk.grown_copy(Runner(), str(image), 1 << 30, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["disk.qcow2"]


@pytest.mark.parametrize("kind", written.KINDS)
def test_what_grows_while_it_is_mounted_gets_a_larger_disk_only(tmp_path: Path, kind: str) -> None:
    image = written.write(kind, tmp_path / "root", None)
    (tmp_path / "folder").mkdir()
    disk = boot_disk.grown_copy(Runner(), str(image), 1 << 30, tmp_path / "folder")
    with open(disk.path, "rb") as copy, open(image, "rb") as source:
        assert copy.read(image.stat().st_size) == source.read()
    assert (disk.size, Path(disk.path).stat().st_size) == (1 << 30, 1 << 30)


def test_copy_that_does_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = tmp_path / "root.ext4"
    raw = bytearray(65536)
    raw[1080:1082] = b"\x53\xef"
    image.write_bytes(raw)
    monkeypatch.setattr(boot_disk.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 10})())
    with pytest.raises(GoldsmithError, match=r"has 10 B; set TMPDIR to a larger file system"):
        boot_disk.grown_copy(Runner(), str(image), 1 << 30, tmp_path)
    assert not (tmp_path / "root.raw").exists()
