# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure how a disk becomes a clean, compressed image, against virt-sysprep and virt-sparsify from the same disk."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
PLAY = """\
- name: Make an image of a disk
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Take the tree out of it
      goldsmith.openstack.disk_extract:
        src: "{{ benchmark_disk }}"
        tree: "{{ benchmark_folder }}/tree"

    - name: Clean it and make an image of it
      ansible.builtin.import_role:
        name: goldsmith.openstack.disk_image
      vars:
        disk_image_tree: "{{ benchmark_folder }}/tree"
        disk_image_workspace: "{{ benchmark_folder }}"
        disk_image_directory: "{{ benchmark_folder }}"
        disk_image_name: ours
        disk_image_artifacts: [{format: qcow2, file: ours.qcow2}]
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("disk", type=Path, help="disk image of a machine that is shut down; it is not changed")
    parser.add_argument("--rounds", type=int, default=3, help="images by each, taking turns (default: %(default)s)")
    parser.add_argument("--directory", help="folder for everything, with room for four times the disk")
    options = parser.parse_args()
    times: dict[str, list[float]] = {"peer": [], "ours": []}
    sizes = {}
    with tempfile.TemporaryDirectory(prefix="goldsmith-capture-", dir=options.directory) as folder:
        for _round in range(options.rounds):
            for name, make in (("peer", peer), ("ours", ours)):
                place = Path(folder, name)
                place.mkdir()
                began = time.monotonic()
                image = make(options.disk.resolve(), place)
                times[name].append(time.monotonic() - began)
                sizes[name] = image.stat().st_size
                shutil.rmtree(place)
    peer_time, our_time = (statistics.median(times[name]) for name in ("peer", "ours"))
    print(f"{'virt-sysprep, virt-sparsify':30}{peer_time:8.1f} s {sizes['peer'] / 1e6:8.1f} MB")
    print(f"{'disk_extract, disk_image':30}{our_time:8.1f} s {sizes['ours'] / 1e6:8.1f} MB")
    print(f"{'ratio':30}{our_time / peer_time:8.2f}   {sizes['ours'] / sizes['peer']:8.2f}")
    return 0


def peer(disk: Path, place: Path) -> Path:
    """Clean a copy of the disk, and compress that."""
    copy, image = place / "copy.qcow2", place / "peer.qcow2"
    environment = {**os.environ, "LIBGUESTFS_BACKEND": "direct"}
    run(["qemu-img", "convert", "-O", "qcow2", str(disk), str(copy)])
    run(["virt-sysprep", "--quiet", "--format", "qcow2", "-a", str(copy)], environment)
    argv = ["virt-sparsify", "--quiet", "--compress", "-o", "compression_type=zstd", "--convert", "qcow2"]
    run([*argv, str(copy), str(image)], {**environment, "TMPDIR": str(place)})
    return image


def ours(disk: Path, place: Path) -> Path:
    """Re-create the disk from its files, by the role that every build uses."""
    (place / "play.yml").write_text(PLAY)
    variables = json.dumps({"benchmark_disk": str(disk), "benchmark_folder": str(place)})
    run([str(CHECKOUT / "goldsmith"), "playbook", str(place / "play.yml"), "-e", variables])
    return place / "ours.qcow2"


def run(argv: list[str], environment: dict[str, str] | None = None) -> None:
    """Run a program quietly; show what it said where it fails."""
    result = subprocess.run(argv, check=False, capture_output=True, text=True, env=environment)
    if result.returncode:
        raise SystemExit(f"{argv[0]}: {result.stdout}{result.stderr}")


if __name__ == "__main__":
    raise SystemExit(main())
