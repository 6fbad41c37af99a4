# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disk image formats, by qemu-img; no image makes it open another file."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import ProgramError, Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import human_size
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import qcow2, recognition, vhd, vmdk

RAW, QCOW2, VPC, VMDK = "raw", "qcow2", "vpc", "vmdk"
# Formats whose data lies in the one file; what refers to others is refused. QEMU itself does that with vdi and vhdx.
SELF_CONTAINED = (RAW, QCOW2, VPC, VMDK, "vdi", "vhdx")
# What QEMU calls them. A disk whose bytes are known is not shown to it as anything else.
_DRIVERS = {"qcow2": QCOW2, "vhd": VPC, "vmdk": VMDK, "vhdx": "vhdx", "luks": "luks"}
MAX_VIRTUAL_SIZE = 16 << 40
_INFO_SECONDS = 30
_PERCENT = re.compile(r"\((\d+(?:\.\d+)?)/100%\)")


@dataclass(frozen=True)
class Image:
    """A disk image file; sizes in bytes. *compression* is that of compressed clusters, if there are any."""

    path: str
    format: str
    virtual_size: int
    disk_size: int
    cluster_size: int | None = None
    compression: str | None = None
    backing: str | None = None
    data_file: str | None = None
    encrypted: bool = False

    def node(self) -> dict[str, Any]:
        """Return the image as a QEMU block node that opens nothing but the file itself."""
        node: dict[str, Any] = {"driver": self.format, "file": {"driver": "file", "filename": self.path}}
        if self.format in (QCOW2, VMDK):
            node["backing"] = None
        if self.format == VPC:
            node["force_size_calc"] = "current_size"
        return node


def parse_info(text: str, path: str) -> Image:
    """Return the image that C(qemu-img info --output=json) describes."""
    info = json.loads(text)
    specific = info.get("format-specific", {}).get("data", {})
    return Image(
        path=path,
        format=info["format"],
        virtual_size=int(info["virtual-size"]),
        disk_size=int(info.get("actual-size", 0)),
        cluster_size=info.get("cluster-size"),
        compression=specific.get("compression-type"),
        backing=info.get("backing-filename") or info.get("full-backing-filename"),
        data_file=specific.get("data-file"),
        encrypted=bool(info.get("encrypted")) or "encrypt" in specific,
    )


def inspect(runner: Runner, path: str, format: str | None = None) -> Image:
    """Return what an image is; raise GoldsmithError where it refers to other files, is encrypted, or cannot be."""
    full = os.path.abspath(path)
    if not os.path.isfile(full):
        raise GoldsmithError(f"{path} is not a file")
    format = format or _format_of(full)
    # By its own bytes first: qemu-img opens what they name, some releases also when it is only asked for facts.
    if other := _other_file(full, format):
        raise _refers(full, other)
    argv = ["qemu-img", "info", "--output=json", *(["-f", format] if format else []), full]
    try:
        image = parse_info(runner.run(argv, timeout=_INFO_SECONDS).stdout, full)
    except ProgramError as error:
        if "Is another process using the image" in error.result.stderr:
            raise recognition.in_use(path) from None
        raise GoldsmithError(f"{path} is not a {format or 'known'} image: {error.result.last_line}") from None
    _refuse(image)
    if image.format != format and (other := _other_file(full, image.format)):
        raise _refers(full, other)
    return image


def _format_of(path: str) -> str | None:
    """Return the format that the bytes of an image have; None where only qemu-img may know it.

    It cannot tell a VHD of fixed size from a raw disk, and takes the text of a guest for the descriptor of a VMDK.
    """
    kind = recognition.kind_of_file(path)
    if kind is None:
        return VMDK if vmdk.is_descriptor(path) else None
    return _DRIVERS.get(kind, RAW)


def _other_file(path: str, format: str | None) -> str | None:
    formats = {QCOW2: qcow2.other_file, VPC: vhd.other_file, VMDK: vmdk.other_file}
    return formats[format](path) if format in formats else None


