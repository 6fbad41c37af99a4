# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Headers of qcow2 images, good and hostile. Those of qemu-img: tests/integration/test_nova_image_cache.py."""

from __future__ import annotations

import os
import socket
import struct
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._image.qcow2 import BadHeader, backing_name


def header(name: str = "", *, version: int = 3, offset: int | None = None, length: int | None = None) -> bytes:
    text = name.encode()
    where = 104 if text else 0
    words = (b"QFI\xfb", version, where if offset is None else offset, len(text) if length is None else length)
    return struct.pack(">4sIQI", *words).ljust(104, b"\0") + text


def named(path: Path, content: bytes) -> str | None:
    path.write_bytes(content)
    return backing_name(str(path))


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("/var/lib/nova/instances/_base/0123", "/var/lib/nova/instances/_base/0123"),
        ("file:/b/0123", "/b/0123"),
        ('json:{"driver":"qcow2","file":{"driver":"file","filename":"/b/1"}}', "/b/1"),
        ('json:{"file.filename":"/b/1"}', "/b/1"),
        ('json:{"driver":"raw","file":{"driver":"raw","file":{"filename":"/b/1"}}}', "/b/1"),
        ("nbd://host/export", "nbd://host/export"),
    ],
)
@pytest.mark.parametrize("version", [2, 3])
def test_the_name(tmp_path: Path, name: str, version: int, result: str) -> None:
    assert named(tmp_path / "disk", header(name, version=version)) == result


@pytest.mark.parametrize("content", [b"", b"QFI", bytes(1 << 16), b"conectix", header(), b"\xfbIFQ" * 30])
def test_without_a_backing_file(tmp_path: Path, content: bytes) -> None:
    assert named(tmp_path / "disk", content) is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"QFI\xfb\0\0", "cut off"),
        (header("x", version=99), "version 99"),
        (header("x", length=0), "does not lie in"),
        (header("x", length=1024), "does not lie in"),
        (header("x", length=2), "does not lie in"),
        (header("x", offset=(1 << 64) - 1), "does not lie in"),
        (header("x", offset=1 << 63), "does not lie in"),
        (header("json:{"), "cannot be understood"),
        (header('json:{"file":{"driver":"null-co"}}'), "cannot be understood"),
        (header("json:" + "[" * 1000), "cannot be understood"),
        (header("json:[1]"), "cannot be understood"),
    ],
)
def test_broken_headers(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(BadHeader, match=message):
        named(tmp_path / "disk", content)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    assert named(tmp_path / "disk", header("abc").replace(b"abc", b"a\xffc")) == "a\ufffdc"


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        for path in (tmp_path, tmp_path / "fifo", tmp_path / "socket", Path("/dev/null")):
            assert backing_name(str(path)) is None
    with pytest.raises(FileNotFoundError):
        backing_name(str(tmp_path / "none"))


def test_a_file_of_many_bytes_is_not_read(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(header("/b/1"))
    os.truncate(disk, 1 << 40)
    assert backing_name(str(disk)) == "/b/1"
