# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ext2, ext3 and ext4 file systems at an offset of a file, by e2fsprogs and without a mount."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import ProgramError, Result, Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.scratch import scratch_folder
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import GIB, KIB, MIB, align_up

BLOCK = 4 * KIB
BYTES_PER_INODE = 16 * KIB
INODE = 256
_MAGIC = 0xEF53
# The smallest journal has 1024 blocks, and takes up half of a file system at most.
_SMALLEST = 10 * MIB

# Named in full, so that the build host's mke2fs.conf does not change the image, and old guests can read it.
FEATURES = {
    "ext3": "none,has_journal,ext_attr,resize_inode,dir_index,filetype,sparse_super,large_file",
    "ext4": (
        "none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,"
        "huge_file,dir_nlink,extra_isize,metadata_csum"
    ),
}


@dataclass(frozen=True)
class Superblock:
    """What the superblock says; sizes in bytes."""

    size: int
    free: int
    block_size: int
    inodes: int
    free_inodes: int
    uuid: str
    label: str
    clean: bool
    fstype: str


def target(path: str, offset: int) -> str:
    """Return a file system at an offset as debugfs and e2fsck take it."""
    return f"{host_path(path)}?offset={offset}" if offset else host_path(path)


def read_superblock(path: str, offset: int = 0) -> Superblock | None:
    """Return the superblock at an offset, or None where there is no ext file system."""
    with open(path, "rb") as file:
        file.seek(offset + 1024)
        return parse_superblock(file.read(1024))


def parse_superblock(raw: bytes) -> Superblock | None:
    """Return what the 1024 bytes of a superblock say, or None where they are none."""
    if len(raw) < 1024 or struct.unpack_from("<H", raw, 56)[0] != _MAGIC:
        return None
    inodes, blocks, _reserved, free, free_inodes = struct.unpack_from("<IIIII", raw, 0)
    log_block = struct.unpack_from("<I", raw, 24)[0]
    state = struct.unpack_from("<H", raw, 58)[0]
    compat, incompat, ro_compat = struct.unpack_from("<III", raw, 92)
    if incompat & 0x80:  # 64bit: the upper halves of the counters count
        blocks |= struct.unpack_from("<I", raw, 0x150)[0] << 32
        free |= struct.unpack_from("<I", raw, 0x158)[0] << 32
    block_size = 1024 << min(log_block, 16)
    uuid = raw[104:120].hex()
    if incompat & 0x40 or ro_compat & 0x78:
        fstype = "ext4"
    else:
        fstype = "ext3" if compat & 0x4 else "ext2"
    return Superblock(
        size=blocks * block_size,
        free=free * block_size,
        block_size=block_size,
        inodes=inodes,
        free_inodes=free_inodes,
        uuid=f"{uuid[:8]}-{uuid[8:12]}-{uuid[12:16]}-{uuid[16:20]}-{uuid[20:]}",
        label=raw[120:136].split(b"\0")[0].decode("utf-8", "surrogateescape"),
        # Valid, no errors, and no journal that waits for recovery.
        clean=state & 3 == 1 and not incompat & 0x4,
        fstype=fstype,
    )


def journal_size(size: int) -> int:
    """Return the journal's size in bytes: what mke2fs gives to 4 to 16 GiB, which the file system will grow to."""
    if size < 128 * MIB:
        return 4 * MIB
    return 128 * MIB if size > 16 * GIB else 64 * MIB


