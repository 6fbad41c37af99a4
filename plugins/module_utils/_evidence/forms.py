# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The forms of one raw disk, made at the same time: disks of other formats, and the parts of a triplet."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import extract
from ansible_collections.goldsmith.openstack.plugins.module_utils._host import side_by_side
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.digests import sha512_of
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.progress import Progress
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import convert, packed_qcow2
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import chroot

TRIPLET = ("ami", "aki", "ari")
_BY_THIS_HOST = (
    "the zstd in the tree cannot be run here, so the one of this host packs the qcow2; on a host with another version "
    "the same image has another checksum"
)
# What a job returns: whether files changed, the step's name in the timings and its seconds, and paths by format.
Done = tuple[bool, str, float, dict[str, str]]


def make(
    runner: Runner,
    disk: str,
    paths: Mapping[str, str],
    *,
    compression: str,
    tree: str | None = None,
    check_mode: bool = False,
) -> dict[str, Any]:
    """Make the files *paths*, by format as Glance names it; return C(changed), C(files), C(timings) and C(warnings).

    The raw disk itself may be one of them. A file that holds the same already is kept. Each file is hashed as soon as
    it is whole. The zstd in *tree*, if it has one, packs the qcow2: the same on every host.
    """
    if not os.path.isfile(disk):
        raise OptionError("src", disk, "is not a file", hint="make it with loop_image")
    wanted = bool(tree) and "qcow2" in paths and compression == "zstd" and not check_mode
    packer = _packer(runner, tree) if tree and wanted else ()
    jobs = list(_jobs(runner, disk, paths, compression, packer, check_mode))
    # Each works at full speed by itself: compression takes all processors, the others wait for the disk.
    results = side_by_side.run([lambda _stop, job=job: _hashed(job, check_mode) for job in jobs], len(jobs) or 1)
    timings: dict[str, float] = {}
    for _changed, _files, step, seconds in results:
        timings[step] = round(timings.get(step, 0) + seconds, 3)
    size = os.path.getsize(disk)
    files = sorted(
        (file for result in results for file in result[1]), key=lambda file: list(paths).index(file["format"])
    )
    return {
        "changed": any(result[0] for result in results),
        "files": [file if file["format"] in TRIPLET else {**file, "virtual_size": size} for file in files],
        "timings": timings,
        "warnings": [_BY_THIS_HOST] if wanted and not packer else [],
    }


def _jobs(
    runner: Runner,
    disk: str,
    paths: Mapping[str, str],
    compression: str,
    packer: Sequence[str],
    check_mode: bool,
) -> Iterator[Callable[[], Done]]:
    for kind in (kind for kind in paths if kind not in (*TRIPLET, "raw")):
        conversion = convert.Conversion(disk, paths[kind], kind, "raw")
        if kind == "qcow2":
            conversion = replace(conversion, compression=compression, packer=packer)
        yield lambda conversion=conversion: _converted(runner, conversion, check_mode)
    parts = {kind: paths[kind] for kind in TRIPLET if kind in paths}
    if parts:
        yield lambda: _extracted(runner, disk, parts, check_mode)
    if "raw" in paths:
        yield lambda: (False, "convert", 0.0, {"raw": paths["raw"]})


def _packer(runner: Runner, tree: str) -> Sequence[str]:
    """Return what starts the zstd of a tree, nothing where it cannot be run: for another processor, or missing."""
    able = chroot.run(runner, chroot.enter_words(tree, packed_qcow2.PROBE)).rc == 0
    return chroot.enter_words(tree, packed_qcow2.PACKER) if able else ()


def _converted(runner: Runner, conversion: convert.Conversion, check_mode: bool) -> Done:
    outcome = convert.run(runner, conversion, check_only=check_mode)
    return outcome.changed, "convert", outcome.seconds, {conversion.format: conversion.dest}


def _extracted(runner: Runner, disk: str, parts: Mapping[str, str], check_mode: bool) -> Done:
    began = time.monotonic()
    outputs = extract.Outputs(*(parts.get(kind) for kind in TRIPLET))
    found = extract.extract(runner, disk, outputs, format="raw", check_mode=check_mode)
    return found["changed"], "triplet", time.monotonic() - began, dict(parts)


def _hashed(job: Callable[[], Done], check_mode: bool) -> tuple[bool, list[dict[str, Any]], str, float]:
    changed, step, seconds, paths = job()
    if check_mode and changed:
        return changed, [], step, seconds
    files = []
    for kind, path in paths.items():
        name = os.path.basename(path)
        digest = sha512_of(path, Progress(f"sha512 of {name}", os.path.getsize(path)))
        files.append({"format": kind, "file": name, "sha512": digest})
    return changed, files, step, seconds
