# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role image_verify does before and around the boots; tests/boot has boots that come up."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from helpers.machines import HANG, left_below, machines, make_disk, qemu_processes, short_folder
from helpers.waiting import wait_for

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces

MAIN = """
- hosts: localhost
  gather_facts: false
  roles:
    - goldsmith.openstack.image_verify
  post_tasks:
    - ansible.builtin.debug:
        msg: "took down {{ image_verify_report.boots | length }} boots"
"""
# What follows sees no firmware of UEFI.
HIDE = """
for folder in /usr/share/OVMF /usr/share/edk2; do
    [ ! -d "$folder" ] || mount -t tmpfs none "$folder"
done
exec "$@"
"""
BOOT = {"image_verify_checks": ["boot"], "image_verify_memory": "128M", "image_verify_parallel": 2}


@pytest.fixture
def scratch() -> Iterator[Path]:
    """Where boots put their files."""
    with short_folder() as folder:
        yield folder


def command(folder: Path, variables: dict[str, Any], *options: str, boot_sector: bytes = b"") -> list[str]:
    (folder / "play.yml").write_text(MAIN)
    image = make_disk(folder / "image.raw", boot_sector)
    said = {"image_verify_image": str(image), "image_verify_cache_dir": str(folder / "cache"), **variables}
    return ["./goldsmith", "playbook", str(folder / "play.yml"), "-e", json.dumps(said), *options]


def play(checkout: Path, argv: Sequence[str], scratch: Path) -> tuple[int, str]:
    environment = {**os.environ, "TMPDIR": str(scratch)}
    done = subprocess.run(argv, check=False, cwd=checkout, capture_output=True, text=True, env=environment)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def test_a_boot_that_fails_is_named_in_one_line(checkout: Path, tmp_path: Path, scratch: Path) -> None:
    log = tmp_path / "console.log"
    argv = command(tmp_path, {**BOOT, "image_verify_console_log": str(log)})
    status, said = play(checkout, argv, scratch)
    assert status != 0
    assert f"bios: {tmp_path}/image.raw did not come up: the firmware found no system" in said
    assert "took down" not in said
    assert log.exists()
    assert not left_below(scratch)


def test_check_mode_boots_nothing(checkout: Path, tmp_path: Path, scratch: Path) -> None:
    status, said = play(checkout, command(tmp_path, BOOT, "--check", "--diff", boot_sector=HANG), scratch)
    assert (status, "took down 0 boots" in said, "changed=0" in said) == (0, True, True), said
    assert not list(scratch.iterdir())
    assert not (tmp_path / "cache").exists()
    # What cannot be booted is told there too.
    wrong = {**BOOT, "image_verify_image": str(tmp_path / "none.raw")}
    status, said = play(checkout, command(tmp_path, wrong, "--check"), scratch)
    assert (status != 0, f"image={tmp_path}/none.raw: no such file" in said) == (True, True), said


@pytest.mark.root
def test_a_firmware_that_this_host_lacks_is_a_failure_before_any_proof(
    checkout: Path, tmp_path: Path, scratch: Path
) -> None:
    argv = command(tmp_path, {"image_verify_firmwares": ["bios", "uefi"]})
    status, said = play(checkout, [*namespaces.prefix(), "sh", "-c", HIDE, "hide", *argv], scratch)
    assert status != 0
    assert "firmware=uefi: no UEFI firmware for amd64 is installed; install the package ovmf" in said
    assert "Audit" not in said and "Boot each" not in said


def test_a_playbook_that_is_killed_leaves_no_machine(checkout: Path, tmp_path: Path, scratch: Path) -> None:
    argv = command(tmp_path, {**BOOT, "image_verify_firmwares": ["bios", "uefi"]}, boot_sector=HANG)
    environment = {**os.environ, "TMPDIR": str(scratch)}
    # It becomes ansible-playbook.
    process = subprocess.Popen(
        argv, cwd=checkout, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(lambda: machines(scratch) == 2)
    finally:
        process.kill()
        process.wait()
    wait_for(lambda: not qemu_processes(scratch))
    wait_for(lambda: not left_below(scratch))
