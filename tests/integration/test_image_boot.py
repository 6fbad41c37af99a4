# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a boot with the real tools, and boots that must fail. Guests that work: tests/boot."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.machines import HANG, SECTOR, left_below, make_disk, qemu_processes, short_folder
from helpers.modules import finish_module, run_module, start_module
from helpers.waiting import PATIENCE, wait_for

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot import boot_disk
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import config_drive
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.instance_documents import (
    InstanceData,
    openstack_documents,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner


@pytest.fixture
def short_path() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


@pytest.fixture
def scratch(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where boots put their files; nothing may be left there."""
    monkeypatch.setenv("TMPDIR", str(short_path))
    yield short_path
    assert not left_below(short_path)


@pytest.fixture
def hang(tmp_path: Path) -> Path:
    """A disk that never gets to a kernel."""
    return make_disk(tmp_path / "hang.raw", HANG)


def test_config_drive(tmp_path: Path) -> None:
    documents = openstack_documents(InstanceData("a-b", "web", "ssh-ed25519 AAAA", "#!/bin/sh\n"))
    iso = tmp_path / "config.iso"
    config_drive.make_config_drive(Runner(), documents, iso)
    label = subprocess.run(
        ["blkid", "-p", "-o", "value", "-s", "LABEL", iso], capture_output=True, text=True, check=True
    )
    assert label.stdout.strip() == "config-2"
    out = tmp_path / "out"
    argv = ["xorriso", "-osirrox", "on", "-indev", iso, "-extract", "/", out]
    subprocess.run(argv, check=True, capture_output=True)
    found = {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert found == documents


@pytest.mark.parametrize("fmt", ["qcow2", "raw", "vpc"])
def test_overlay_is_larger_and_leaves_the_image(tmp_path: Path, fmt: str) -> None:
    raw = tmp_path / "raw"
    raw.write_bytes(HANG)
    os.truncate(raw, 8 << 20)
    image = tmp_path / "image,with=odd name"
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", fmt, raw, image], check=True)
    before = image.read_bytes()
    disk = boot_disk.overlay(Runner(), str(image), 64 << 20, tmp_path)
    assert (disk.format, disk.size) == ("qcow2", 64 << 20)
    write = ["qemu-io", "-f", "qcow2", "-c", "write -P 7 1M 64k", "-c", "write -P 7 60M 64k", disk.path]
    subprocess.run(write, check=True, capture_output=True)
    subprocess.run(["qemu-img", "convert", "-O", "raw", disk.path, tmp_path / "seen"], check=True)
    with (tmp_path / "seen").open("rb") as seen:
        assert seen.read(SECTOR) == HANG
        seen.seek(60 << 20)
        assert seen.read(4) == b"\7\7\7\7"
    assert image.read_bytes() == before


def test_disk_is_not_made_smaller(tmp_path: Path) -> None:
    image = tmp_path / "image.raw"
    image.write_bytes(HANG)
    os.truncate(image, 64 << 20)
    assert boot_disk.overlay(Runner(), str(image), 8 << 20, tmp_path).size == 64 << 20


def test_root_file_system_is_grown_on_a_copy(tmp_path: Path) -> None:
    tree, image, folder = tmp_path / "tree", tmp_path / "root.ext4", tmp_path / "work"
    tree.mkdir()
    folder.mkdir()
    (tree / "file").write_text("content")
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-d", tree, image, "32M"], check=True)
    before = image.read_bytes()
    disk = boot_disk.grown_copy(Runner(), str(image), 1 << 30, folder)
    assert image.read_bytes() == before
    assert (disk.format, disk.size) == ("raw", 1 << 30)
    assert os.stat(disk.path).st_size == 1 << 30
    assert os.stat(disk.path).st_blocks * SECTOR < 64 << 20
    subprocess.run(["e2fsck", "-fn", disk.path], check=True, capture_output=True)
    header = subprocess.run(["dumpe2fs", "-h", disk.path], check=True, capture_output=True, text=True).stdout
    fields = dict(line.split(":", 1) for line in header.splitlines() if ":" in line)
    assert int(fields["Block count"]) * int(fields["Block size"]) == 1 << 30
    said = subprocess.run(["debugfs", "-R", "cat /file", disk.path], check=True, capture_output=True, text=True)
    assert said.stdout == "content"


def test_nothing_to_boot_is_seen_at_once(tmp_path: Path, scratch: Path) -> None:
    image = make_disk(tmp_path / "empty.raw")
    log = tmp_path / "console.log"
    begin = time.monotonic()
    result = run_module("image_boot", {"image": str(image), "user": "debian", "console_log": str(log)})
    assert time.monotonic() - begin < PATIENCE
    assert result["failed"] is True
    assert f"{image} did not come up: the firmware found no system" in result["msg"]
    assert "\n" not in result["msg"]
    assert result["seconds_to_kernel"] is None
    assert b"No bootable device" in log.read_bytes()


def test_no_kernel_within_the_time(hang: Path, scratch: Path) -> None:
    result = run_module("image_boot", {"image": str(hang), "user": "debian", "timeout": 6, "machine": "pc"})
    assert result["failed"] is True
    assert "did not come up within 6 s: no kernel spoke on the serial console" in result["msg"]
    assert result["reached"] == "no kernel spoke on the serial console"
    assert result["accelerator"] in ("kvm", "tcg")
    assert hang.read_bytes() == HANG.ljust(1 << 20, b"\0")


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("delay", [0.0, 0.3, 1.0])
def test_killed_at_any_moment(hang: Path, scratch: Path, end: signal.Signals, delay: float) -> None:
    process = start_module("image_boot", {"image": str(hang), "user": "debian"})
    wait_for(lambda: any(scratch.glob("*/*/")))
    time.sleep(delay)
    process.send_signal(end)
    process.communicate()
    wait_for(lambda: not qemu_processes(scratch))
    if end == signal.SIGKILL:
        # Only files can be left. The next run removes them.
        run_module("image_boot", {"image": str(hang), "user": "debian", "timeout": 1})


def test_failed_start_of_an_instance_leaves_nothing(hang: Path, short_path: Path) -> None:
    guests = short_path / "guests"
    place = {"directory": str(guests), "name": "web"}
    result = run_module("image_boot", {"image": str(hang), "user": "debian", "timeout": 4, "state": "running", **place})
    assert result["failed"] is True
    assert not (guests / "web").exists()
    assert not qemu_processes(guests)


def test_killed_start_of_an_instance_is_taken_over(hang: Path, short_path: Path) -> None:
    guests = short_path / "guests"
    place = {"directory": str(guests), "name": "web"}
    process = start_module("image_boot", {"image": str(hang), "user": "debian", "state": "running", **place})
    wait_for(lambda: (guests / "web" / "pid").exists() and qemu_processes(guests))
    process.kill()
    process.communicate()
    assert run_module("image_boot", {"state": "stopped", **place}, check=True)["changed"] is True
    assert run_module("image_boot", {"state": "stopped", **place})["changed"] is True
    assert not qemu_processes(guests)
    assert not (guests / "web").exists()


def test_console_log_that_cannot_be_written(hang: Path, scratch: Path, tmp_path: Path) -> None:
    log = tmp_path / "nowhere" / "console.log"
    result = run_module("image_boot", {"image": str(hang), "user": "debian", "timeout": 2, "console_log": str(log)})
    assert result["failed"] is True
    assert f"cannot write {log}" in result["msg"]


def test_path_too_long_for_a_socket(hang: Path, tmp_path: Path) -> None:
    place = {"directory": str(tmp_path / ("x" * 100)), "name": "web", "state": "running"}
    result = run_module("image_boot", {"image": str(hang), "user": "debian", **place})
    assert result["failed"] is True
    assert "too long for a socket; choose a shorter folder" in result["msg"]


def test_two_at_once_have_ports_of_their_own(hang: Path, scratch: Path) -> None:
    boot = {"image": str(hang), "user": "debian", "timeout": 4}
    processes = [start_module("image_boot", boot) for _number in range(2)]
    for process in processes:
        assert "no kernel spoke" in finish_module(process)["msg"]


def test_uefi_variables_are_a_copy(tmp_path: Path, scratch: Path, hang: Path) -> None:
    stores = [Path(name) for name in ("/usr/share/OVMF/OVMF_VARS_4M.fd", "/usr/share/OVMF/OVMF_VARS.fd")]
    before = {path: path.read_bytes() for path in stores if path.exists()}
    assert before, "the tests need the package ovmf"
    result = run_module("image_boot", {"image": str(hang), "user": "debian", "firmware": "uefi", "timeout": 15})
    assert result["failed"] is True
    assert {path: path.read_bytes() for path in before} == before
