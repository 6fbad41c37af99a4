# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The build itself: killed at any moment, repeated, by an ordinary user. The same input gives the same bits."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers.guests import NAME, TIMEOUT, BuiltImage
from helpers.processes import family
from helpers.tools import run_tool
from helpers.users import Account, user_with_checkout

pytestmark = pytest.mark.slow

NOBODY = 0xFFFFFFFF
KILLS = int(os.environ.get("GOLDSMITH_KILLS", "3"))
LAST_KILL = 45.0  # seconds after the start; a quiet machine needs about as much for the whole
GRACE = 20.0
# Not the bus that an image has by default
SCSI = {
    "hw_disk_bus": "scsi",
    "hw_scsi_model": "virtio-scsi",
    "hw_machine_type": "q35",
    "hw_rng_model": "virtio",
    "hw_tpm_model": "tpm-crb",
}
# What every file made below a folder gets: the account 1 may write. Each entry is tag, permissions, id.
DEFAULT_ACL = struct.pack(
    "<I" + "HHI" * 5,
    *(2, *(1, 7, NOBODY), *(2, 7, 1), *(4, 7, NOBODY), *(16, 7, NOBODY), *(32, 5, NOBODY)),
)


def command(output: Path, **variables: object) -> list[str]:
    """The build of the very image that the fixture builds, into a folder of its own."""
    options = {"image_name": NAME, "image_output_dir": str(output), "image_verify": [], **variables}
    return ["./goldsmith", "playbook", "build-debian.yml", "-e", json.dumps(options)]


@pytest.fixture
def cache(built_image: Callable[[str], BuiltImage], tmp_path: Path) -> Path:
    """A cache that has nothing but downloaded packages."""
    built_image("bios")
    folder = tmp_path / "cache"
    (folder / "packages").mkdir(parents=True)
    # Those of other releases may be changing.
    downloads = Path.home() / ".cache" / "goldsmith" / "packages" / "trixie-amd64"
    subprocess.run(["cp", "--recursive", "--link", downloads, folder / "packages"], check=True)
    return folder


def test_builds_killed_at_any_moment_leave_nothing_and_the_next_ones_are_the_same(
    built_image: Callable[[str], BuiltImage], checkout: Path, tmp_path: Path, cache: Path
) -> None:
    first = built_image("bios").checksums()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    environment = {**os.environ, "TMPDIR": str(scratch)}
    options = {"image_formats": ["raw", "qcow2", "triplet"], "image_cache_dir": str(cache)}
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    for turn in range(KILLS):
        moment = random.uniform(turn, turn + 1) * LAST_KILL / KILLS
        with family() as members:
            build = subprocess.Popen(command(tmp_path, **options), cwd=checkout, env=environment, **quiet)
            time.sleep(moment)
            assert members()
            build.send_signal(signal.SIGKILL)
            build.wait()
            deadline = time.monotonic() + GRACE
            while (left := members()) and time.monotonic() < deadline:
                time.sleep(0.2)
        assert not left, f"killed after {moment:.1f} s, still there: {left}"
        loops = subprocess.run(["losetup", "--list"], check=True, capture_output=True, text=True).stdout
        assert str(tmp_path) not in loops + Path("/proc/self/mounts").read_text(), f"killed after {moment:.1f} s"
        partial = [path.name for path in (tmp_path / NAME).rglob("*.partial")]
        assert not partial, f"killed after {moment:.1f} s, left {partial}"
    # What the killed ones have left in the cache serves two at once.
    folders = [tmp_path, tmp_path / "second"]
    builds = [subprocess.Popen(command(folder, **options), cwd=checkout, **quiet) for folder in folders]
    assert [build.wait(1800) for build in builds] == [0, 0]
    for folder in folders:
        again = BuiltImage(folder / NAME, NAME).checksums()
        assert again == first
        run_tool(["sha512sum", "--check", "--quiet", "SHA512SUMS"], cwd=folder / NAME)
    assert list((cache / "work").iterdir()) == []
    assert {path.name.partition("-")[0] for path in (cache / "layers").iterdir() if path.name[0] != "."} == {
        *("packages", "guest", "roles"),
    }


@pytest.fixture
def account(checkout: Path) -> Iterator[Account]:
    """An ordinary user with a checkout."""
    with user_with_checkout(checkout) as account:
        yield account


def test_an_ordinary_user_builds_the_same_image_and_boots_disk_and_triplet_side_by_side_on_scsi(
    built_image: Callable[[str], BuiltImage], account: Account
) -> None:
    folder = account.folder()
    proofs = {"image_verify": ["audit", "boot"], "image_verify_timeout": TIMEOUT, "image_verify_parallel": 2}
    proofs["image_properties"] = SCSI
    options = {"image_formats": ["raw", "qcow2", "triplet"], "image_cache_dir": str(folder / "cache"), **proofs}
    # Nor does what else differs from host to host show in the image.
    (folder / "cache").mkdir()
    shutil.chown(folder / "cache", account.name, account.name)
    (folder / "cache").chmod(0o2777)
    os.setxattr(folder / "cache", "system.posix_acl_default", DEFAULT_ACL)
    own = account.words(TZ="Asia/Tokyo", LANG="de_DE.UTF-8", LC_ALL="tr_TR.UTF-8")
    argv = ["sh", "-c", 'umask 077; exec "$@"', "strict", *own, *command(folder, **options)]
    run_tool(argv, cwd=account.checkout, timeout=2400)
    image = BuiltImage(folder / NAME, NAME)
    assert image.checksums() == built_image("bios").checksums()
    assert image.file("raw").stat().st_uid == account.checkout.stat().st_uid
    for log in ("console.log", "console-triplet.log"):
        assert "login:" in (image.folder / log).read_text(errors="replace")
    # The hardware is the one that is published.
    (record,) = (folder / "cache" / "records").glob("proof-*.json")
    report = json.loads(record.read_text())["report"]
    seen = {boot["name"]: boot["root_device"] for boot in report["boots"]}
    assert seen == {"bios": "/dev/sda1", "triplet": "/dev/sda"}
    assert report["not_tried"] == ["hw_tpm_model=tpm-crb"]
    (bus,) = [result for result in report["audit"] if result["id"] == "Q9"]
    assert bus["verdict"] == "pass" and any("virtio_scsi.ko" in line for line in bus["evidence"])
    # What the next boots of these forms will be estimated by.
    for form in ("bios", "triplet"):
        records = (folder / "cache" / "boots").glob(f"{form}-*.json")
        boot = json.loads(max(records, key=lambda path: path.stat().st_mtime).read_text())["boots"][-1]
        assert boot["firmware"] > 0 and boot["kernel"] > 0 and boot["services"] > 0 and boot["login"] > 0
