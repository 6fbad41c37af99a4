# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure an upload by the module against a plain PUT by curl of the same bytes to the same local Glance.

Then three images at once, each by a process of its own as Ansible's forks would, against one after the other.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parent.parent
COLLECTIONS = CHECKOUT / ".ansible" / "collections"
sys.path.insert(0, str(COLLECTIONS))

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.connection import Cloud, CloudOptions  # noqa: E402
from ansible_collections.goldsmith.openstack.plugins.module_utils._local_cloud.servers import LocalCloud  # noqa: E402

MODULE = "ansible_collections.goldsmith.openstack.plugins.modules.glance_triplet_upload"
VENV = Path.home() / ".cache" / "goldsmith" / "local_cloud" / "venv"
MIB = 1 << 20
AIM = 1.15
AIM_PARALLEL = 1.0
AIM_MEMORY = 150


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--size", type=int, default=2048, metavar="MIB", help="size of the image (default: %(default)s)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="uploads by each, taking turns (default: %(default)s)")
    parser.add_argument("--directory", help="folder for image and cloud, with room for four times the size")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="goldsmith-upload-", dir=options.directory) as folder:
        directory = Path(folder)
        cloud = LocalCloud(directory=directory / "cloud", venv=VENV, python=sys.executable)
        cloud.start()
        try:
            results = measure(cloud, make_image(directory / "image.raw", options.size * MIB), options.rounds)
            (directory / "image.raw").unlink()
            # As many bytes as before, in three.
            images = [make_image(directory / f"image-{part}.raw", options.size // 3 * MIB) for part in range(3)]
            results |= measure_together(cloud, images, options.rounds)
        finally:
            cloud.remove()
    return show(options.size, results)


def measure(cloud: LocalCloud, image: Path, rounds: int) -> dict[str, list[float]]:
    """Upload in turns, so that a busy moment of the machine strikes both."""
    connection = Cloud(CloudOptions(cloud="embedded", clouds_yaml=str(cloud.clouds_yaml)))
    results: dict[str, list[float]] = {"curl": [], "upload": [], "process": [], "memory": []}
    for number in range(rounds):
        results["curl"].append(by_curl(cloud, connection, image))
        said, wall, memory = by_module(cloud, image, f"module-{number}")
        results["upload"].append(said["seconds"])
        results["process"].append(wall)
        results["memory"].append(memory)
        connection.image_request("DELETE", f"/images/{said['image_id']}")
    return results


def by_curl(cloud: LocalCloud, connection: Cloud, image: Path) -> float:
    """Return the seconds of the PUT alone: the image is made beforehand, and nothing is verified."""
    image_id = str(uuid.uuid4())
    description = {"id": image_id, "name": "curl", "disk_format": "raw", "container_format": "bare"}
    connection.image_request("POST", "/images", json=description)
    settings = cloud.settings()
    if settings is None:
        raise SystemExit("the local cloud has no settings")
    headers = ["-H", f"X-Auth-Token: {connection.token}", "-H", "Content-Type: application/octet-stream"]
    url = f"{settings.image_url}/v2/images/{image_id}/file"
    began = time.monotonic()
    subprocess.run(["curl", "-sS", "--fail", "-T", image, *headers, url], check=True)
    seconds = time.monotonic() - began
    connection.image_request("DELETE", f"/images/{image_id}")
    return seconds


def measure_together(cloud: LocalCloud, images: list[Path], rounds: int) -> dict[str, list[float]]:
    """Upload several images one after the other and at once, in turns."""
    connection = Cloud(CloudOptions(cloud="embedded", clouds_yaml=str(cloud.clouds_yaml)))
    results: dict[str, list[float]] = {"in turn": [], "at once": []}
    for number in range(rounds):
        # Who goes first has the emptier disk: that changes from round to round.
        for way in sorted(results, reverse=bool(number % 2)):
            names = [f"{image.stem}-{number}" for image in images]
            began = time.monotonic()
            if way == "at once":
                running = [start_module(cloud, image, name) for image, name in zip(images, names)]
                said = [end_module(process)[0] for process in running]
            else:
                said = [end_module(start_module(cloud, image, name))[0] for image, name in zip(images, names)]
            results[way].append(time.monotonic() - began)
            for one in said:
                connection.image_request("DELETE", f"/images/{one['image_id']}")
    return results


def by_module(cloud: LocalCloud, image: Path, name: str) -> tuple[dict[str, Any], float, float]:
    """Return the result of the module, the seconds of its whole process, and that one's peak memory in MiB."""
    began = time.monotonic()
    said, memory = end_module(start_module(cloud, image, name))
    return said, time.monotonic() - began, memory


def start_module(cloud: LocalCloud, image: Path, name: str) -> subprocess.Popen[str]:
    """Start the module in a process of its own, as Ansible does."""
    arguments = {"cloud": "embedded", "clouds_yaml": str(cloud.clouds_yaml), "name": name, "image": str(image)}
    process = subprocess.Popen(
        [sys.executable, "-m", MODULE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(COLLECTIONS)},
    )
    if process.stdin is None:
        raise SystemExit("no pipe to the module")
    process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))
    process.stdin.close()
    return process


def end_module(process: subprocess.Popen[str]) -> tuple[dict[str, Any], float]:
    """Return the result of a module and the peak of its memory in MiB."""
    if process.stdout is None:
        raise SystemExit("no pipe from the module")
    said = json.loads(process.stdout.read())
    _pid, _status, usage = os.wait4(process.pid, 0)
    if said.get("failed"):
        raise SystemExit(said["msg"])
    return said, usage.ru_maxrss / 1024


def make_image(path: Path, size: int) -> Path:
    """Make a disk with one partition of bytes that cannot be compressed; Glance looks at the partition table."""
    with path.open("wb") as file:
        for _block in range(size // MIB):
            file.write(os.urandom(MIB))
        partition = b"\x80\0\2\0\x83\xff\xff\xff" + (1).to_bytes(4, "little") + (size // 512 - 1).to_bytes(4, "little")
        file.seek(0)
        file.write(bytes(446) + partition + bytes(48) + b"\x55\xaa")
    return path


def show(size: int, results: dict[str, list[float]]) -> int:
    """Print the medians; return 1 where they miss the aim."""
    curl, upload, process = (statistics.median(results[name]) for name in ("curl", "upload", "process"))
    in_turn, at_once = (statistics.median(results[name]) for name in ("in turn", "at once"))
    memory = max(results["memory"])
    print(f"image                    {size} MiB, median of {len(results['curl'])} uploads each")
    print(f"curl, PUT alone          {curl:6.2f} s  {size / curl:6.0f} MiB/s")
    print(
        f"module, verified upload  {upload:6.2f} s  {size / upload:6.0f} MiB/s  ratio {upload / curl:.2f} (aim: {AIM})"
    )
    print(f"module, whole process    {process:6.2f} s                ratio {process / curl:.2f}")
    print(f"module, peak memory      {memory:6.0f} MiB (aim: {AIM_MEMORY})")
    print(f"three images of          {size // 3} MiB")
    print(f"one after the other      {in_turn:6.2f} s")
    print(
        f"at once                  {at_once:6.2f} s                ratio {at_once / in_turn:.2f} (aim: {AIM_PARALLEL})"
    )
    return int(upload / curl > AIM or memory > AIM_MEMORY or at_once / in_turn > AIM_PARALLEL)


if __name__ == "__main__":
    sys.exit(main())
