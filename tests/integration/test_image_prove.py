# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several machines of one proof at the same time. What guests that work show: tests/boot."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.machines import HANG, left_below, machines, make_disk, qemu_processes, short_folder
from helpers.modules import finish_module, run_module, start_module
from helpers.waiting import wait_for

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.stages import STAGES
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.progress import PROGRESS_FILE


@pytest.fixture
def scratch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where boots put their files; nothing may be left there."""
    with short_folder() as folder:
        monkeypatch.setenv("TMPDIR", str(folder))
        yield folder
        assert not left_below(folder)


@pytest.fixture
def image(tmp_path: Path) -> dict[str, object]:
    """A disk that hangs for ever, and a triplet whose kernel is none: QEMU ends at once."""
    disk, tree, root, kernel = (tmp_path / name for name in ("hang.raw", "tree", "root.ext4", "kernel"))
    tree.mkdir()
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-d", tree, root, "8M"], check=True)
    make_disk(kernel)
    parts = {"image": make_disk(disk, HANG), "root": root, "kernel": kernel, "ramdisk": kernel}
    return {
        **{option: str(path) for option, path in parts.items()},
        "user": "debian",
        "disk_size": "16M",
        "memory": "128M",
        "parallel": 2,
        "console_log": str(tmp_path / "console.log"),
        "cache_dir": str(tmp_path / "cache"),
    }


@pytest.fixture
def hybrid(image: dict[str, object]) -> dict[str, object]:
    """A disk that hangs by BIOS, and takes its time by UEFI."""
    return {
        **{name: value for name, value in image.items() if name not in ("root", "kernel", "ramdisk")},
        "firmwares": ["bios", "uefi"],
    }


def test_one_that_fails_ends_the_others_and_is_named(image: dict[str, object], scratch: Path, tmp_path: Path) -> None:
    before = {option: Path(str(image[option])).read_bytes() for option in ("image", "root")}
    # The disk that hangs would be waited for longer than this test may take.
    result = run_module("image_prove", {**image, "timeout": 3600})
    assert result["failed"] is True
    assert result["boot"] == "triplet"
    assert result["msg"].startswith(f"triplet: {image['root']} did not come up: QEMU ended with exit status 1: ")
    assert "\n" not in result["msg"]
    assert {option: Path(str(image[option])).read_bytes() for option in before} == before
    # An estimate needs boots that came up.
    assert not (tmp_path / "cache").exists()


def test_one_after_the_other_the_first_failure_is_the_last_boot(
    image: dict[str, object], scratch: Path, tmp_path: Path
) -> None:
    make_disk(Path(str(image["image"])))
    result = run_module("image_prove", {**image, "parallel": 1})
    assert result["msg"].startswith(f"bios: {image['image']} did not come up: the firmware found no system ")
    assert b"No bootable device" in (tmp_path / "console.log").read_bytes()
    assert not (tmp_path / "console-triplet.log").exists()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_killed_while_both_run(hybrid: dict[str, object], scratch: Path, end: signal.Signals) -> None:
    process = start_module("image_prove", hybrid)
    wait_for(lambda: machines(scratch) == 2)
    process.send_signal(end)
    said, _complained = process.communicate()
    wait_for(lambda: not qemu_processes(scratch))
    if end == signal.SIGTERM:
        assert json.loads(said)["msg"] == "stopped, because the playbook run ended"
        assert not left_below(scratch)
    else:
        # Only files can be left. The next run removes them.
        run_module("image_prove", {**hybrid, "timeout": 1})


def test_each_tells_its_stage_and_nothing_of_its_console(
    hybrid: dict[str, object], scratch: Path, tmp_path: Path
) -> None:
    told = tmp_path / "progress"
    told.touch()
    process = start_module("image_prove", {**hybrid, "timeout": 8}, environment={PROGRESS_FILE: str(told)})
    assert finish_module(process)["failed"] is True
    lines = [json.loads(line) for line in told.read_text().splitlines()]
    assert {line["label"] for line in lines} == {"boot hang.raw (bios)", "boot hang.raw (uefi)"}
    assert {line["note"] for line in lines} == {STAGES[0]}
    assert all(0 <= line["done"] < line["total"] == 100 for line in lines)
