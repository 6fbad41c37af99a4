# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk image becomes one of another format, whole or not at all."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.digests import sha512_of
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.files import replace_if_different
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.progress import Progress
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import (
    KIB,
    MIB,
    SECTOR,
    align_up,
    human_size,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import packed_qcow2, qemu_img, vhd

FORMATS = ("qcow2", "vhd", "raw")
COMPRESSIONS = ("zstd", "zlib", "none")
# zlib grows with the clusters, and unpacks big ones slowly.
_CLUSTER = {"zstd": packed_qcow2.CLUSTER, "zlib": 64 * KIB, "none": 64 * KIB}


@dataclass(frozen=True)
class Conversion:
    """What shall become what. *src_format* None: as its first bytes say. *cluster_size* None: the best measured.

    *packer* starts the zstd that packs a qcow2 of a raw disk; without it that is qemu-img's.
    """

    src: str
    dest: str
    format: str = "qcow2"
    src_format: str | None = None
    compression: str = "zstd"
    cluster_size: int | None = None
    subformat: str = vhd.DYNAMIC
    packer: Sequence[str] = ()

    @property
    def qemu_format(self) -> str:
        """The format's name in QEMU."""
        return qemu_img.VPC if self.format == "vhd" else self.format

    def shape(self) -> dict[str, object]:
        """Return the facts of the format that an existing file must show to be left as it is."""
        if self.format == "qcow2":
            cluster = self.cluster_size or _CLUSTER[self.compression]
            return {"format": "qcow2", "compression": self.compression, "cluster_size": cluster}
        if self.format == "vhd":
            return {"format": "vhd", "subformat": self.subformat}
        return {"format": "raw"}


@dataclass(frozen=True)
class Outcome:
    """What was done, or would be: *before* and *after* describe the destination."""

    changed: bool
    before: dict[str, object]
    after: dict[str, object]
    seconds: float


def run(runner: Runner, conversion: Conversion, *, check_only: bool = False) -> Outcome:
    """Convert, unless the destination holds the same disk in the same shape; with *check_only* only say so."""
    started = time.monotonic()
    _check(conversion)
    source = qemu_img.inspect(runner, conversion.src, conversion.src_format and _qemu_name(conversion.src_format))
    size = align_up(source.virtual_size, SECTOR)
    wanted = {**conversion.shape(), "virtual_size": size}
    # The content of a raw disk may look like another format.
    could_be = conversion.format == "raw" and _size(conversion.dest) == size
    before = _describe(runner, conversion.dest, qemu_img.RAW if could_be else None)
    # What another zstd has packed is the same disk, but not the same file: only packing tells.
    if (check_only or not conversion.packer) and _holds(runner, conversion, source, before, wanted):
        return Outcome(False, before, before, time.monotonic() - started)
    if check_only:
        return Outcome(True, before, wanted, time.monotonic() - started)
    changed = replace_if_different(conversion.dest, lambda partial: _write(runner, conversion, source, partial))
    after = _describe(runner, conversion.dest, conversion.qemu_format)
    return Outcome(changed, before, after, time.monotonic() - started)


def facts(path: str) -> dict[str, object]:
    """Return the size and the sha512 of a file that was made."""
    progress = Progress(f"sha512 of {os.path.basename(path)}", os.path.getsize(path))
    return {"size": os.path.getsize(path), "sha512": sha512_of(path, progress)}


def _check(conversion: Conversion) -> None:
    if not os.path.isfile(conversion.src):
        raise OptionError("src", conversion.src, "is not a file")
    if os.path.isdir(conversion.dest):
        raise OptionError("dest", conversion.dest, "is a folder", hint="name the file to make")
    if not os.path.isdir(os.path.dirname(os.path.abspath(conversion.dest))):
        raise OptionError("dest", conversion.dest, "its folder does not exist")
    if os.path.exists(conversion.dest) and os.path.samefile(conversion.src, conversion.dest):
        raise OptionError("dest", conversion.dest, "is the source itself", hint="name another file")
    size = conversion.cluster_size
    if size is not None and (size & (size - 1) or not 512 <= size <= 2 * MIB):
        raise OptionError("cluster_size", human_size(size), "is not a power of two from 512 bytes to 2 MiB")


def _write(runner: Runner, conversion: Conversion, source: qemu_img.Image, path: str) -> None:
    progress = Progress(f"convert to {conversion.format}", 100, "%")
    if conversion.packer:
        packed_qcow2.write(runner, conversion.src, path, conversion.packer, progress)
        return
    shape = conversion.shape()
    options: dict[str, object] = {}
    if conversion.format == "qcow2":
        options = {"compat": "1.1", "cluster_size": shape["cluster_size"]}
        if conversion.compression != "none":
            options["compression_type"] = conversion.compression
    elif conversion.format == "vhd":
        # Without force_size the disk is rounded up to whole cylinders, and a GPT loses its backup at the end.
        options = {"subformat": conversion.subformat, "force_size": "on"}
    qemu_img.convert(
        runner,
        source,
        path,
        conversion.qemu_format,
        options=options,
        compress=conversion.format == "qcow2" and conversion.compression != "none",
        on_percent=progress,
    )
    if conversion.format == "vhd":
        vhd.settle(path)


def _describe(runner: Runner, path: str, format: str | None) -> dict[str, object]:
    """Return what the destination is: empty where it is missing or cannot be read as an image."""
    if not os.path.isfile(path) or not os.path.getsize(path):
        return {}
    try:
        image = qemu_img.inspect(runner, path, format)
        found: dict[str, object] = {
            "format": "vhd" if image.format == qemu_img.VPC else image.format,
            "virtual_size": image.virtual_size,
        }
        if image.format == qemu_img.QCOW2:
            clusters = qemu_img.count_clusters(runner, image)
            found["cluster_size"] = image.cluster_size
            # Where nothing is allocated there is nothing to compress, so any wish is met.
            if clusters.allocated:
                found["compression"] = image.compression if clusters.compressed else "none"
        elif image.format == qemu_img.VPC:
            found["subformat"] = vhd.subformat(path)
    except GoldsmithError:
        return {"format": "unusable"}
    return {**found, "size": os.path.getsize(path)}


def _holds(
    runner: Runner,
    conversion: Conversion,
    source: qemu_img.Image,
    before: dict[str, object],
    wanted: dict[str, object],
) -> bool:
    if not before or any(before.get(name, value) != value for name, value in wanted.items()):
        return False
    # Comparing reads and unpacks, which is cheaper than packing once more.
    dest = qemu_img.inspect(runner, conversion.dest, conversion.qemu_format)
    return qemu_img.same_content(runner, source, dest)


def _size(path: str) -> int | None:
    return os.path.getsize(path) if os.path.isfile(path) else None


def _qemu_name(format: str) -> str:
    return qemu_img.VPC if format == "vhd" else format
