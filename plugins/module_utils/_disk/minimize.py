# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file system of an image made as small as it can be, and the file with it."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._ext import e2fs, ext_shape, fuse
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.volume_walker import files_of
from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.files import whole_file
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.progress import Progress
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import ProgramError, Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.scratch import scratch_folder
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sparse import copy_part
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import (
    loop_devices,
    partition_end,
    partitions,
    recognition,
)

REBUILD, SHRINK = "rebuild", "shrink"
# A rebuild for less than this share of the file system is not worth its time. It also makes a second run do nothing:
# the estimate from a file system that was just rebuilt is a little below its size.
_GAIN = 0.02
_ROUNDS = 8
_TRIALS = 40
_CONVERT = "convert it with goldsmith.openstack.disk_convert and format=raw first"
_HINTS = {
    "qcow2": _CONVERT,
    "vhd": _CONVERT,
    "vmdk": _CONVERT,
    "vhdx": _CONVERT,
    "luks": "decrypt it first",
    "xfs": "XFS cannot be made smaller; copy its tree with goldsmith.openstack.loop_image",
    "lvm": ("a group is not made smaller; take its root out with goldsmith.openstack.disk_extract, and minimize that"),
}


@dataclass(frozen=True)
class Subject:
    """The file system to make smaller, with its place in the file. *label* None: the file is the file system."""

    path: str
    offset: int
    shape: ext_shape.Shape
    label: str | None = None
    number: int = 0
    space: int = 0

    def file_size(self, blocks: int) -> int:
        """Return the size of the file when the file system has *blocks*."""
        end = self.offset + blocks * self.shape.block_size
        return partition_end.disk_size(self.label, end) if self.label else end

    @property
    def is_trimmed(self) -> bool:
        """Whether nothing lies behind the file system."""
        fits = self.label is None or self.space == self.shape.size
        return fits and os.path.getsize(self.path) == self.file_size(self.shape.blocks)


@dataclass(frozen=True)
class Outcome:
    """What was done, or would be; in check mode the sizes after it are estimates."""

    changed: bool
    before: dict[str, int]
    after: dict[str, int]
    partition: int | None
    seconds: float


def run(
    runner: Runner, path: str, *, method: str, free: float, partition: int | None = None, check_only: bool = False
) -> Outcome:
    """Make the file system as small as *method* can, with a share *free* of it left free; work on a copy beside it."""
    started = time.monotonic()
    if not 0 <= free <= 0.9:
        raise OptionError("free", f"{free * 100:g}", "is not a percentage from 0 to 90")
    subject = find(runner, path, partition)
    with scratch_folder("minimize") as folder:
        blocks = _goal(runner, subject, method, free, folder)
        before = _sizes(subject.path, subject.offset)
        outcome = {"before": before, "partition": subject.number or None}
        if blocks >= subject.shape.blocks and subject.is_trimmed:
            return Outcome(changed=False, after=before, seconds=time.monotonic() - started, **outcome)
        if check_only:
            after = {"size": subject.file_size(blocks), "filesystem_size": blocks * subject.shape.block_size}
            return Outcome(changed=True, after=after, seconds=time.monotonic() - started, **outcome)
        status = os.stat(path)
        with whole_file(path, mode=status.st_mode & 0o7777) as partial:
            # Unlike the original the copy can be thrown away at any moment.
            if method == REBUILD and blocks < subject.shape.blocks:
                _rebuild(runner, subject, blocks, str(partial), folder)
            elif method == REBUILD:
                _trim(subject, str(partial))
            else:
                _shrink(runner, subject, free, str(partial), folder)
            e2fs.check(runner, str(partial), offset=subject.offset)
            if os.geteuid() == 0:
                os.chown(partial, status.st_uid, status.st_gid)
    after = _sizes(path, subject.offset)
    return Outcome(changed=True, after=after, seconds=time.monotonic() - started, **outcome)


