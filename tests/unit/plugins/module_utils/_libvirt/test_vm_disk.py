# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks brought here piece by piece, by a virsh that is not there; a real one is an integration test."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

import pytest
from helpers.runners import Answer

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Result, Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt import vm_disk

MIB = 1 << 20
URI = "qemu+tcp://kvm1.example/system"


class Virsh(Runner):
    """Answers for virsh from a file; qemu-img is real. *breaks* are how many bytes come before the wire breaks."""

    def __init__(self, disk: Path, breaks: list[int | None] | None = None) -> None:
        super().__init__()
        self.disk, self.breaks, self.mtime, self.state = disk, list(breaks or []), "1.0", "shut off"
        self.offsets: list[int] = []

    def run(self, argv: Any, **options: Any) -> Any:
        if argv[0] != "virsh":
            return super().run(argv, **options)
        rc, stdout, stderr = self._answer(list(argv[4:]))
        return Result(tuple(argv), rc, stdout, stderr)

    def _answer(self, words: list[str]) -> Answer:
        size = self.disk.stat().st_size
        if words[0] == "domstate":
            return (0, f"{self.state} (x)", "")
        if words[0] == "dumpxml":
            source = f"<source file='{self.disk}'/><target dev='vda'/>"
            return (0, f"<domain><devices><disk><driver type='raw'/>{source}</disk></devices></domain>", "")
        if words[0] == "vol-dumpxml":
            stamp = f"<target><timestamps><mtime>{self.mtime}</mtime></timestamps></target>"
            return (0, f"<volume><capacity>{size}</capacity><physical>{size}</physical>{stamp}</volume>", "")
        if words[0] == "vol-download":
            options = dict(zip(words[1::2], words[2::2]))
            start, length = int(options["--offset"]), int(options["--length"])
            self.offsets.append(start)
            stop = self.breaks.pop(0) if self.breaks else None
            data = self.disk.read_bytes()[start : start + length][:stop]
            # As a hole at the end would be, zeros there are not written.
            Path(options["--file"]).write_bytes(data.rstrip(b"\0") if stop is None else data)
            return (0, "", "") if stop is None else (1, "", "error: Connection reset by peer")
        return (0, "", "")


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    path = tmp_path / "disk"
    path.write_bytes(bytes(range(1, 251)) * 4000 + bytes(48_576))
    return path


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vm_disk, "_PIECE", 300_000)
    monkeypatch.setattr(vm_disk, "_PAUSE", 0.0)


def fetch(virsh: Virsh, tmp_path: Path, **more: Any) -> dict[str, Any]:
    return vm_disk.fetch(virsh, vm_disk.Request(URI, "web", dest=str(tmp_path / "out")), check_mode=False, **more)


def test_pieces_and_what_is_done_again(disk: Path, tmp_path: Path) -> None:
    virsh = Virsh(disk, [None, 100_000, None])
    result = fetch(virsh, tmp_path)
    assert (result["changed"], result["format"], result["fetched"]) == (True, "raw", disk.stat().st_size)
    assert (tmp_path / "out").read_bytes() == disk.read_bytes()
    assert virsh.offsets == [0, 300_000, 400_000, 700_000, 1_000_000]
    assert fetch(virsh, tmp_path)["changed"] is False
    assert sorted(path.name for path in tmp_path.iterdir()) == ["disk", "out", "out.json"]


def test_a_wire_that_stays_broken(disk: Path, tmp_path: Path) -> None:
    virsh = Virsh(disk, [250_000, 0, 0, 0, 0])
    with pytest.raises(GoldsmithError, match=r"the connection broke at 244.1 KiB of 1.0 MiB: .*; run it again"):
        fetch(virsh, tmp_path)
    assert json.loads((tmp_path / "out.partial.json").read_text())["done"] == 250_000
    result = fetch(Virsh(disk), tmp_path)
    assert result["resumed_at"] == 250_000
    assert (tmp_path / "out").read_bytes() == disk.read_bytes()


