# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in an initramfs: cpio archives one after another, some of them compressed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import BinaryIO

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner, missing_program
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.scratch import scratch_folder

# How a compressed part begins, and what unpacks it.
_PACKERS = (
    (b"\x1f\x8b", "gzip"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x02\x21\x4c\x18", "lz4"),
    (b"\x04\x22\x4d\x18", "lz4"),
)
_CPIO = (b"070701", b"070702")
_HEADER = 110
_TRAILER = "TRAILER!!!"
# An initramfs may be foreign, and a few bytes of it unpack to as many as one likes.
UNPACKED_LIMIT = 1 << 30
_NAME_LIMIT = 4096
_CONTENT_LIMIT = 64 << 10
_SECONDS = 300
# $0 is the program, $1 and $2 input and output, $3 where the part begins, $4 the limit. A reader that has enough is
# no failure, and neither is what lies behind the part.
_UNPACK = 'tail -c "+$3" "$1" | "$0" -dc 2>/dev/null | head -c "$4" >"$2"'


def unpacked_size(path: str) -> int:
    """Return to how many bytes a file unpacks that is one stream of gzip, of less than 4 GiB."""
    with open(path, "rb") as file:
        if not file.read(2) == _PACKERS[0][0]:
            raise GoldsmithError(f"{path} is not packed by gzip")
        file.seek(-4, os.SEEK_END)
        return int.from_bytes(file.read(4), "little")


def names(runner: Runner, path: str) -> Iterator[str]:
    """Yield the names of all files; raise GoldsmithError where the file is no initramfs."""
    for name, _content in contents(runner, path, lambda name: False):
        yield name


def contents(runner: Runner, path: str, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Yield the names of all files, with the first bytes of those that are *wanted*; raise GoldsmithError as above."""
    with open(path, "rb") as file:
        here = yield from _archives(file, path, wanted)
        begin = file.read(6)
    if not begin:
        return
    with scratch_folder("initramfs") as folder:
        part = folder / "part"
        _unpack(runner, path, here, begin, str(part))
        with open(part, "rb") as file:
            yield from _archives(file, path, wanted)
            if file.read(1):
                raise GoldsmithError(f"{path} is no initramfs: what it unpacks to is no cpio archive")


def _unpack(runner: Runner, path: str, start: int, begin: bytes, output: str) -> None:
    program = next((program for magic, program in _PACKERS if begin.startswith(magic)), None)
    if program is None:
        raise GoldsmithError(f"{path} is no initramfs: byte {start} begins neither cpio nor a known compression")
    numbers = [str(start + 1), str(UNPACKED_LIMIT + 1)]
    if runner.run(["sh", "-c", 'command -v "$0"', program], check=False).rc != 0:
        raise missing_program(program)
    runner.run(["sh", "-c", _UNPACK, program, path, output, *numbers], timeout=_SECONDS)
    size = os.path.getsize(output)
    if not size:
        raise GoldsmithError(f"{path} is no initramfs: {program} unpacks nothing of it")
    if size > UNPACKED_LIMIT:
        raise GoldsmithError(f"{path} unpacks to more than {UNPACKED_LIMIT} bytes", hint="is it an initramfs?")


def _archives(file: BinaryIO, path: str, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Yield what is in the archives that lie here one after another; return where they end, and stay there."""
    end = os.fstat(file.fileno()).st_size
    while True:
        start = _skip_zeros(file)
        header = file.read(_HEADER)
        if header[:6] not in _CPIO:
            file.seek(start)
            return start
        try:
            size, length = int(header[54:62], 16), int(header[94:102], 16)
        except ValueError:
            size = length = 0
        name = file.read(length) if 0 < length <= _NAME_LIMIT else b""
        behind = _padded(_padded(start + _HEADER + length) + size)
        if not name or behind > _padded(end):
            raise GoldsmithError(f"{path} is no initramfs: the archive is damaged at byte {start}")
        text = name.rstrip(b"\0").decode("utf-8", "replace")
        file.seek(_padded(start + _HEADER + length))
        content = file.read(min(size, _CONTENT_LIMIT)) if wanted(text) else b""
        file.seek(min(behind, end))
        if text != _TRAILER:
            yield text, content


def _skip_zeros(file: BinaryIO) -> int:
    """Go to the next byte that is not zero, and return its place: archives are padded."""
    while block := file.read(65536):
        if stripped := block.lstrip(b"\0"):
            file.seek(-len(stripped), os.SEEK_CUR)
            break
    return file.tell()


def _padded(place: int) -> int:
    return place + -place % 4
