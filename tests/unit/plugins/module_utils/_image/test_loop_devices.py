# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loop devices and mounts, as losetup and the kernel tell of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.runners import RecordingRunner

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import loop_devices

RECORDED = """{
   "loopdevices": [
      {"name":"/dev/loop0", "offset":1048576, "sizelimit":0, "back-file":"/images/gone.img (deleted)"},
      {"name":"/dev/loop1", "offset":0, "sizelimit":4096, "back-file":"/images/other.img"}
   ]
}
"""


def test_devices_of_a_file_are_asked_by_the_file(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    path.touch()
    runner = RecordingRunner(lambda argv: (0, RECORDED, ""))
    assert loop_devices.find(runner, str(path)) == [
        loop_devices.LoopDevice("/dev/loop0", 1048576, 0),
        loop_devices.LoopDevice("/dev/loop1", 0, 4096),
    ]
    assert runner.calls[0][-2:] == ["--associated", str(path)]
    assert loop_devices.find(RecordingRunner(), str(path)) == []


def test_devices_of_a_deleted_file_are_found_by_its_name() -> None:
    runner = RecordingRunner(lambda argv: (0, RECORDED, ""))
    assert loop_devices.find(runner, "/images/gone.img") == [loop_devices.LoopDevice("/dev/loop0", 1048576, 0)]
    assert loop_devices.find(runner, "/images/other.img") == []
    assert "--associated" not in runner.calls[0]


def test_attach() -> None:
    runner = RecordingRunner(lambda argv: (0, "/dev/loop5\n", ""))
    made = loop_devices.attach(runner, "/a disk", offset=512, size=1024, read_only=True)
    assert made == loop_devices.LoopDevice("/dev/loop5", 512, 1024)
    assert runner.calls[0][-2:] == ["--read-only", "/a disk"]
    assert "--partscan" not in runner.calls[0]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("mount: /mnt: wrong fs type, bad option.\n       dmesg(1) may have more", "mount: /mnt: wrong fs type"),
        ("", "cannot mount /d on /mnt: no output"),
    ],
)
def test_a_mount_that_fails_gives_one_line(said: str, told: str) -> None:
    with pytest.raises(GoldsmithError, match=told) as caught:
        loop_devices.mount(RecordingRunner(lambda argv: (32, "", said)), "/d", "/mnt", offset=0, size=1)
    assert "\n" not in str(caught.value)


def test_mounts_the_last_first_and_with_their_real_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = tmp_path / "mounts"
    recorded.write_bytes(
        b"/dev/loop0 /mnt/a\\040b ext4 rw 0 0\n/dev/sda1 / ext4 rw 0 0\n/dev/loop0 /mnt/\xc3\xa9\\134 ext4 rw 0 0\n"
    )
    monkeypatch.setattr(loop_devices, "open", lambda path, **more: recorded.open(**more), raising=False)
    assert [mount.mountpoint for mount in loop_devices.mounts({"/dev/loop0"})] == ["/mnt/\u00e9\\", "/mnt/a b"]
    assert len(loop_devices.mounts()) == 3
