# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A raw disk becomes a qcow2 whose clusters a zstd of the caller's choice has packed.

qemu-img packs by the library of the host that it runs on, and each version of that library makes other bytes.
"""

from __future__ import annotations

import os
import struct
import sys
from array import array
from collections.abc import Callable, Iterator, Sequence

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import side_by_side
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import KIB, SECTOR, align_up
from ansible_collections.goldsmith.openstack.plugins.module_utils._image.qcow2 import MAGIC

# Measured on a Debian root of 312 MB. Clusters of 1 MiB: 1.8 MB more (the tables alone take five). Level 3, which
# is all that qemu-img has: 103.3 MB, 1.1 s of a processor; 6: 101.6 MB, 2.3 s; 8: 99.9 MB, 2.9 s; 9: 99.8 MB, 3.3 s.
CLUSTER = 256 * KIB
LEVEL = 8
_BITS = CLUSTER.bit_length() - 1
# Makes of each cluster on stdin a zstd frame on stdout, in a tree that has a /dev/shm of its own. Not one zstd for each
# cluster: then half of the time would go by with starting programs.
_PACK = f"cd /dev/shm && split -b {CLUSTER} - c && exec zstd -q -{LEVEL} --single-thread --no-check -c c*"
PACKER = ("sh", "-c", _PACK)
# Succeeds where PACKER can be run.
PROBE = ("sh", "-c", f"head -c {CLUSTER} /dev/zero | ({_PACK}) | zstd -q -t")

# Magic, version, backing file, bits of a cluster, size, encryption, L1, refcounts, snapshots, features, width of a
# refcount (2**4 bits), length of the header, compression (1: zstd).
_HEADER = struct.Struct(">4sIQIIQIIQQIIQQQQIIB7x")
_ZSTD_FEATURE = 1 << 3
_ENTRIES = CLUSTER // 8
_COUNTS = CLUSTER // 2
_COPIED, _COMPRESSED = 1 << 63, 1 << 62
_SECTORS_AT = 62 - (_BITS - 8)
# So many clusters are given to a process at a time; and the frames of so many processes are held in memory.
_SHARE, _BATCH = 128, 16
_FRAME = 0xFD2FB528


def write(
    runner: Runner, disk: str, path: str, packer: Sequence[str], on_percent: Callable[[float], None] = lambda _: None
) -> None:
    """Write the raw disk *disk* into the file *path* as a qcow2; the words *packer* start PACKER.

    The same content and the same zstd give the same bytes. Clusters of zeros take no room.
    """
    size = align_up(os.path.getsize(disk), SECTOR)
    total = align_up(size, CLUSTER) // CLUSTER
    tables = -(-total // _ENTRIES)
    # Header, the table of the blocks with refcounts, these, L1, then L2. Refcounts are for all that there may be.
    blocks = 1 + 2 * (total + tables + 4) // _COUNTS
    l1_at, l2_at = 2 + blocks, 3 + blocks
    entries, counts = array("Q", bytes(8 * tables * _ENTRIES)), array("H", bytes(2 * blocks * _COUNTS))
    place = (l2_at + tables) * CLUSTER
    counts[: l2_at + tables] = array("H", [1]) * (l2_at + tables)
    with open(path, "r+b") as file:
        for number, content in _packed(runner, disk, total, packer):
            if len(content) < CLUSTER:
                # As many sectors as it touches, less one.
                more = (place % SECTOR + len(content) - 1) // SECTOR
                entries[number] = _COMPRESSED | more << _SECTORS_AT | place
            else:
                place = align_up(place, CLUSTER)
                entries[number] = _COPIED | place
            for touched in range(place // CLUSTER, (place + len(content) - 1) // CLUSTER + 1):
                counts[touched] += 1
            file.seek(place)
            file.write(content)
            place += len(content)
            on_percent(100 * (number + 1) / total)
        file.truncate(align_up(place, SECTOR))
        header = _HEADER.pack(
            *(MAGIC, 3, 0, 0, _BITS, size, 0, tables, l1_at * CLUSTER, CLUSTER, 1, 0, 0),
            *(_ZSTD_FEATURE, 0, 0, 4, _HEADER.size, 1),
        )
        for at, part in (
            (0, header),
            (1, _table(2 + block for block in range(blocks))),
            (2, _big_endian(counts)),
            (l1_at, _table(l2_at + table | _COPIED // CLUSTER for table in range(tables))),
            (l2_at, _big_endian(entries)),
        ):
            file.seek(at * CLUSTER)
            file.write(part)
    on_percent(100)


def frames(data: bytes) -> Iterator[bytes]:
    """Yield the zstd frames that lie one behind the other in *data*; raise GoldsmithError where it is no such row."""
    view, start = memoryview(data), 0
    while start < len(data):
        try:
            end = _end_of_frame(data, start)
        except (struct.error, IndexError):
            end = len(data) + 1
        if end > len(data):
            raise GoldsmithError("zstd did not write whole frames")
        yield bytes(view[start:end])
        start = end


def _packed(runner: Runner, disk: str, total: int, packer: Sequence[str]) -> Iterator[tuple[int, bytes]]:
    """Yield the number of each cluster that is not all zeros, and its frame, or itself where that is no smaller."""
    at_once = min(4, os.cpu_count() or 1)
    shares = [range(first, min(first + _SHARE, total)) for first in range(0, total, _SHARE)]
    for first in range(0, len(shares), _BATCH):
        jobs = [
            lambda _stop, share=share: _pack(runner, disk, share, packer) for share in shares[first : first + _BATCH]
        ]
        for found in side_by_side.run(jobs, at_once):
            yield from found


def _pack(runner: Runner, disk: str, share: range, packer: Sequence[str]) -> list[tuple[int, bytes]]:
    clusters = dict(_clusters(disk, share))
    if not clusters:
        return []
    # A file in memory, because a pipe would take them in many small pieces.
    with open(os.memfd_create("clusters"), "r+b", buffering=0) as file:
        file.writelines(clusters.values())
        file.seek(0)
        process = runner.start(packer, stdin=file)
    try:
        out, said = process.communicate()
    except BaseException:
        runner.stop(process)
        raise
    if process.returncode != 0:
        text = " ".join(said.decode("utf-8", "replace").split())
        raise GoldsmithError(f"cannot compress a qcow2: {text or f'exit status {process.returncode}'}")
    found = list(frames(out))
    if len(found) != len(clusters):
        raise GoldsmithError(f"cannot compress a qcow2: zstd made {len(found)} frames of {len(clusters)} clusters")
    return [
        (number, frame if len(frame) < CLUSTER else cluster)
        for (number, cluster), frame in zip(clusters.items(), found)
    ]


def _clusters(disk: str, share: range) -> Iterator[tuple[int, bytes]]:
    zeros = bytes(CLUSTER)
    with open(disk, "rb", buffering=0) as file:
        number = share.start
        while number < share.stop:
            try:
                number = max(number, os.lseek(file.fileno(), number * CLUSTER, os.SEEK_DATA) // CLUSTER)
            except OSError:
                return  # ENXIO: nothing but a hole up to the end
            if number < share.stop:
                cluster = os.pread(file.fileno(), CLUSTER, number * CLUSTER).ljust(CLUSTER, b"\0")
                if cluster != zeros:
                    yield number, cluster
            number += 1


def _end_of_frame(data: bytes, at: int) -> int:
    magic, flags = struct.unpack_from("<IB", data, at)
    if magic != _FRAME:
        raise GoldsmithError("zstd did not write whole frames")
    single = flags >> 5 & 1
    size = (single, 2, 4, 8)[flags >> 6]
    at += 5 + (not single) + (0, 1, 2, 4)[flags & 3] + size
    last = False
    while not last:
        head = data[at] | data[at + 1] << 8 | data[at + 2] << 16
        last, run = bool(head & 1), head >> 1 & 3 == 1
        at += 3 + (1 if run else head >> 3)
    return at + (4 if flags & 4 else 0)


def _table(clusters: Iterator[int]) -> bytes:
    return _big_endian(array("Q", (cluster * CLUSTER for cluster in clusters)))


def _big_endian(values: array[int]) -> bytes:
    if sys.byteorder == "little":
        values.byteswap()
    return values.tobytes()
