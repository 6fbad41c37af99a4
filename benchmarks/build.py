# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure builds without boot and upload against mmdebstrap alone: the same packages, the same package cache.

Three builds: from nothing but that cache; after one task of a user's role has changed; and with nothing changed. Where
disk-image-create is on the PATH, with debootstrap and sudo, diskimage-builder makes a qcow2 of the same packages, of a
file system alone: its disks need the device mapper of the kernel.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
TASKS = """
- name: Leave a mark
  ansible.builtin.copy:
    content: "{mark}"
    dest: /srv/mark
    mode: "0644"
"""
# What is told, what it is a ratio of, and the aim.
ROWS = (
    ("mmdebstrap alone", "", ""),
    ("cold: disk, qcow2, triplet, sums", "mmdebstrap alone", "1.0"),
    ("one task of a role changed", "cold: disk, qcow2, triplet, sums", "0.15"),
    ("nothing changed", "cold: disk, qcow2, triplet, sums", "5 s"),
)
DIB = "disk-image-create"
DIB_AIM = "0.5"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of all builds, taking turns (default: %(default)s)")
    parser.add_argument("--release", default="trixie")
    parser.add_argument("--directory", help="folder for everything, with room for 4 GiB")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="goldsmith-build-", dir=options.directory) as folder:
        place = Path(folder)
        mark(place, "first")
        build(place, options.release)  # fills the package cache, and tells the packages
        packages = request(place)
        rounds, others = [], []
        for turn in range(options.rounds):
            alone = seconds(lambda: mmdebstrap(place, options.release, packages))
            forget(place)
            cold = seconds(lambda: build(place, options.release))
            mark(place, f"round {turn}")
            changed = seconds(lambda: build(place, options.release))
            same = seconds(lambda: build(place, options.release))
            rounds.append((alone, cold, changed, same))
            if shutil.which(DIB):
                if not turn:
                    dib(place, options.release, packages)  # fills its package cache
                others.append(seconds(lambda: dib(place, options.release, packages)))
            remove(place / "tree")
    medians = {row[0]: statistics.median(times) for row, times in zip(ROWS, zip(*rounds))}
    for name, other, aim in ROWS:
        ratio = f"   {medians[name] / medians[other]:.2f} of {other} (aim: {aim})" if other else ""
        print(f"{name:34}{medians[name]:8.1f} s{ratio}")
    if others:
        other = statistics.median(others)
        ratio = f"cold is {medians[ROWS[1][0]] / other:.2f} of it (aim: {DIB_AIM})"
        print(f"{'diskimage-builder, file system':34}{other:8.1f} s   {ratio}")
    else:
        print(f"diskimage-builder: not measured, because {DIB} is not on the PATH")
    return 0


def seconds(work: Callable[[], None]) -> float:
    """Return how long something takes."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


def mark(place: Path, text: str) -> None:
    """Let the user's role have one task, with this text."""
    tasks = place / "marker" / "tasks" / "main.yml"
    tasks.parent.mkdir(parents=True, exist_ok=True)
    tasks.write_text(TASKS.format(mark=text))


def build(place: Path, release: str) -> None:
    """Build by the playbook."""
    variables = {
        "image_release": release,
        "image_name": "benchmark",
        "image_output_dir": str(place / "dist"),
        "image_cache_dir": str(place / "cache"),
        "image_roles": [str(place / "marker")],
        "image_verify": [],
    }
    argv = [str(CHECKOUT / "goldsmith"), "playbook", "build-debian.yml", "-e", json.dumps(variables)]
    subprocess.run(argv, check=True, cwd=place, capture_output=True)


def forget(place: Path) -> None:
    """Remove what builds have made and kept, but not the downloaded packages."""
    shutil.rmtree(place / "dist", ignore_errors=True)
    for name in ("layers", "archives", "records"):
        remove(place / "cache" / name)


def request(place: Path) -> list[str]:
    """Return the packages of the image, every one by its name."""
    manifest = json.loads((place / "dist" / "benchmark" / "manifest.json").read_text())
    return [package["package"] for package in manifest["packages"]]


def mmdebstrap(place: Path, release: str, packages: list[str]) -> None:
    """Make a tree with the same packages from the same cache, by mmdebstrap and nothing else."""
    cache = next((place / "cache" / "packages").iterdir())
    argv = ["mmdebstrap", "--mode=root", "--variant=minbase", f"--include={','.join(packages)}"]
    argv += ["--skip=essential/unlink"]
    argv += [f'--setup-hook=mkdir -p "$1/var/cache/apt/archives"; cp -ln {cache}/*.deb "$1/var/cache/apt/archives/"']
    subprocess.run([*argv, release, str(place / "tree")], check=True, capture_output=True)


def dib(place: Path, release: str, packages: list[str]) -> None:
    """Make a qcow2 with the same packages by diskimage-builder, which makes its tree by mmdebstrap."""
    # Its own address of the security archive is no longer there.
    sources = (place / "tree" / "etc" / "apt" / "sources.list").read_text().split("\n")
    named = [f"source{number}:{line}" for number, line in enumerate(sources) if line]
    environment = {
        "DIB_RELEASE": release,
        "DIB_IMAGE_CACHE": str(place / "dib"),
        "DIB_APT_SOURCES_CONF": "\n".join(named),
        "TMPDIR": str(place),
    }
    argv = [DIB, "-a", "amd64", "-t", "qcow2", "-o", str(place / "dib" / "image"), "-p", ",".join(packages)]
    (place / "dib").mkdir(exist_ok=True)
    subprocess.run([*argv, "debian-minimal"], check=True, capture_output=True, env={**os.environ, **environment})


def remove(folder: Path) -> None:
    """Remove a folder with files of all owners."""
    subprocess.run(["rm", "-rf", "--one-file-system", folder], check=True)


if __name__ == "__main__":
    raise SystemExit(main())
