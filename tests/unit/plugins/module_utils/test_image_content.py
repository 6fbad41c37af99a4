# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import struct
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils import _image_content as content
from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import OptionError


def write(path: Path, *pieces: tuple[int, bytes], size: int = 8192) -> str:
    data = bytearray(size)
    for offset, piece in pieces:
        data[offset : offset + len(piece)] = piece
    path.write_bytes(data)
    return str(path)


def qcow2(path: Path, *, version: int = 3, backing: int = 0, features: int = 0) -> str:
    head = b"QFI\xfb" + struct.pack(">IQ", version, backing)
    return write(path, (0, head), (72, struct.pack(">Q", features)))


@pytest.mark.parametrize(
    ("offset", "magic", "disk_format", "file_system"),
    [
        (0, b"QFI\xfb", "qcow2", None),
        (0, b"conectix", "vhd", None),
        (8192 - 512, b"conectix", "vhd", None),
        (0, b"KDMV", "vmdk", None),
        (0, b"vhdxfile", "vhdx", None),
        (510, b"\x55\xaa", "raw", None),
        (0x438, b"\x53\xef", "raw", "ext"),
        (0, b"XFSB", "raw", "xfs"),
        (0, b"anything", None, None),
    ],
)
def test_a_format_is_told_by_its_mark(
    tmp_path: Path, offset: int, magic: bytes, disk_format: str | None, file_system: str | None
) -> None:
    path = write(tmp_path / "file", (offset, magic))
    assert content.disk_format_of(path) == disk_format
    assert content.file_system_of(path) == file_system


def test_a_short_file_has_no_mark(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    assert content.disk_format_of(str(tmp_path / "file")) is None


@pytest.mark.parametrize(("offset", "magic"), [(0x202, b"HdrS"), (0, b"\x7fELF"), (0x38, b"ARM\x64")])
def test_kernels_pass(tmp_path: Path, offset: int, magic: bytes) -> None:
    content.require_kernel(write(tmp_path / "kernel", (offset, magic)), "kernel")


def test_other_files_are_no_kernels(tmp_path: Path) -> None:
    path = write(tmp_path / "kernel", (0, b"MZ"))
    with pytest.raises(OptionError, match=rf"^kernel={path}: not a Linux kernel"):
        content.require_kernel(path, "kernel")


def test_a_disk_is_no_root_file_system(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="a whole disk or qcow2 image, but the root file system"):
        content.require_root_file_system(qcow2(tmp_path / "disk"), "image")
    content.require_root_file_system(write(tmp_path / "root", (0x438, b"\x53\xef")), "image")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"backing": 512}, "has a backing file"),
        ({"version": 2, "backing": 512}, "has a backing file"),
        ({"features": 4}, "data in another file"),
    ],
)
def test_a_qcow2_that_needs_another_file_is_refused(tmp_path: Path, options: dict, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        content.require_self_contained(qcow2(tmp_path / "disk", **options), "image")


def test_a_qcow2_of_its_own_passes(tmp_path: Path) -> None:
    content.require_self_contained(qcow2(tmp_path / "disk", features=1), "image")
    # In version 2 that field does not exist: the bytes there are others.
    content.require_self_contained(qcow2(tmp_path / "disk", version=2, features=4), "image")


def test_the_size_is_that_of_a_file_with_content(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert content.size_of(write(tmp_path / "file"), "image") == 8192
    with pytest.raises(OptionError, match="the file is empty"):
        content.size_of(str(tmp_path / "empty"), "image")
    with pytest.raises(OptionError, match=r"image=.*missing: No such file"):
        content.size_of(str(tmp_path / "missing"), "image")
    with pytest.raises(OptionError, match="directory"):
        content.size_of(str(tmp_path), "image")
