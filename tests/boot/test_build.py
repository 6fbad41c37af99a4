# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The build itself: killed at any moment, repeated, by an ordinary user. The same input gives the same bits."""

from __future__ import annotations

import json
import os
import pwd
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers.guests import NAME, TIMEOUT, BuiltImage
from helpers.processes import family
from helpers.tools import project_files, run_tool, tool

pytestmark = pytest.mark.slow

ACCOUNT = "goldsmith-test"
KILLS = 10
LAST_KILL = 30.0  # seconds after the start; a quiet machine needs about 50 for the whole
GRACE = 20.0


def command(output: Path, **variables: object) -> list[str]:
    """The build of the very image that the fixture builds, into a folder of its own."""
    options = {"image_name": NAME, "image_output_dir": str(output), "image_verify": [], **variables}
    return ["./goldsmith", "playbook", "build-debian.yml", "-e", json.dumps(options)]


def test_a_build_killed_at_any_moment_leaves_nothing_and_the_next_one_is_the_same(
    built_image: Callable[[str], BuiltImage], checkout: Path, tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    environment = {**os.environ, "TMPDIR": str(scratch)}
    for turn in range(KILLS):
        moment = random.uniform(turn, turn + 1) * LAST_KILL / KILLS
        with family() as members:
            build = subprocess.Popen(
                command(tmp_path, image_formats=["raw", "triplet"]),
                cwd=checkout,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
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
        partial = [path.name for path in tmp_path.rglob("*.partial")]
        assert not partial, f"killed after {moment:.1f} s, left {partial}"
    run_tool(command(tmp_path, image_formats=["raw", "triplet"]), cwd=checkout, timeout=1800)
    again, first = BuiltImage(tmp_path / NAME, NAME).checksums(), built_image("bios").checksums()
    assert set(again) == {"raw", "vmlinuz", "initrd", "ext4"}
    assert again == {suffix: first[suffix] for suffix in again}
    run_tool(["sha512sum", "--check", "--quiet", "SHA512SUMS"], cwd=tmp_path / NAME)


@pytest.fixture
def user_checkout(checkout: Path) -> Iterator[Path]:
    """A checkout of an ordinary user with subordinate ids, who may not become root."""
    if os.geteuid() != 0:
        yield checkout  # the tests are run by such a user
        return
    subprocess.run(["userdel", "--remove", ACCOUNT], check=False, capture_output=True)
    subprocess.run(["useradd", "--create-home", "--shell", "/bin/sh", ACCOUNT], check=True, capture_output=True)
    try:
        home = Path(pwd.getpwnam(ACCOUNT).pw_dir)
        for name in project_files(checkout):
            (home / "checkout" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(checkout / name, home / "checkout" / name)
        # Like many users it has uv, which sets the environment up in a few seconds.
        (home / "bin").mkdir()
        shutil.copy(tool("uv"), home / "bin")
        subprocess.run(["chown", "-R", f"{ACCOUNT}:", home / "checkout"], check=True)
        yield home / "checkout"
    finally:
        subprocess.run(["userdel", "--remove", ACCOUNT], check=True, capture_output=True)


def test_an_ordinary_user_builds_the_same_image_and_boots_it(
    built_image: Callable[[str], BuiltImage], user_checkout: Path
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="gs-", dir=user_checkout.parent))
    argv = command(folder, image_formats=["raw"], image_verify=["audit", "boot"], image_verify_timeout=TIMEOUT)
    if os.geteuid() == 0:
        shutil.chown(folder, ACCOUNT)
        # How to reach the package index is the machine's matter, not the account's.
        keep = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_", "SSL_"))}
        keep["PATH"] = f"{user_checkout.parent / 'bin'}:/usr/local/bin:/usr/bin:/bin"
        account = ["setpriv", f"--reuid={ACCOUNT}", f"--regid={ACCOUNT}", "--init-groups", "--reset-env"]
        argv = [*account, "env", *(f"{name}={value}" for name, value in keep.items()), *argv]
    run_tool(argv, cwd=user_checkout, timeout=2400)
    image = BuiltImage(folder / NAME, NAME)
    assert image.checksums()["raw"] == built_image("bios").checksums()["raw"]
    assert image.file("raw").stat().st_uid == user_checkout.stat().st_uid
    assert "login:" in (image.folder / "console.log").read_text(errors="replace")
