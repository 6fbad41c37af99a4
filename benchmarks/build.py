# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure a build without boot and upload against mmdebstrap alone: the same packages, the same package cache."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="builds by each, taking turns (default: %(default)s)")
    parser.add_argument("--release", default="trixie")
    parser.add_argument("--directory", help="folder for everything, with room for 3 GiB")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="goldsmith-build-", dir=options.directory) as folder:
        place = Path(folder)
        build(place, options.release)  # fills the package cache, and tells the packages
        packages = request(place)
        times: dict[str, list[float]] = {"mmdebstrap": [], "build": [], "ansible": []}
        for _round in range(options.rounds):
            times["mmdebstrap"].append(mmdebstrap(place, options.release, packages))
            seconds, ansible = build(place, options.release)
            times["build"].append(seconds)
            times["ansible"].append(ansible)
    alone, whole, ansible = (statistics.median(times[name]) for name in ("mmdebstrap", "build", "ansible"))
    print(f"{'mmdebstrap alone':34}{alone:8.1f} s")
    print(f"{'build: disk, qcow2, triplet, sums':34}{whole:8.1f} s   {whole / alone:.2f} of mmdebstrap (aim: 1.35)")
    print(f"{'of it Ansible and small tasks':34}{ansible:8.1f} s   {ansible / whole:.0%} of the build")
    return 0


def build(place: Path, release: str) -> tuple[float, float]:
    """Build by the playbook; return its seconds, and those that Ansible itself and small tasks took."""
    variables = {
        "image_release": release,
        "image_name": "benchmark",
        "image_output_dir": str(place / "dist"),
        "image_cache_dir": str(place / "cache"),
        "image_verify": [],
    }
    shutil.rmtree(place / "dist", ignore_errors=True)
    argv = [str(CHECKOUT / "goldsmith"), "playbook", "build-debian.yml", "-e", json.dumps(variables)]
    began = time.monotonic()
    said = subprocess.run(argv, check=True, cwd=place, capture_output=True, text=True).stdout
    seconds = time.monotonic() - began
    share = re.search(r"of it Ansible.*\((\d+) %\)", said)
    return seconds, seconds * int(share.group(1)) / 100 if share else float("nan")


def request(place: Path) -> list[str]:
    """Return the packages of the image, every one by its name."""
    manifest = json.loads((place / "dist" / "benchmark" / "manifest.json").read_text())
    return [package["package"] for package in manifest["packages"]]


def mmdebstrap(place: Path, release: str, packages: list[str]) -> float:
    """Make a tree with the same packages from the same cache, by mmdebstrap and nothing else; return the seconds."""
    tree, cache = place / "tree", next((place / "cache" / "packages").iterdir())
    argv = ["mmdebstrap", "--mode=root", "--variant=minbase", f"--include={','.join(packages)}"]
    argv += ["--skip=essential/unlink"]
    argv += [f'--setup-hook=mkdir -p "$1/var/cache/apt/archives"; cp -ln {cache}/*.deb "$1/var/cache/apt/archives/"']
    began = time.monotonic()
    subprocess.run([*argv, release, str(tree)], check=True, capture_output=True)
    seconds = time.monotonic() - began
    subprocess.run(["rm", "-rf", "--one-file-system", tree], check=True)
    return seconds


if __name__ == "__main__":
    raise SystemExit(main())