def make(
    runner: Runner,
    path: str,
    *,
    fstype: str,
    size: int,
    label: str,
    uuid: str,
    offset: int = 0,
    tree: str | None = None,
    new_ids: bool = False,
    prefix: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> None:
    """Make a file system of *size* bytes at *offset*, filled from *tree*. With *new_ids* its uuid can be changed.

    *prefix* enters the namespaces in which the owners of the tree's files are right. Raises GoldsmithError when the
    tree does not fit.
    """
    # The sums depend on the first uuid, so that a change of it is one of the superblock alone.
    features = f"{FEATURES[fstype]},metadata_csum_seed" if new_ids else FEATURES[fstype]
    argv = [*prefix, "mke2fs", "-q", "-F", "-t", fstype, "-O", features]
    argv += ["-b", str(BLOCK), "-I", str(INODE), "-i", str(BYTES_PER_INODE), "-m", "1", "-L", label, "-U", uuid]
    argv += ["-J", f"size={journal_size(size) // MIB}", "-e", "remount-ro"]
    extended = [f"hash_seed={uuid}", "root_owner=0:0", "lazy_itable_init=1", "lazy_journal_init=1", "nodiscard"]
    argv += ["-E", ",".join([f"offset={offset}", *extended])]
    if tree:
        argv += ["-d", tree]
    try:
        runner.run([*argv, host_path(path), f"{size // KIB}k"], environment=environment)
    except ProgramError as error:
        if "Could not allocate" in error.result.stderr or "No free space" in error.result.stderr:
            raise GoldsmithError(f"the tree {tree} does not fit into a file system of {size} bytes") from None
        if "too small for a journal" in error.result.stderr or "journal size too big" in error.result.stderr:
            raise GoldsmithError(
                f"{size} bytes are too small for {fstype}", hint=f"give it {_SMALLEST} or more"
            ) from None
        raise


def needed_size(data: int, files: int, free: float) -> int:
    """Return the bytes of a file system that holds *data* bytes in *files* inodes with a share *free* left free."""
    size = data
    for _round in range(4):
        inode_tables = max(size // BYTES_PER_INODE, files) * INODE
        # Bitmaps, descriptors (with room to grow), the root and lost+found folders.
        metadata = size // 1000 + 2 * MIB
        size = align_up(int((data + inode_tables + metadata + journal_size(size)) / (1 - free)), MIB)
    # One inode for every 16 KiB: a tree of many small files needs more room for that alone.
    return max(size, align_up((files + 64) * BYTES_PER_INODE, MIB), _SMALLEST)


def edit(runner: Runner, path: str, commands: Iterable[str], *, offset: int = 0, environment=None) -> Result:
    """Run debugfs commands that change the file system; raise GoldsmithError when one of them fails."""
    script = "".join(f"{command}\n" for command in commands)
    result = runner.run(
        ["debugfs", "-w", "-f", "/dev/stdin", target(path, offset)], stdin=script, environment=environment
    )
    # debugfs exits with 0 whatever its commands did; each command is echoed with a prompt, errors are not.
    errors = [line for line in result.stderr.splitlines() if line and not line.startswith("debugfs ")]
    if errors:
        raise GoldsmithError(f"debugfs on {path}: {errors[0]}")
    return result


def put_files(
    runner: Runner,
    path: str,
    files: Mapping[str, str],
    *,
    exists: Callable[[str], bool],
    folders: Sequence[str] = (),
    offset: int = 0,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Put host files into the file system as root's, mode 0644, in place of what is there.

    *files* maps names inside to host paths; *folders* are made before, outer ones first. *exists* tells what is there.
    """
    commands = [f'mkdir "{folder}"' for folder in folders if not exists(folder)]
    for name, source in files.items():
        if exists(name):
            commands.append(f'rm "{name}"')
        commands.append(f'write "{host_path(source)}" "{host_path(name)}"')
        commands += [f'sif "{name}" {field}' for field in ("mode 0100644", "uid 0", "gid 0")]
    edit(runner, path, commands, offset=offset, environment=environment)


def put_attributes(
    runner: Runner,
    path: str,
    values: Mapping[str, bytes],
    name: str,
    *,
    offset: int = 0,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Give files inside an extended attribute; *values* are those of the attribute *name*, by the paths inside."""
    with scratch_folder("image") as folder:
        commands = []
        for number, (inside, value) in enumerate(values.items()):
            source = folder / str(number)
            source.write_bytes(value)
            commands.append(f'ea_set -f "{host_path(source)}" "{host_path(inside)}" {name}')
        edit(runner, path, commands, offset=offset, environment=environment)


def fix_times(runner: Runner, path: str, epoch: int, *, offset: int = 0, environment=None) -> None:
    """Set the times that a tree does not determine (change, access, creation) of every inode in use to *epoch*."""
    block = read_superblock(path, offset)
    if block is None:
        raise GoldsmithError(f"{path} has no ext file system at byte {offset}")
    last = block.inodes - block.free_inodes
    fields = ("ctime", "atime", "crtime", "ctime_extra", "atime_extra", "crtime_extra")
    values = (f"@{epoch}", f"@{epoch}", f"@{epoch}", "0", "0", "0")

    def commands() -> Iterable[str]:
        # mke2fs hands out inodes in one run from 11; 2 is the root, 7 and 8 are the resize inode and the journal.
        for inode in (2, 7, 8, *range(11, last + 1)):
            for field, value in zip(fields, values):
                yield f"sif <{inode}> {field} {value}"
        yield f"ssv mkfs_time @{epoch}"
        yield f"ssv wtime @{epoch}"

    edit(runner, path, commands(), offset=offset, environment=environment)


def check(runner: Runner, path: str, *, offset: int = 0, repair: bool = False, environment=None) -> None:
    """Check a file system; raise GoldsmithError when it has errors (left after the repair)."""
    argv = ["e2fsck", "-f", "-y" if repair else "-n", target(path, offset)]
    result = runner.run(argv, check=False, environment=environment)
    if result.rc not in ((0, 1, 2) if repair else (0,)):
        raise GoldsmithError(f"the file system in {path} has errors: {result.last_line}", hint="run e2fsck on it")


def tool_environment(epoch: int) -> dict[str, str]:
    """Return what makes e2fsprogs, mtools and GRUB write the same times at every run."""
    # e2fsprogs before 1.47.1 knows only its own variable.
    return {"SOURCE_DATE_EPOCH": str(epoch), "E2FSPROGS_FAKE_TIME": str(epoch)}


def host_path(path: str | Path) -> str:
    """Refuse a path that debugfs and the offset syntax cannot take."""
    text = str(path)
    if any(character in text for character in '?"\n'):
        raise GoldsmithError(f"the path {text!r} holds a question mark, a quote or a line break", hint="rename it")
    return text
