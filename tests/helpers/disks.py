# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small real disks and file systems, made and read by other means than the modules under test."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

MIB = 1 << 20
GRUB = Path("/usr/lib/grub")
UUID = "11111111-2222-3333-4444-555555555555"
LABEL = "cloudimg-rootfs"
GUID = "AAAAAAAA-BBBB-CCCC-DDDD-EEEEEEEEEEEE"
_FIXED = ("env", "E2FSPROGS_FAKE_TIME=1000000000", "SOURCE_DATE_EPOCH=1000000000")
_INODE = re.compile(r"^/(\d+)/(\d{6})/(\d+)/(\d+)/([^/]+)/(\d*)/$")
_STAT = re.compile(
    r"^ *mtime: (?P<mtime>0x[0-9a-f]+)|^Links: (?P<links>\d+)|^  (?P<name>\w+\.\S+ \(\d+\)(?: = .*)?)$"
    r"|^Fast link dest: (?P<dest>.*)$|^Device major/minor number: (?P<device>\S+)",
    re.MULTILINE,
)


def tool(*argv: str | os.PathLike[str], stdin: str | None = None) -> str:
    """Run a program, and return what it said."""
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"}
    result = subprocess.run(
        [os.fspath(word) for word in argv],
        input=stdin,
        capture_output=True,
        check=False,
        text=True,
        errors="surrogateescape",
        env=environment,
    )
    assert result.returncode == 0, f"{argv}: {result.stdout}{result.stderr}"
    return result.stdout


def unmount(folder: str | os.PathLike[str], disk: str | os.PathLike[str]) -> None:
    """Unmount a file system, and wait until it is: a namespace that another test has begun meanwhile may still have it.

    Until then the kernel has not written all of it to *disk*, the file below its loop device.
    """
    tool("umount", folder)
    end = time.monotonic() + 120
    # A device that mount has made for itself goes with the mount.
    while device := tool("losetup", "--associated", disk, "--noheadings", "--output", "NAME").strip():
        if not _is_mounted(device):
            return
        assert time.monotonic() < end, f"{device} is still mounted"
        time.sleep(0.2)


def _is_mounted(device: str) -> bool:
    """Whether any process sees a mount of it."""
    for path in Path("/proc").glob("[0-9]*/mounts"):
        with suppress(OSError):
            if f"{device} " in path.read_text():
                return True
    return False


def has_loop_device(path: Path, patience: float = 20) -> bool:
    """Whether a file below *path* keeps a loop device: one that is done with goes once nobody looks at it any more."""
    deadline = time.monotonic() + patience
    while str(path) in tool("losetup", "--list"):
        if time.monotonic() > deadline:
            return True
        time.sleep(0.1)
    return False


def put_grub(tree: Path) -> None:
    """Give a tree the modules of this host's GRUB, as packages would have put them there."""
    for platform in ("i386-pc", "x86_64-efi"):
        shutil.copytree(GRUB / platform, tree / "usr/lib/grub" / platform, ignore=shutil.ignore_patterns("grub-*"))


def make_filesystem(
    path: Path, tree: Path, *, size: int, fstype: str = "ext4", offset: int = 0, block: int = 4096
) -> None:
    """Make a file system of *size* bytes from a tree; *path* is made when it is not there."""
    with open(path, "ab") as file:
        file.truncate(max(os.path.getsize(path), offset + size))
    identity = ["-L", LABEL, "-U", UUID, "-m", "3", "-J", "size=4"]
    place = ["-b", str(block), "-E", f"offset={offset}"]
    tool("mke2fs", "-q", "-F", "-t", fstype, *identity, *place, "-d", tree, path, f"{size // 1024}k")


