# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines of QEMU that do nothing, and the processes of those that run."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SECTOR = 512
# A boot sector that halts: a machine that does nothing, for ever, and takes no processor for it.
HANG = b"\xfa\xf4\xeb\xfd".ljust(SECTOR - 2, b"\0") + b"\x55\xaa"


def make_disk(path: Path, boot_sector: bytes = b"") -> Path:
    """Make a disk of 1 MiB; without a boot sector the firmware finds no system on it."""
    path.write_bytes(boot_sector)
    os.truncate(path, 1 << 20)
    return path


def qemu_processes(folder: Path) -> list[int]:
    """The processes that have something below a folder in their command line."""
    return [pid for pid, _words in _command_lines(folder)]


def machines(folder: Path) -> int:
    """How many machines run below a folder: each has its own folder there, which its processes name."""
    return sum(b"-machine" in words for _pid, words in _command_lines(folder))


def _command_lines(folder: Path) -> Iterator[tuple[int, list[bytes]]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with suppress(OSError):  # it has ended meanwhile
                words = (entry / "cmdline").read_bytes()
                if os.fsencode(folder) + b"/" in words:
                    yield int(entry.name), words.split(b"\0")


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder with a short name, for sockets. No machine may run below it at the end."""
    folder = Path(tempfile.mkdtemp(prefix="gs-"))
    try:
        yield folder
        assert not qemu_processes(folder)
    finally:
        shutil.rmtree(folder)


def left_below(folder: Path) -> list[Path]:
    """What boots have left in the folder that TMPDIR names."""
    return [path for base in folder.iterdir() for path in base.iterdir()]
