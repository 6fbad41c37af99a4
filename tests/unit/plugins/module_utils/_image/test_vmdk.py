# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a VMDK refers to beside itself, by its own bytes."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._image import vmdk

DATA = "the files with its data"
WHOLE = '# Disk DescriptorFile\nversion=1\nparentCID=ffffffff\ncreateType="{}"\nRW 20480 SPARSE "disk.vmdk"\n'


def image(path: Path, descriptor: str, *, capacity: int = 20480, place: int = 1, magic: bytes = b"KDMV") -> str:
    head = magic + struct.pack("<IIQQQQ", 1, 3, capacity, 128, place, 20)
    path.write_bytes(head.ljust(place * 512, b"\0") + descriptor.encode().ljust(20 * 512, b"\0") + bytes(20 * 512))
    return str(path)


@pytest.mark.parametrize("kind", vmdk.WHOLE)
def test_one_file(tmp_path: Path, kind: str) -> None:
    assert vmdk.other_file(image(tmp_path / "disk", WHOLE.format(kind))) is None


@pytest.mark.parametrize(
    ("descriptor", "more", "expected"),
    [
        (WHOLE.format("twoGbMaxExtentSparse"), {}, DATA),
        (WHOLE.format("monolithicFlat"), {}, DATA),
        # QEMU opens what the descriptor names.
        (WHOLE.format("monolithicSparse"), {"capacity": 0}, DATA),
        # A part of a disk has none.
        ("", {}, DATA),
        (WHOLE.format("monolithicSparse"), {"magic": b"COWD"}, DATA),
        (WHOLE.format("monolithicSparse") + 'parentFileNameHint="/etc/shadow"\n', {}, "a parent"),
        (WHOLE.format("monolithicSparse").replace("ffffffff", "fffffffe"), {}, "a parent"),
        # One descriptor for us, and another in the place where QEMU reads it
        (WHOLE.format("monolithicSparse"), {"place": 21}, None),
    ],
)
def test_what_needs_other_files(tmp_path: Path, descriptor: str, more: dict, expected: str | None) -> None:
    path = image(tmp_path / "disk", descriptor, **more)
    assert vmdk.other_file(path) == expected
    if more.get("place"):
        with open(path, "r+b") as file:
            file.seek(512)
            file.write(b'parentFileNameHint="/etc/shadow"\n')
        assert vmdk.other_file(path) == "a parent"


def test_what_is_cut_off(tmp_path: Path) -> None:
    (tmp_path / "disk").write_bytes(b"KDMV" + bytes(60))
    assert vmdk.other_file(str(tmp_path / "disk")) == DATA


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"# Disk DescriptorFile\nversion=1\n", True),
        (b"# a comment of a guest\n\n  \r\nversion = 3\n", True),
        (b'version=1\nRW 2048 FLAT "/etc/shadow" 0\n', True),
        (b"# only a comment\n", False),
        (b"\xeb\x63\x90" + bytes(600), False),
        (b"", False),
    ],
)
def test_a_descriptor_alone(tmp_path: Path, text: bytes, expected: bool) -> None:
    (tmp_path / "disk").write_bytes(text)
    assert vmdk.is_descriptor(str(tmp_path / "disk")) is expected