def find(runner: Runner, path: str, partition: int | None = None) -> Subject:
    """Return the file system of an image; raise an error where there is none that can be made smaller."""
    e2fs.host_path(path)
    if not os.path.isfile(path):
        raise OptionError("path", path, "is not a file")
    _refuse_used(runner, path)
    place, label, number = 0, None, 0
    space = os.path.getsize(path)
    if partition is not None or e2fs.read_superblock(path) is None:
        table = partitions.read_table(runner, path) if not _sign(path, 0) else None
        if table is None or not table.partitions:
            what, hint = _sign(path, 0) or ("neither an ext3 or ext4 file system nor a disk", "name another file")
            raise OptionError("path", path, f"is {what}", hint=hint)
        last = max(table.partitions, key=lambda entry: entry.start)
        if partition is not None and partition != last.number:
            exists = any(entry.number == partition for entry in table.partitions)
            reason = "is not the last on the disk" if exists else "is missing"
            raise OptionError("partition", partition, reason, hint=f"the last one is {last.number}")
        place, label, number, space = last.start, table.label, last.number, last.size
    block = e2fs.read_superblock(path, place)
    where = f"partition {number} of {path}" if label else path
    if block is None:
        what, hint = _sign(path, place) or ("no ext3 or ext4 file system", "only those can be made smaller")
        raise GoldsmithError(f"{where} holds {what}", hint=hint)
    if not block.clean:
        raise GoldsmithError(
            f"the file system in {where} was not unmounted, or has errors",
            hint="shut its system down, or repair it with e2fsck",
        )
    if block.fstype == "ext2":
        raise GoldsmithError(f"{where} holds ext2", hint="only ext3 and ext4 can be made smaller")
    if place + block.size > os.path.getsize(path):
        raise GoldsmithError(f"the file system in {where} is bigger than its file", hint="the image is incomplete")
    e2fs.check(runner, path, offset=place)
    return Subject(path, place, ext_shape.read(runner, path, place), label, number, space)


def _refuse_used(runner: Runner, path: str) -> None:
    devices = loop_devices.find(runner, path)
    if devices:
        raise GoldsmithError(
            f"{path} is attached to {devices[0].device}, so it may be mounted",
            hint="detach it, for example with goldsmith.openstack.loop_image and state=detached",
        )
    recognition.require_unused(path, to_write=True)


def _sign(path: str, place: int) -> tuple[str, str] | None:
    kind = recognition.kind_of_file(path, place) or ""
    what = recognition.NAMES.get(kind)
    return what and (what, _HINTS.get(kind, "only ext3 and ext4 can be made smaller"))


def _sizes(path: str, offset: int) -> dict[str, int]:
    block = e2fs.read_superblock(path, offset)
    if block is None:
        raise GoldsmithError(f"the file system of {path} was lost")
    return {
        "size": os.path.getsize(path),
        "allocated": os.stat(path).st_blocks * 512,
        "filesystem_size": block.size,
        "filesystem_free": block.free,
    }


def _goal(runner: Runner, subject: Subject, method: str, free: float, folder: Path) -> int:
    """Return the number of blocks to aim at; not below the present number where there is nothing to gain."""
    shape = subject.shape
    if method == SHRINK:
        used = shape.blocks - shape.free
        text = runner.run(["resize2fs", "-P", e2fs.target(subject.path, subject.offset)]).stdout
        return min(shape.blocks, max(int(text.rsplit(":", 1)[1]), ceil(used / (1 - free))))
    unknown = set(shape.features) - ext_shape.COPYABLE
    if unknown:
        raise GoldsmithError(
            f"a file system with {', '.join(sorted(unknown))} cannot be rebuilt", hint="set method=shrink"
        )
    (folder / "tree").mkdir()
    hint = "set method=shrink"
    fuse.check(runner, subject.path, subject.offset, str(folder / "tree"), namespaces.prefix(), hint=hint)
    blocks = _estimate(runner, shape, free, folder)
    return blocks if blocks < shape.blocks * (1 - _GAIN) else shape.blocks


