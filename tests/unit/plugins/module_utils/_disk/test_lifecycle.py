# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to an image in each state; losetup, mount and sfdisk are recorded."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from helpers.runners import RecordingRunner

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import disk_layout, lifecycle, writer
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import disk_areas, loop_devices
from ansible_collections.goldsmith.openstack.plugins.module_utils._lvm.naming import Stretch

PARTS = {1: (2048, 4096), 2: (6144, 8192)}


class Host(RecordingRunner):
    """A host with loop devices; *broken* is the offset at which attaching fails."""

    def __init__(self, path: Path, broken: int | None = None) -> None:
        super().__init__(self.answer)
        self.path, self.broken = path, broken
        self.devices: dict[str, tuple[int, int]] = {}

    def answer(self, argv: list[str]):
        if argv[0] == "sfdisk":
            parts = [
                {"node": f"{self.path}{number}", "start": start, "size": size, "type": "83"}
                for number, (start, size) in PARTS.items()
            ]
            table = {"label": "dos", "id": "0x1", "device": str(self.path), "partitions": parts}
            return 0, json.dumps({"partitiontable": table}), ""
        if "--json" in argv:
            found = [
                {"name": name, "offset": offset, "sizelimit": size, "back-file": str(self.path)}
                for name, (offset, size) in self.devices.items()
            ]
            return 0, json.dumps({"loopdevices": found}) if found else "", ""
        if "--find" in argv:
            offset, size = (int(argv[argv.index(word) + 1]) for word in ("--offset", "--sizelimit"))
            if offset == self.broken:
                return 1, "", "losetup: no free device"
            name = f"/dev/loop{len(self.devices)}"
            self.devices[name] = (offset, size)
            return 0, name + "\n", ""
        if "--detach" in argv:
            del self.devices[argv[-1]]
        return None


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "disk"
    path.touch()
    os.truncate(path, 64 << 20)
    return path


@pytest.fixture(autouse=True)
def mounts(monkeypatch: pytest.MonkeyPatch) -> list[loop_devices.Mount]:
    """The mounts of the host; tests add to the list."""
    there: list[loop_devices.Mount] = []
    monkeypatch.setattr(
        loop_devices,
        "mounts",
        lambda sources=None: [mount for mount in there if sources is None or mount.source in sources],
    )
    return there


def image(host: Host, *, check: bool = False) -> lifecycle.Image:
    return lifecycle.Image(str(host.path), check, host)


def test_attached_is_made_once(path: Path) -> None:
    host = Host(path)
    checked = image(host, check=True).attached(read_only=False)
    assert (checked["changed"], host.devices) == (True, {})
    result = image(host).attached(read_only=True)
    assert result["devices"] == {"1": "/dev/loop0", "2": "/dev/loop1"}
    assert host.devices == {"/dev/loop0": (1 << 20, 1 << 21), "/dev/loop1": (3 << 20, 1 << 22)}
    assert all("--read-only" in call for call in host.calls if "--find" in call)
    again = image(host).attached(read_only=True)
    assert (again["changed"], again["devices"]) == (False, result["devices"])
    assert again["diff"]["before"] == again["diff"]["after"]


def test_half_attached_is_completed_or_undone(path: Path) -> None:
    host = Host(path)
    host.devices["/dev/loop7"] = (1 << 20, 1 << 21)
    assert image(host).attached(read_only=False)["devices"]["1"] == "/dev/loop7"
    assert len(host.devices) == 2
    broken = Host(path, broken=3 << 20)
    with pytest.raises(GoldsmithError, match=r"cannot attach a loop device .*no free device; .* need root"):
        image(broken).attached(read_only=False)
    assert broken.devices == {}


def test_detached_takes_mounts_first(path: Path, mounts: list[loop_devices.Mount]) -> None:
    host = Host(path)
    image(host).attached(read_only=False)
    mounts.append(loop_devices.Mount("/dev/loop1", "/mnt/a"))
    mounts.append(loop_devices.Mount("/dev/sda1", "/"))
    checked = image(host, check=True).detached()
    assert (checked["changed"], len(host.devices)) == (True, 2)
    assert checked["diff"]["before"] == "/mnt/a, /dev/loop0, /dev/loop1"
    host.calls.clear()
    assert image(host).detached()["changed"] is True
    acts = [call for call in host.calls if call[0] == "umount" or "--detach" in call]
    assert acts[0] == ["umount", "/mnt/a"]
    assert len(acts) == 3
    mounts.clear()
    assert image(host).detached()["changed"] is False


