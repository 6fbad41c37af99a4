# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps run one after the other in a tree, or in the root file system of an image. Floor 3."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils import _chroot, _ext, _partitions
from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._files import whole_file
from ansible_collections.goldsmith.openstack.plugins.module_utils._run import Result, Runner

# Turns an argv into the words that run it in the tree.
Enter = Callable[[Sequence[str]], list[str]]


@dataclass(frozen=True)
class Work:
    """What is to be run. *timeout*, in seconds, holds for each step; *chdir* is a folder inside."""

    steps: tuple[tuple[str, ...], ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None
    chdir: str | None = None
    creates: str | None = None
    removes: str | None = None


def run_in_tree(runner: Runner, tree: str, work: Work, *, check_mode: bool) -> dict[str, Any]:
    """Run the steps in a folder."""
    return _run_steps(runner, work, lambda argv: _chroot.enter_words(tree, argv, work.environment), check_mode)


def run_in_image(
    runner: Runner, image: str, work: Work, *, partition: int | None, check_mode: bool
) -> dict[str, Any]:
    """Run the steps in a copy of a raw image, which takes its place when all of them have succeeded."""
    start, size = _root_of(runner, image, partition)
    # Asking costs no copy: the image is mounted for the question only.
    with _mounted(image, start, size, work) as enter:
        if (reason := _skip(runner, work, enter)) or check_mode:
            return _planned(work, reason)
    with whole_file(image) as partial:
        runner.run(["cp", "--sparse=always", "--reflink=auto", image, str(partial)])
        with _mounted(str(partial), start, size, work) as enter:
            return _run_steps(runner, work, enter, check_mode)


def _run_steps(runner: Runner, work: Work, enter: Enter, check_mode: bool) -> dict[str, Any]:
    if (reason := _skip(runner, work, enter)) or check_mode:
        return _planned(work, reason)
    results = []
    for step in work.steps:
        began = time.monotonic()
        argv = ["env", "-C", work.chdir, *step] if work.chdir else list(step)
        result = _chroot.run(runner, enter(argv), work.timeout)
        results.append(_describe(step, result, time.monotonic() - began))
        if result.rc != 0:
            raise GoldsmithError(
                f"{' '.join(step)[:200]} failed in the tree with exit status {result.rc}: {result.last_line}",
                results=results,
                **_last(results),
            )
    return {"changed": True, "results": results, **_last(results)}


def _skip(runner: Runner, work: Work, enter: Enter) -> str | None:
    """Return why nothing is to be done; asked inside, where links lead nowhere else."""
    for name, wanted in ((work.creates, False), (work.removes, True)):
        if name and (_chroot.run(runner, enter(["test", "-e", name])).rc == 0) != wanted:
            return f"skipped, since {name} {'does not exist' if wanted else 'exists'}"
    return None


def _planned(work: Work, reason: str | None) -> dict[str, Any]:
    text = reason or "would run: " + "; ".join(" ".join(step) for step in work.steps)
    return {"changed": not reason, "results": [], "rc": 0, "stdout": "", "stderr": "", "msg": text}


def _describe(step: Sequence[str], result: Result, seconds: float) -> dict[str, Any]:
    return {
        "cmd": list(step),
        "rc": result.rc,
        "stdout": result.stdout.rstrip("\n"),
        "stderr": result.stderr.rstrip("\n"),
        "seconds": round(seconds, 3),
    }


def _last(results: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: results[-1][name] for name in ("rc", "stdout", "stderr")}


@contextmanager
def _mounted(image: str, start: int, size: int, work: Work):
    with tempfile.TemporaryDirectory(prefix="goldsmith-") as folder:
        yield lambda argv: _chroot.image_words(image, start, size, folder, argv, work.environment)


def _root_of(runner: Runner, image: str, partition: int | None) -> tuple[int, int]:
    if not os.path.isfile(image):
        raise OptionError("image", image, "is not a file")
    table = _partitions.read_table(runner, image)
    if table is None:
        return 0, os.path.getsize(image)
    chosen = [
        part
        for part in table.partitions
        if part.number == partition or (partition is None and _ext.read_superblock(image, part.start))
    ]
    if len(chosen) != 1:
        raise OptionError("partition", partition, f"does not select one partition of {image}", hint="name its number")
    return chosen[0].start, chosen[0].size
