# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure a boot, from power-on to the accepted key, against the same packages with Debian's own settings."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parent.parent
MODULES = "ansible_collections.goldsmith.openstack.plugins.modules"
# How much of the plain image's time each may take.
AIMS = {"cloud_init": 0.6, "lvm": 0.3}
# What is nobody's default: a network, and a root file system that is written to.
NETWORK = 'chroot "$1" systemctl enable systemd-networkd'
FSTAB = 'echo "LABEL=cloudimg-rootfs / ext4 defaults 0 1" >"$1/etc/fstab"'
# Which parameters of image_boot are which files.
FORMS = {"triplet": {"image": "ext4", "kernel": "vmlinuz", "ramdisk": "initrd"}, "disk": {"image": "qcow2"}}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="boots of each, taking turns (default: %(default)s)")
    parser.add_argument("--release", default="trixie")
    parser.add_argument("--form", choices=FORMS, default="triplet", help="what is booted (default: %(default)s)")
    parser.add_argument("--directory", help="folder for everything, with room for 6 GiB")
    parser.add_argument("--images", help="folder that keeps the images; those that are there are not made again")
    options = parser.parse_args()
    times: dict[str, list[tuple[float, float]]] = {"plain": [], **{name: [] for name in AIMS}}
    with nullcontext(options.images) if options.images else scratch_folder(options.directory) as folder:
        place = Path(folder).absolute()
        for name in AIMS:
            if not image_file(place, name, "qcow2").exists():
                build(place, options.release, name)
        if not image_file(place, "plain", "qcow2").exists():
            build_plain(place, options.release)
        for _round in range(options.rounds):
            for name, taken in times.items():
                taken.append(boot(place, name, options.form))
    return show(times)


def scratch_folder(directory: str | None) -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="goldsmith-boot-", dir=directory)


def build(place: Path, release: str, name: str) -> None:
    """Build an image with a strategy of growth; the strategy is its name."""
    variables = {
        "image_release": release,
        "image_resize": name,
        "image_name": name,
        "image_output_dir": str(place),
        "image_cache_dir": str(place / "cache"),
        "image_verify": [],
    }
    argv = [str(CHECKOUT / "goldsmith"), "playbook", "build-debian.yml", "-e", json.dumps(variables)]
    subprocess.run(argv, check=True, cwd=place, capture_output=True)


def build_plain(place: Path, release: str) -> None:
    """Install the packages of the default image, and leave all as they make it."""
    packages = [entry["package"] for entry in json.loads((place / "cloud_init/manifest.json").read_text())["packages"]]
    tree, cache = place / "tree", next((place / "cache" / "packages").iterdir())
    argv = ["mmdebstrap", "--mode=root", "--variant=minbase", f"--include={','.join(packages)}"]
    argv += ["--skip=essential/unlink", f"--customize-hook={NETWORK}", f"--customize-hook={FSTAB}"]
    argv += [f'--setup-hook=mkdir -p "$1/var/cache/apt/archives"; cp -ln {cache}/*.deb "$1/var/cache/apt/archives/"']
    subprocess.run([*argv, release, str(tree)], check=True, capture_output=True)
    (place / "plain").mkdir(exist_ok=True)
    disk = str(place / "plain.raw")
    module("loop_image", path=disk, tree=str(tree), firmware="bios", kernel_args="console=tty0 console=ttyS0,115200n8")
    files = {option: str(image_file(place, "plain", suffix)) for option, suffix in FORMS["triplet"].items()}
    module("disk_extract", src=disk, root=files["image"], kernel=files["kernel"], ramdisk=files["ramdisk"])
    module("disk_convert", src=disk, dest=str(image_file(place, "plain", "qcow2")), format="qcow2")
    os.unlink(disk)
    subprocess.run(["rm", "-rf", "--one-file-system", tree], check=True)


def boot(place: Path, name: str, form: str) -> tuple[float, float]:
    """Boot an image with a config drive until the key is accepted; return the seconds, and QEMU's processor seconds."""
    files = {option: str(image_file(place, name, suffix)) for option, suffix in FORMS[form].items()}
    guest = {"directory": str(place / "guests"), "name": name}
    used: list[tuple[float, float]] = []
    over = threading.Event()
    watch = threading.Thread(target=follow, args=(place / "guests" / name / "pid", used, over))
    watch.start()
    try:
        seen = module(
            "image_boot", **guest, **files, state="running", user="debian", instance_data="config_drive", timeout=900
        )
    finally:
        over.set()
        watch.join()
        module("image_boot", **guest, state="stopped")
    seconds = seen["seconds_to_ssh"]
    return seconds, max(processor for at, processor in used if at <= seconds)


def follow(pidfile: Path, used: list[tuple[float, float]], over: threading.Event) -> None:
    """Note ten times a second how long a machine runs and what processor time it has used, until it is over."""
    began = None
    while not over.wait(0.1):
        try:
            fields = Path("/proc", pidfile.read_text().strip(), "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        began = began or time.monotonic()
        used.append((time.monotonic() - began, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")))


def image_file(place: Path, name: str, suffix: str) -> Path:
    return place / name / f"{name}.{suffix}"


def module(module_name: str, **arguments: Any) -> dict[str, Any]:
    """Run a module in a process of its own, as Ansible does; return its result."""
    result = subprocess.run(
        [sys.executable, "-m", f"{MODULES}.{module_name}"],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT / ".ansible" / "collections")},
    )
    said = json.loads(result.stdout or json.dumps({"failed": True, "msg": result.stderr}))
    if said.get("failed"):
        raise SystemExit(f"{module_name}: {said['msg']}")
    return said


def show(times: dict[str, list[tuple[float, float]]]) -> int:
    """Print the medians; return 1 where they miss the aim."""
    medians = {name: [statistics.median(figures) for figures in zip(*taken)] for name, taken in times.items()}
    plain = medians["plain"]
    missed = False
    for name, (seconds, processor) in medians.items():
        line = f"{name:12}{seconds:8.1f} s {processor:8.1f} s of processor time"
        if name in AIMS:
            line += f"   ratios {seconds / plain[0]:.2f}, {processor / plain[1]:.2f} (aim: {AIMS[name]})"
            missed |= processor / plain[1] > AIMS[name]
        print(line)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
