# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import recognition as content


def write(path: Path, *pieces: tuple[int, bytes], size: int = 1 << 17) -> str:
    data = bytearray(size)
    for offset, piece in pieces:
        data[offset : offset + len(piece)] = piece
    path.write_bytes(data)
    return str(path)


def qcow2(path: Path, *, version: int = 3, backing: int = 0, features: int = 0) -> str:
    head = b"QFI\xfb" + struct.pack(">IQ", version, backing)
    return write(path, (0, head), (72, struct.pack(">Q", features)))


@pytest.mark.parametrize(
    ("offset", "magic", "disk_format", "kind"),
    [
        (0, b"QFI\xfb", "qcow2", "qcow2"),
        (0, b"conectix", "vhd", "vhd"),
        ((1 << 17) - 512, b"conectix", "vhd", "vhd"),
        (0, b"KDMV", "vmdk", "vmdk"),
        (0, b"COWD", "vmdk", "vmdk"),
        (0, b"vhdxfile", "vhdx", "vhdx"),
        (510, b"\x55\xaa", "raw", "disk"),
        (0x438, b"\x53\xef", "raw", "ext"),
        (0, b"XFSB", "raw", "xfs"),
        (0x10040, b"_BHRfS_M", "raw", "btrfs"),
        (0x400, b"\x10\x20\xf5\xf2", "raw", "f2fs"),
        (0, b"LUKS\xba\xbe", "raw", "luks"),
        (3, b"-FVE-FS-", "raw", "bitlocker"),
        (512, b"LABELONE", "raw", "lvm"),
        (0, b"anything", None, None),
    ],
)
def test_a_format_is_told_by_its_mark(
    tmp_path: Path, offset: int, magic: bytes, disk_format: str | None, kind: str | None
) -> None:
    path = write(tmp_path / "file", (offset, magic))
    assert content.disk_format_of(path) == disk_format
    assert content.kind_of_file(path) == kind


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
    with pytest.raises(OptionError, match="a qcow2 image, but the root file system"):
        content.require_root_file_system(qcow2(tmp_path / "disk"), "image")
    content.require_root_file_system(write(tmp_path / "root", (0x438, b"\x53\xef")), "image")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"backing": 512}, "refers to a backing file"),
        ({"version": 2, "backing": 512}, "refers to a backing file"),
        ({"features": 4}, "refers to an external data file"),
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
    assert content.size_of(write(tmp_path / "file"), "image") == 1 << 17
    with pytest.raises(OptionError, match="the file is empty"):
        content.size_of(str(tmp_path / "empty"), "image")
    with pytest.raises(OptionError, match=r"image=.*missing: No such file"):
        content.size_of(str(tmp_path / "missing"), "image")
    with pytest.raises(OptionError, match="directory"):
        content.size_of(str(tmp_path), "image")


def test_a_container_is_no_raw_image(tmp_path: Path) -> None:
    content.require_raw(write(tmp_path / "raw", (510, b"\x55\xaa")), "image")
    content.require_raw(str(tmp_path / "missing"), "image")
    with pytest.raises(OptionError, match=r"image=.*disk: is a qcow2 image; convert it with disk_convert format=raw"):
        content.require_raw(qcow2(tmp_path / "disk"), "image")


def test_a_part_of_a_file(tmp_path: Path) -> None:
    path = write(tmp_path / "disk", (510, b"\x55\xaa"), (4096, b"XFSB"))
    assert (content.kind_of_file(path), content.kind_of_file(path, 4096)) == ("disk", "xfs")


def test_an_image_that_a_machine_writes_to(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(bytes(1024))
    content.require_unused(str(path))
    # A process of its own: one's own locks are never in one's way.
    hold = (
        "import fcntl, sys; file = open(sys.argv[1], 'rb'); fcntl.lockf(file, fcntl.LOCK_SH, 2, int(sys.argv[2])); "
        "print(1, flush=True); sys.stdin.read()"
    )
    for byte, refused in ((100, True), (102, False)):
        # Who writes to it asks for more: that nobody reads it either.
        words = [sys.executable, "-c", hold, str(path), str(byte)]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            assert holder.stdout
            assert holder.stdout.readline()
            if refused:
                with pytest.raises(GoldsmithError, match="disk is in use by a running machine; shut it down"):
                    content.require_unused(str(path))
            else:
                content.require_unused(str(path))
            with pytest.raises(GoldsmithError, match="disk is in use by a running machine; shut it down"):
                content.require_unused(str(path), to_write=True)
    content.require_unused(str(path), to_write=True)
    with pytest.raises(GoldsmithError, match=r"^cannot open .*none: No such file"):
        content.require_unused(str(tmp_path / "none"))


def test_the_disk_that_a_guest_sees(tmp_path: Path) -> None:
    size = 3 << 20
    for name, options in (("raw", []), ("qcow2", []), ("vpc", ["-o", "force_size=on"])):
        path = tmp_path / name
        subprocess.run(["qemu-img", "create", "-q", "-f", name, *options, path, str(size)], check=True)
        assert content.virtual_size(str(path)) == size
