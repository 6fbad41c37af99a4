# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""cpio archives as the kernel unpacks them, from what a test has in hand."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

TRAILER = "TRAILER!!!"
FILE, PROGRAM, FOLDER, CONSOLE = 0o100644, 0o100755, 0o040755, 0o020600


class Archive:
    """A newc archive that grows; close() ends it. Another one may follow in the same file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._count = 0

    def add(self, name: str, content: bytes = b"", mode: int = FILE, device: tuple[int, int] = (0, 0)) -> None:
        """Add a file, a folder, a link (its content is where it points to) or a device."""
        self._count += 1
        encoded = name.encode("utf-8", "surrogateescape") + b"\0"
        fields = (self._count, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(encoded), 0)
        header = b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
        self._file.write(header + bytes(-len(header) % 4) + content + bytes(-len(content) % 4))

    def add_tree(self, tree: Path, wanted: Callable[[str], bool] = lambda name: True) -> None:
        """Add what is in a folder, without that of which *wanted* says no, and what is below it."""
        for folder, folders, files in os.walk(tree):
            folders.sort()
            for name in [*folders, *sorted(files)]:
                path = Path(folder, name)
                relative = str(path.relative_to(tree))
                mode = path.lstat().st_mode
                if not wanted(relative):
                    if name in folders:
                        folders.remove(name)
                elif stat.S_ISLNK(mode):
                    self.add(relative, os.readlink(path).encode(), mode)
                elif stat.S_ISREG(mode):
                    self.add(relative, path.read_bytes(), mode)
                elif stat.S_ISDIR(mode):
                    self.add(relative, mode=mode)

    def close(self) -> None:
        """End the archive."""
        self.add(TRAILER, mode=0)


def write_archive(file: BinaryIO, entries: Iterable[tuple[str, bytes]]) -> None:
    """Write files by name and content as a whole archive."""
    archive = Archive(file)
    for name, content in entries:
        archive.add(name, content)
    archive.close()


def read_archive(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the names in an archive, without a leading dot, and the contents."""
    place = 0
    while True:
        assert data[place : place + 6] in (b"070701", b"070702"), f"no cpio header at byte {place}"
        size, length = (int(data[place + field : place + field + 8], 16) for field in (54, 94))
        name = data[place + 110 : place + 110 + length - 1].decode("utf-8", "surrogateescape")
        content = (place + 110 + length + 3) & ~3
        if name == TRAILER:
            return
        yield name.removeprefix("./"), data[content : content + size]
        place = (content + size + 3) & ~3