@pytest.mark.parametrize("mtime", ["2.0", ""])
def test_another_state_of_the_volume_begins_anew(disk: Path, tmp_path: Path, mtime: str) -> None:
    first = Virsh(disk, [250_000, 0, 0, 0, 0])
    first.mtime = "1.0" if mtime else ""
    with pytest.raises(GoldsmithError, match="the connection broke"):
        fetch(first, tmp_path)
    again = Virsh(disk)
    again.mtime = mtime
    assert fetch(again, tmp_path)["resumed_at"] == 0


def test_a_volume_that_changes_while_it_comes(disk: Path, tmp_path: Path) -> None:
    class Changing(Virsh):
        def _answer(self, words: list[str]) -> Answer:
            if words[0] == "vol-download":
                self.mtime = "2.0"
            return super()._answer(words)

    with pytest.raises(GoldsmithError, match="was written to while it was fetched; try again"):
        fetch(Changing(disk), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["disk"]


def test_a_guest_that_is_started_while_its_disk_comes(disk: Path, tmp_path: Path) -> None:
    class Started(Virsh):
        def _answer(self, words: list[str]) -> Answer:
            if words[0] == "vol-download":
                self.state = "running"
            return super()._answer(words)

    with pytest.raises(GoldsmithError, match="the guest web is not off but running"):
        fetch(Started(disk), tmp_path)
    assert not (tmp_path / "out").exists()


def test_where_to_is_needed_only_for_other_hosts(disk: Path) -> None:
    with pytest.raises(
        OptionError, match=r"dest=: .*disk cannot be read from here, so it has to be fetched into a file"
    ):
        vm_disk.fetch(Virsh(disk), vm_disk.Request(URI, "web"), check_mode=False)
    result = vm_disk.fetch(Virsh(disk), vm_disk.Request("qemu:///system", "web"), check_mode=False)
    assert (result["path"], result["changed"]) == (str(disk), False)


def test_two_at_once(disk: Path, tmp_path: Path) -> None:
    class Second(Virsh):
        def _answer(self, words: list[str]) -> Answer:
            if words[0] == "vol-download" and not self.offsets:
                with pytest.raises(GoldsmithError, match=r"out is being fetched by process \d+; wait until"):
                    fetch(Virsh(disk), tmp_path)
            return super()._answer(words)

    assert fetch(Second(disk), tmp_path)["changed"] is True


def test_one_that_was_late_does_not_empty_the_finished_disk(
    disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = fcntl.flock

    def slow(descriptor: int, operation: int) -> None:
        # The other one ends between our opening of the file and our lock.
        monkeypatch.setattr(fcntl, "flock", lock)
        fetch(Virsh(disk), tmp_path)
        lock(descriptor, operation)

    class Second(Virsh):
        def _answer(self, words: list[str]) -> Answer:
            assert words[0] != "vol-download" or (tmp_path / "out").read_bytes() == disk.read_bytes()
            return super()._answer(words)

    monkeypatch.setattr(fcntl, "flock", slow)
    assert fetch(Second(disk), tmp_path)["changed"] is True
    assert sorted(path.name for path in tmp_path.iterdir()) == ["disk", "out", "out.json"]


@pytest.mark.parametrize("name", ["out.partial", "out.piece"])
@pytest.mark.parametrize("kind", ["link", "hard link", "pipe"])
def test_what_was_planted_is_not_written_through(disk: Path, tmp_path: Path, name: str, kind: str) -> None:
    with pytest.raises(GoldsmithError, match="the connection broke"):
        fetch(Virsh(disk, [250_000, 0, 0, 0, 0]), tmp_path)
    victim, planted = tmp_path / "victim", tmp_path / name
    victim.write_text("precious")
    planted.unlink(missing_ok=True)
    if kind == "link":
        planted.symlink_to(victim)
    elif kind == "hard link":
        planted.hardlink_to(victim)
    else:
        os.mkfifo(planted)
    result = fetch(Virsh(disk), tmp_path)
    assert result["resumed_at"] == (250_000 if name == "out.piece" else 0)
    assert (tmp_path / "out").read_bytes() == disk.read_bytes()
    assert victim.read_text() == "precious"