def make_repeatable(path: Path, tree: Path, *, size: int = 12 * MIB, block: int = 4096) -> Path:
    """Make an ext4 that is the same byte for byte when it is made again of the same tree; return its path."""
    identity = ["-U", UUID, "-E", f"hash_seed={UUID},root_owner=0:0", "-J", "size=1" if block == 1024 else "size=4"]
    path.unlink(missing_ok=True)
    tool(*_FIXED, "mke2fs", "-q", "-t", "ext4", "-b", str(block), *identity, "-d", tree, path, f"{size // 1024}k")
    # Those that the tree has from being made and read.
    last = 11 + len(list(tree.rglob("*")))
    times = [f"{name}{extra}" for name in ("atime", "ctime", "crtime") for extra in ("", "_extra")]
    debugfs(
        path,
        *(
            f"sif <{inode}> {name} {0 if name.endswith('_extra') else '@1000000000'}"
            for inode in (2, *range(11, last + 1))
            for name in times
        ),
    )
    return path


def debugfs(path: Path, *commands: str, offset: int = 0) -> None:
    """Change a file system, at no time."""
    tool(*_FIXED, "debugfs", "-w", "-f", "/dev/stdin", at(path, offset), stdin="\n".join(commands) + "\n")


def poke(path: Path, place: int, data: bytes) -> None:
    """Write bytes over those at a place of a file."""
    with open(path, "r+b") as file:
        file.seek(place)
        file.write(data)


def make_disk(path: Path, tree: Path, *, label: str, size: int) -> int:
    """Make a disk with boot code, something between, and a root partition that lies last; return its offset."""
    start = 3 * MIB
    with open(path, "wb") as file:
        file.truncate(size)
    table = f"label: {label}\n"
    if label == "gpt":
        table += f"label-id: {GUID}\n14 : start=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649\n"
        table += f"1 : start={start // 512}, type=L, uuid={UUID}, name=root\n"
    else:
        table += f"label-id: 0xcafe1234\n1 : start={start // 512}, type=83, bootable\n"
    tool("sfdisk", "-q", path, stdin=table)
    with open(path, "r+b") as file:
        file.write(b"\xeb\x63\x90boot code".ljust(440, b"b"))
        file.seek(MIB if label == "gpt" else 512)
        file.write(b"core image" * 1000)
    end = size - MIB if label == "gpt" else size
    make_filesystem(path, tree, size=(end - start) // 4096 * 4096, offset=start)
    return start


def at(path: Path, offset: int) -> str:
    """The file system at an offset, as e2fsprogs takes it."""
    return f"{path}?offset={offset}"


def snapshot(path: Path, offset: int = 0) -> dict[str, tuple[object, ...]]:
    """All that a file system says of each of its files, read by debugfs."""
    found: dict[str, tuple[object, ...]] = {}
    first_names: dict[str, str] = {}
    folders = [("", "2")]
    while folders:
        folder, number = folders.pop(0)
        for line in tool("debugfs", "-R", f"ls -p <{number}>", at(path, offset)).splitlines():
            match = _INODE.match(line)
            if not match or match[5] == ".." or (match[5] == "." and folder):
                continue
            inode, mode, uid, gid, name, size = match.groups()
            full = f"{folder}/{name}"
            if mode.startswith("04") and name != ".":
                folders.append((full, inode))
            stat = tool("debugfs", "-R", f"stat <{inode}>", at(path, offset))
            facts = [text for match in _STAT.finditer(stat) for text in match.groups() if text]
            content = ""
            if mode.startswith("10"):
                content = hashlib.sha256(
                    tool("debugfs", "-R", f"cat <{inode}>", at(path, offset)).encode("utf-8", "surrogateescape")
                ).hexdigest()
            elif mode.startswith("12") and "Fast link dest" not in stat:
                content = tool("debugfs", "-R", f"cat <{inode}>", at(path, offset))
            same_as = "" if mode.startswith("04") else first_names.setdefault(inode, full)
            found[full] = (mode, uid, gid, size if not mode.startswith("04") else "", same_as, content, *facts)
    return found