def convert(
    runner: Runner,
    source: Image | Mapping[str, Any] | Sequence[Mapping[str, Any]],
    dest: str,
    format: str,
    *,
    options: Mapping[str, object] | None = None,
    compress: bool = False,
    on_percent: Callable[[float], None] | None = None,
) -> None:
    """Write *source*, an image, a block node or several nodes one after the other, into the file *dest*.

    The same content gives the same bytes.
    """
    nodes = [source.node()] if isinstance(source, Image) else [source] if isinstance(source, Mapping) else source
    # Without -W: out-of-order writes make the layout of the clusters vary from run to run.
    argv = ["qemu-img", "convert", "-p", "-m", str(min(16, os.cpu_count() or 1)), "-O", format]
    if compress:
        argv.append("-c")
    if options:
        argv += ["-o", ",".join(f"{name}={value}" for name, value in options.items())]

    def hear(line: str) -> None:
        if on_percent and (match := _PERCENT.search(line)):
            on_percent(float(match.group(1)))

    try:
        runner.run([*argv, *(f"json:{json.dumps(node)}" for node in nodes), dest], on_line=hear)
    except ProgramError as error:
        raise GoldsmithError(f"cannot convert to {format}: {error.result.last_line}") from None


def region(image: Image, start: int, size: int) -> dict[str, Any]:
    """Return the block node of *size* bytes at *start* of an image's virtual disk."""
    return {"driver": RAW, "offset": start, "size": size, "file": image.node()}


def same_content(runner: Runner, one: Image, other: Image) -> bool:
    """Return whether two images hold the same virtual disk."""
    if one.virtual_size != other.virtual_size:
        return False
    nodes = [f"json:{json.dumps(image.node())}" for image in (one, other)]
    result = runner.run(["qemu-img", "compare", "-q", *nodes], check=False)
    if result.rc not in (0, 1):
        raise ProgramError(result)
    return result.rc == 0


@dataclass(frozen=True)
class Clusters:
    """How many clusters of a qcow2 image hold data, and how many of those are compressed."""

    allocated: int
    compressed: int


def count_clusters(runner: Runner, image: Image) -> Clusters:
    """Check the structure of a qcow2 image and count its clusters; raise GoldsmithError when it is damaged."""
    result = runner.run(["qemu-img", "check", "--output=json", "-f", image.format, image.path], check=False)
    if result.rc != 0:
        raise GoldsmithError(f"{image.path} is damaged: {result.last_line}", hint="make it again")
    counts = json.loads(result.stdout)
    return Clusters(int(counts.get("allocated-clusters", 0)), int(counts.get("compressed-clusters", 0)))


def require_whole(runner: Runner, image: Image) -> None:
    """Raise GoldsmithError where a qcow2 image is damaged, or was cut off: what is missing would read as zeros."""
    result = runner.run(["qemu-img", "check", "-f", image.format, image.path], check=False)
    # 3: clusters that nobody uses, which a machine leaves that was ended hard.
    if result.rc not in (0, 3):
        raise GoldsmithError(f"{image.path} is damaged: {result.last_line}", hint="is it whole? Fetch it again")


def _refuse(image: Image) -> None:
    if image.backing:
        raise _refers(image.path, f"the backing file {image.backing}")
    if image.data_file:
        raise _refers(image.path, f"the external data file {image.data_file}")
    if image.encrypted or image.format == "luks":
        raise GoldsmithError(f"{image.path} is encrypted", hint="decrypt it first")
    if image.format not in SELF_CONTAINED:
        raise GoldsmithError(
            f"{image.path} has the format {image.format}", hint=f"usable are {', '.join(SELF_CONTAINED)}"
        )
    if image.virtual_size > MAX_VIRTUAL_SIZE:
        raise GoldsmithError(
            f"{image.path} claims a disk of {human_size(image.virtual_size)}; at most "
            f"{human_size(MAX_VIRTUAL_SIZE)} are taken"
        )


def _refers(path: str, what: str) -> GoldsmithError:
    return GoldsmithError(
        f"{path} refers to {what}, which could be any file of this host",
        hint="make it self-contained where it comes from: qemu-img convert -O qcow2 OLD NEW",
    )
