# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps run one after the other in a tree, or in the root file system of an image."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._ext import e2fs
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.files import whole_file
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import ProgramTimeout, Result, Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.scratch import scratch_folder
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import partitions, recognition
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import chroot

# Turns an argv into the words that run it in the tree.
Enter = Callable[[Sequence[str]], list[str]]
# Whether a name exists inside, where links lead nowhere else.
Has = Callable[[str], bool]
# env -C would be shorter, but is not everywhere.
_CHDIR = ("sh", "-c", 'cd -- "$1" && shift && exec "$@"', "chdir")


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
    reason = _skip(work, lambda name: chroot.tree_has(runner, tree, name))
    if reason or check_mode:
        chroot.enter_words(tree, ())  # says what is wrong with the tree
        return _planned(work, reason)
    return _run_steps(runner, work, lambda argv: chroot.enter_words(tree, argv, work.environment))


def run_in_image(runner: Runner, image: str, work: Work, *, partition: int | None, check_mode: bool) -> dict[str, Any]:
    """Run the steps in a copy of a raw image, which takes its place when all of them have succeeded."""
    start, size = _root_of(runner, image, partition)
    with scratch_folder("chroot") as scratch:
        folder = scratch / "root"
        folder.mkdir()
        reason = _skip(work, lambda name: chroot.image_has(runner, image, start, size, str(folder), name))
        if reason or check_mode:
            return _planned(work, reason)
        with whole_file(image, mode=os.stat(image).st_mode & 0o7777) as partial:
            runner.run(["cp", "--sparse=always", "--reflink=auto", image, str(partial)])
            return _run_steps(
                runner,
                work,
                lambda argv: chroot.image_words(str(partial), start, size, str(folder), argv, work.environment),
            )


def _run_steps(runner: Runner, work: Work, enter: Enter) -> dict[str, Any]:
    results = []
    notes: list[str] = []
    for step in work.steps:
        began = time.monotonic()
        argv = [*_CHDIR, work.chdir, *step] if work.chdir else list(step)
        try:
            result = chroot.run(runner, enter(argv), work.timeout, on_note=notes.append)
        except ProgramTimeout as error:
            # What was laid over goes with an orderly run only.
            chroot.run(runner, enter(["true"]))
            text = f"{' '.join(step)[:200]} was killed in the tree after {work.timeout:g} s"
            raise GoldsmithError(text, results=results, **error.facts) from None
        results.append(_describe(step, result, time.monotonic() - began))
        if result.rc != 0:
            raise GoldsmithError(
                f"{' '.join(step)[:200]} failed in the tree with exit status {result.rc}: {result.last_line}",
                results=results,
                **_last(results),
            )
    warnings = {"warnings": [f"in the tree {note}" for note in dict.fromkeys(notes)]} if notes else {}
    return {"changed": True, "results": results, **_last(results), **warnings}


def _skip(work: Work, has: Has) -> str | None:
    """Return why nothing is to be done."""
    for name, wanted in ((work.creates, False), (work.removes, True)):
        if name and has(name) != wanted:
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


def _root_of(runner: Runner, image: str, partition: int | None) -> tuple[int, int]:
    if not os.path.isfile(image):
        raise OptionError("image", image, "is not a file")
    recognition.require_raw(image, "image")
    table = partitions.read_table(runner, image)
    if table is None:
        return 0, os.path.getsize(image)
    chosen = [
        part
        for part in table.partitions
        if part.number == partition or (partition is None and e2fs.read_superblock(image, part.start))
    ]
    if len(chosen) != 1:
        raise OptionError("partition", partition, f"does not select one partition of {image}", hint="name its number")
    return chosen[0].start, chosen[0].size