def test_absent(path: Path) -> None:
    host = Host(path)
    assert image(host, check=True).absent()["changed"] is True
    assert path.exists()
    assert image(host).absent()["changed"] is True
    assert not path.exists()
    assert image(host).absent()["changed"] is False


def test_mounted_on_what_is_taken(path: Path, tmp_path: Path, mounts: list[loop_devices.Mount]) -> None:
    host = Host(path)
    image(host).attached(read_only=False)
    place = str(tmp_path / "mnt")
    mounts.append(loop_devices.Mount("/dev/sda1", place))
    with pytest.raises(OptionError, match="something else is mounted there"):
        image(host).mounted(place, partition=1, read_only=False)
    mounts[0] = loop_devices.Mount("/dev/loop0", place)
    assert image(host).mounted(place, partition=1, read_only=False)["changed"] is False
    with pytest.raises(OptionError, match="another partition is mounted there"):
        image(host).mounted(place, partition=2, read_only=False)
    for partition, said in ((None, "does not select one of 1, 2"), (3, "is missing; there are 1, 2")):
        with pytest.raises(OptionError, match=f"partition={partition}: {said}"):
            image(host).mounted(place, partition=partition, read_only=False)


def test_states_want_a_raw_file(path: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="is not a file; make it with state=present"):
        image(Host(tmp_path / "none")).attached(read_only=False)
    path.write_bytes(b"QFI\xfb" + bytes(600))
    with pytest.raises(OptionError, match="is a qcow2 image; convert it with disk_convert format=raw first"):
        lifecycle.build(image(Host(path)), "absent", {})


@pytest.fixture
def fake_write(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What is written as an image."""
    content = {"bytes": b"image"}

    def write(runner: object, plan: object, path: str) -> None:
        Path(path).write_bytes(content["bytes"])

    monkeypatch.setattr(writer, "write", write)
    monkeypatch.setattr(writer.namespaces, "prefix", list)
    return content


def test_an_image_with_a_tree_follows_its_bytes(tmp_path: Path, fake_write: dict[str, Any]) -> None:
    (tmp_path / "tree").mkdir()
    volumes = disk_layout.default_volumes("none", "none", "ext4")
    layout = disk_layout.Layout("none", volumes, "seed", size=20 << 20, tree=str(tmp_path / "tree"), epoch=0)
    host = Host(tmp_path / "disk")
    assert image(host, check=True).present(layout)["changed"] is True
    assert not host.path.exists()
    assert image(host).present(layout)["changed"] is True
    again = image(host).present(layout)
    assert (again["changed"], again["diff"]["before"]) == (False, again["diff"]["after"])
    fake_write["bytes"] = b"other"
    assert image(host, check=True).present(layout)["changed"] is True
    assert host.path.read_bytes() == b"image"
    host.devices["/dev/loop3"] = (0, 0)
    with pytest.raises(OptionError, match="is attached to /dev/loop3; use state=detached first"):
        image(host).present(layout)
    host.devices.clear()
    assert image(host).present(layout)["changed"] is True
    assert host.path.read_bytes() == b"other"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["disk", "tree"]


def test_a_volume_of_several_pieces_has_no_loop_device(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = (Stretch(1 << 20, 4096), Stretch(3 << 20, 4096))
    areas = [
        disk_areas.Area(1, pieces[:1], "vg/a"),
        disk_areas.Area(1, pieces, "vg/b"),
        disk_areas.Area(2, pieces[:1], "", 0, "odd"),
    ]
    monkeypatch.setattr(
        disk_areas, "choose", lambda disk, **which: [a for a in areas if which["volume"] in (None, a.volume)]
    )
    with pytest.raises(
        OptionError, match="volume=vg/b: lies in 2 pieces, and a loop device shows one; take it out with"
    ):
        image(Host(path)).attached(read_only=True)
    with pytest.raises(OptionError, match="volume=vg/b: lies in 2 pieces"):
        image(Host(path)).mounted("/mnt", read_only=True, volume="vg/b")
    areas.pop(1)
    with pytest.raises(OptionError, match="2 odd; name another partition or volume"):
        image(Host(path)).attached(read_only=True)
    host = Host(path)
    assert image(host).attached(read_only=True, volume="vg/a")["devices"] == {"vg/a": "/dev/loop0"}
    assert host.devices == {"/dev/loop0": (1 << 20, 4096)}