def _estimate(runner: Runner, shape: ext_shape.Shape, free: float, folder: Path) -> int:
    """Return the blocks of a file system that holds the same tree: tried with empty ones, which are made at once."""
    data = shape.blocks - shape.free - _metadata(runner, shape, shape.blocks, folder)
    blocks = min(shape.blocks, ceil((data + shape.journal) / (1 - free)))
    floor = needed = 0
    for _round in range(_TRIALS):
        try:
            needed = ceil((data + _metadata(runner, shape, blocks, folder)) / (1 - free))
        except ext_shape.NoRoom:
            # A journal takes no more than half of a file system.
            floor = blocks = min(shape.blocks, blocks + blocks // 16 + 1)
            continue
        needed = max(needed, floor)
        if abs(needed - blocks) < 64:
            break
        blocks = needed
    # What the tree takes may differ by a little: extended attributes in blocks are no longer shared, for one.
    return min(shape.blocks, max(needed, floor) + max(32, data // 500))


def _metadata(runner: Runner, shape: ext_shape.Shape, blocks: int, folder: Path) -> int:
    empty = str(folder / "empty")
    with open(empty, "wb") as file:
        file.truncate(blocks * shape.block_size)
    ext_shape.make_like(runner, shape, empty, blocks=blocks, inodes=_inodes(shape, blocks))
    made = ext_shape.read(runner, empty)
    os.unlink(empty)
    # mke2fs leaves off a last group that is too short.
    return made.blocks - made.free + (blocks - made.blocks)


def _inodes(shape: ext_shape.Shape, blocks: int) -> int:
    """Return how many inodes: as densely as before, for it will grow, but enough for what is there."""
    if blocks == shape.blocks:
        return shape.inodes
    return max(blocks * shape.block_size // shape.bytes_per_inode, shape.used_inodes + shape.used_inodes // 20 + 64)


def _rebuild(runner: Runner, subject: Subject, blocks: int, partial: str, folder: Path) -> None:
    shape, tree = subject.shape, str(folder / "tree")
    progress = Progress(f"rebuild {os.path.basename(subject.path)}", 100, "%")
    environment = e2fs.tool_environment(shape.written)
    prefix = fuse.view(subject.path, subject.offset, tree, namespaces.prefix())
    for attempt in range(_ROUNDS):
        progress(10 * attempt, "copy the tree")
        os.truncate(partial, 0)
        copy_part(subject.path, partial, size=subject.offset)
        os.truncate(partial, subject.offset + blocks * shape.block_size)
        try:
            ext_shape.make_like(
                runner,
                shape,
                partial,
                blocks=blocks,
                inodes=_inodes(shape, blocks),
                offset=subject.offset,
                tree=tree,
                prefix=prefix,
                environment=environment,
            )
            break
        except ext_shape.NoRoom:
            blocks += blocks // 50
            if blocks >= shape.blocks or attempt == _ROUNDS - 1:
                raise
        except ProgramError as error:
            if error.result.rc == fuse.FAILED:
                raise GoldsmithError(f"fuse2fs: {error.result.last_line}", hint="set method=shrink") from None
            raise
    source, dest = (subject.path, subject.offset), (partial, subject.offset)
    ext_shape.copy_details(runner, source, shape, dest, folder=str(folder), environment=environment)
    made = ext_shape.read(runner, *dest)
    # A lost+found that was removed is there again.
    again = int(not files_of("ext4", subject.path, subject.offset, subject.path).exists("/lost+found"))
    if made.used_inodes != shape.used_inodes + again:
        raise GoldsmithError(
            f"the rebuilt file system has {made.used_inodes} files, not {shape.used_inodes}",
            hint="does this host's fuse2fs split hard links? set method=shrink",
        )
    _cut(subject, partial, made.blocks)
    progress(100)


def _shrink(runner: Runner, subject: Subject, free: float, partial: str, folder: Path) -> None:
    progress = Progress(f"shrink {os.path.basename(subject.path)}", 100, "%")
    environment = e2fs.tool_environment(subject.shape.written)
    # resize2fs takes an offset, but then cuts the file at the size of the file system without it.
    alone = str(folder / "alone")
    Path(alone).touch()
    progress(0, "copy")
    copy_part(subject.path, alone, start=subject.offset, size=subject.shape.size)
    _repair_nothing(runner, ["e2fsck", "-fy", alone], environment)
    size = subject.shape.blocks
    for attempt in range(_ROUNDS):
        progress(20 + 5 * attempt, "resize")
        # Each round estimates anew from a smaller file system, until it finds nothing more.
        runner.run(["resize2fs", "-M", alone], environment=environment)
        made = ext_shape.read(runner, alone)
        if made.blocks >= size:
            break
        size = made.blocks
    wanted = min(subject.shape.blocks, ceil((made.blocks - made.free) / (1 - free)))
    if wanted > made.blocks:
        runner.run(["resize2fs", alone, str(wanted)], environment=environment)
        made = ext_shape.read(runner, alone)
    progress(70, "discard free blocks")
    _repair_nothing(runner, ["e2fsck", "-fy", "-E", "discard", alone], environment)
    # The checks left their marks.
    e2fs.edit(runner, alone, ext_shape.carry(subject.shape, made), environment=environment)
    copy_part(subject.path, partial, size=subject.offset)
    copy_part(alone, partial, size=made.size, at=subject.offset)
    _cut(subject, partial, made.blocks)
    progress(100)


def _repair_nothing(runner: Runner, argv: list[str], environment: dict[str, str]) -> None:
    result = runner.run(argv, check=False, environment=environment)
    # 1: it optimised a folder.
    if result.rc not in (0, 1):
        raise ProgramError(result)


def _trim(subject: Subject, partial: str) -> None:
    """Only cut off what lies behind the file system."""
    copy_part(subject.path, partial, size=subject.offset + subject.shape.size)
    _cut(subject, partial, subject.shape.blocks)


def _cut(subject: Subject, path: str, blocks: int) -> None:
    """Let file and partition end where the file system does."""
    end = subject.offset + blocks * subject.shape.block_size
    if subject.label:
        partition_end.move(path, subject.label, subject.number, end)
    else:
        os.truncate(path, end)
