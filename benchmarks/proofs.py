# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure the boots of an image at the same time against each of them alone."""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import time
from functools import partial
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT / ".ansible" / "collections"))

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot import boot, proof  # noqa: E402
from ansible_collections.goldsmith.openstack.plugins.module_utils._host import side_by_side  # noqa: E402
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner  # noqa: E402

TRIPLET = {"root": "ext4", "kernel": "vmlinuz", "ramdisk": "initrd"}
AIM = 1.15


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="output folder of a build, with a qcow2 and a triplet")
    parser.add_argument("--rounds", type=int, default=1, help="of all three, taking turns (default: %(default)s)")
    options = parser.parse_args()
    definition = json.loads((options.folder / "manifest.json").read_text())["definition"]
    disk = {"image": str(options.folder / f"{definition['name']}.qcow2")}
    triplet = {option: str(options.folder / f"{definition['name']}.{end}") for option, end in TRIPLET.items()}
    asked = {"disk": disk, "triplet": triplet, "both at once": disk | triplet}
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in asked}
    for _round in range(options.rounds):
        for name, parts in asked.items():
            took[name].append(seconds(definition["user"], parts))
    medians = {name: [statistics.median(figures) for figures in zip(*rounds)] for name, rounds in took.items()}
    for name, (wall, work) in medians.items():
        print(f"{name:14}{wall:8.1f} s   {work:8.1f} s of processor time")
    (disk_wall, disk_work), (triplet_wall, triplet_work), (wall, work) = medians.values()
    ratio, share = wall / max(disk_wall, triplet_wall), work / (disk_work + triplet_work)
    print(f"both took {ratio:.2f} of the longer one (aim: {AIM} with two idle processors),")
    print(f"and {share:.2f} of the processor time of both alone")
    return 0


def seconds(user: str, parts: dict[str, str]) -> tuple[float, float]:
    """Boot as a proof does, all at the same time; return how long that took, and how much processor time."""
    plan = proof.ProofPlan(
        **{**dict.fromkeys(("image", *TRIPLET)), **parts},
        user=user,
        architecture="amd64",
        firmwares=("bios",),
        # One of each, so that a form is booted in the same way alone and beside another.
        machines=("q35",),
        instance_data=("config_drive",),
        hostname="goldsmith-benchmark",
        disk_size=6 << 30,
        reserved=0,
        grows=True,
        memory=1 << 30,
        timeout=1800,
        console_log=None,
        cache_dir=None,
        parallel=2,
    )
    began, before = time.monotonic(), _work()
    # Without the judgement: on a busy host a guest may give up waiting for its own serial port.
    side_by_side.run([partial(boot.check, Runner(), one) for one in plan.boots()], 2)
    return time.monotonic() - began, _work() - before


def _work() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    raise SystemExit(main())
