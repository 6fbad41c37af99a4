# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's growth outside a guest: the partition tables and sfdisk are real, LVM and the kernel are played.

What the real ones make of it, tests/boot/test_lvm.py shows.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import fake_lvm
from helpers.agent import FLAVOURS, FakeGuest, fake_guest
from helpers.fake_lvm import EXTENT, MIB, SECTOR, FakeMachine
from helpers.waiting import PATIENCE

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.config_drive import make_config_drive
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

LINUX = {"dos": "83", "gpt": "0FC63DAF-8483-4772-8E79-3D69D8477DE4"}
LVM = {"dos": "8e", "gpt": "E6D6D379-F507-44C2-A23C-238F2A3DF928"}
SIZE, GROWN, GROWN_AGAIN = 64 * MIB, 256 * MIB, 384 * MIB
STEPS = ("sfdisk", "partx", "pvcreate", "vgextend", "lvextend", "resize2fs")


def make_guest(root: Path, flavour: str, mountinfo: str) -> tuple[FakeGuest, FakeMachine]:
    guest = fake_guest(root, flavour)
    guest.program("udevadm", "#!/bin/sh\n")
    program = f"#!{sys.executable} -IS\n" + Path(fake_lvm.__file__).read_text()
    guest.program("fake", program)
    for name in fake_lvm.NAMES:
        (guest.programs / name).symlink_to("fake")
    guest.write("proc/self/mountinfo", f"1 1 0:5 / /dev rw - devtmpfs udev rw\n22 1 {mountinfo} rw,relatime\n")
    (root / "dev").mkdir()
    return guest, FakeMachine(root)


def table(machine: FakeMachine, label: str, *lines: str) -> None:
    """Write the disk as an image has it."""
    machine.disk.touch()
    os.truncate(machine.disk, SIZE)
    subprocess.run([fake_lvm.real("sfdisk"), "--quiet", machine.disk], input="\n".join([f"label: {label}", *lines]),
                   check=True, text=True)  # fmt: skip


def lvm_guest(root: Path, flavour: str, label: str, *lines: str, pv: int = 1) -> tuple[FakeGuest, FakeMachine]:
    """A guest whose root is a logical volume on partition *pv*; *lines* are those of its table."""
    guest, machine = make_guest(root, flavour, "253:0 / / rw,relatime shared:1 - ext4 /dev/mapper/system-root")
    table(machine, label, *(lines or [f"2048,,{LVM[label]},*"]))
    state = {"group": [str(pv)], "pvs": {}, "foreign": {}, "volume": 0, "first": f"vda{pv}", "filesystem": 0}
    machine.save(state)
    machine.boot()
    machine.write(pv, fake_lvm.physical_volume())
    extents = machine.extents(pv)
    machine.save({**state, "pvs": {str(pv): extents}, "volume": extents, "filesystem": extents * EXTENT})
    machine.boot()
    return guest, machine


def plain_guest(root: Path, flavour: str, label: str, *lines: str, number: int = 1) -> tuple[FakeGuest, FakeMachine]:
    """A guest whose root is the partition *number*."""
    guest, machine = make_guest(root, flavour, f"254:{number} / / rw,relatime - ext4 /dev/root")
    table(machine, label, *(lines or [f"2048,,{LINUX[label]},*"]))
    machine.save({"group": [], "pvs": {}, "foreign": {}, "volume": 0, "first": "", "filesystem": 0})
    machine.boot()
    machine.save({**machine.state, "filesystem": machine.size(number) // 4096 * 4096})
    return guest, machine


def enlarge(machine: FakeMachine, size: int) -> None:
    """What a bigger flavour does, and the reboot."""
    os.truncate(machine.disk, size)
    machine.boot()


def changes(guest: FakeGuest) -> list[str]:
    """The programs that changed something since the last look."""
    log = guest.root / "programs.log"
    lines = log.read_text().splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    readers = ("dumpe2fs", "lvs", "vgs", "pvs", "xfs_info")
    lines = [line for line in lines if "--dump" not in line and " usage " not in line]
    return [line.split()[0] for line in lines if line.split()[0] not in readers]


def settled(machine: FakeMachine) -> None:
    """Everything takes all of what is below it."""
    state = machine.state
    assert state["volume"] == sum(state["pvs"][number] for number in state["group"])
    assert state["filesystem"] == state["volume"] * EXTENT
    for number in state["group"]:
        assert state["pvs"][number] == machine.extents(int(number))
    end = max(start + size for start, size in machine.table().values()) * SECTOR
    assert machine.disk.stat().st_size - end < 3 * MIB
    said = subprocess.run([fake_lvm.real("sfdisk"), "--verify", machine.disk], check=True, capture_output=True)
    assert not said.stderr


@pytest.fixture(params=FLAVOURS)
def flavour(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=["dos", "gpt"])
def label(request: pytest.FixtureRequest) -> str:
    return request.param


def test_a_volume_takes_the_disk_and_each_enlargement(tmp_path: Path, flavour: str, label: str) -> None:
    guest, machine = lvm_guest(tmp_path, flavour, label)
    assert "goldsmith-agent: the root file system has 60 MiB" in guest.run("grow")
    assert changes(guest) == []
    before = machine.table()[1]
    enlarge(machine, GROWN)
    said = guest.run("grow")
    assert changes(guest) == list(STEPS)
    for step in ("partition 2 of /dev/vda", *STEPS[1:]):
        assert f"goldsmith-agent: {step}" in said
    settled(machine)
    assert machine.state["group"] == ["1", "2"]
    enlarge(machine, GROWN)
    guest.run("grow")
    assert changes(guest) == []
    enlarge(machine, GROWN_AGAIN)
    guest.run("grow")
    settled(machine)
    assert machine.state["group"] == ["1", "2", "3"]
    assert machine.table()[1] == before


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_the_next_boot_completes_what_was_cut(tmp_path: Path, step: str, moment: str) -> None:
    # Both axes at once, each in half of the cases.
    flavour, label = (FLAVOURS[0], "gpt") if moment == "before" else (FLAVOURS[1], "dos")
    guest, machine = lvm_guest(tmp_path, flavour, label)
    enlarge(machine, GROWN)
    process = guest.start("grow", CUT=f"{step}:{moment}")
    process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGKILL
    enlarge(machine, GROWN)
    guest.run("grow")
    settled(machine)
    assert machine.state["group"] == ["1", "2"]


@pytest.mark.parametrize("step", ["sfdisk", "pvcreate", "vgextend"])
def test_what_was_cut_is_completed_on_a_disk_that_has_grown_since(tmp_path: Path, step: str) -> None:
    guest, machine = lvm_guest(tmp_path, "dash", "gpt")
    enlarge(machine, GROWN)
    guest.start("grow", CUT=f"{step}:after").communicate(timeout=PATIENCE)
    enlarge(machine, GROWN_AGAIN)
    guest.run("grow")
    settled(machine)
    assert machine.state["group"] == ["1", "2", "3"]


def test_a_step_that_fails_ends_the_growth_in_peace(tmp_path: Path) -> None:
    guest, machine = lvm_guest(tmp_path, "dash", "dos")
    enlarge(machine, GROWN)
    (guest.programs / "vgextend").unlink()
    guest.program("vgextend", "#!/bin/sh\necho first\necho no such group >&2\nexit 5\n")
    assert "vgextend failed with exit status 5: no such group" in guest.run("grow")
    assert changes(guest) == ["sfdisk", "partx", "pvcreate"]


def test_without_a_free_number_the_last_physical_volume_grows(tmp_path: Path) -> None:
    lines = ["2048,2048,83", "4096,2048,83", "6144,2048,83", "8192,,8e"]
    guest, machine = lvm_guest(tmp_path, "dash", "dos", *lines, pv=4)
    enlarge(machine, GROWN)
    guest.run("grow")
    assert changes(guest) == ["sfdisk", "partx", "pvresize", "lvextend", "resize2fs"]
    settled(machine)


@pytest.mark.parametrize("step", ["sfdisk", "partx", "pvresize"])
def test_an_enlarged_physical_volume_is_completed(tmp_path: Path, step: str) -> None:
    lines = ["2048,2048,83", "4096,2048,83", "6144,2048,83", "8192,,8e"]
    guest, machine = lvm_guest(tmp_path, "dash", "dos", *lines, pv=4)
    enlarge(machine, GROWN)
    guest.start("grow", CUT=f"{step}:after").communicate(timeout=PATIENCE)
    enlarge(machine, GROWN)
    guest.run("grow")
    settled(machine)


def test_without_a_free_number_what_is_not_ours_stays(tmp_path: Path) -> None:
    lines = ["2048,2048,83", "4096,2048,83", "6144,65536,8e", "71680,,83"]
    guest, machine = lvm_guest(tmp_path, "dash", "dos", *lines, pv=3)
    enlarge(machine, GROWN)
    assert "no number is left: left alone" in guest.run("grow")
    assert changes(guest) == []


MAKERS = {"ext4": ["mke2fs", "-q", "-F", "-t", "ext4"], "swap": ["mkswap"]}


@pytest.mark.parametrize("holds", MAKERS)
def test_a_partition_that_holds_something_else_stays(tmp_path: Path, holds: str) -> None:
    guest, machine = lvm_guest(tmp_path, "dash", "dos", "2048,65536,8e", "67584,,8e")
    machine.write(2, filesystem(tmp_path, MAKERS[holds]))
    enlarge(machine, GROWN)
    before = content(machine, 2)
    assert "/dev/vda2 holds something else: left alone" in guest.run("grow")
    assert content(machine, 2) == before
    assert machine.state["group"] == ["1", "3"]
    settled(machine)


def test_a_physical_volume_of_another_group_stays(tmp_path: Path) -> None:
    guest, machine = lvm_guest(tmp_path, "dash", "gpt", f"2048,65536,{LVM['gpt']}", f"67584,,{LVM['gpt']}")
    machine.write(2, fake_lvm.physical_volume())
    machine.save({**machine.state, "foreign": {"2": "data"}})
    enlarge(machine, GROWN)
    before = content(machine, 2)
    assert "/dev/vda2 belongs to the volume group data: left alone" in guest.run("grow")
    assert content(machine, 2) == before
    assert machine.state["group"] == ["1", "3"]
    settled(machine)


def content(machine: FakeMachine, number: int) -> tuple[int, int, bytes]:
    """Place and bytes of a partition."""
    start, size = machine.table()[number]
    with machine.disk.open("rb") as disk:
        disk.seek(start * SECTOR)
        return start, size, disk.read(size * SECTOR)


def test_two_signatures_are_something_else(tmp_path: Path) -> None:
    guest, machine = lvm_guest(tmp_path, "dash", "dos", "2048,65536,8e", "67584,,8e")
    both = filesystem(tmp_path, MAKERS["ext4"])
    machine.write(2, fake_lvm.physical_volume()[:1024] + both[1024:])
    said = subprocess.run([fake_lvm.real("wipefs"), "--parsable", guest.root / "dev" / "vda2"], check=True,
                          capture_output=True, text=True)  # fmt: skip
    assert {line.rpartition(",")[2] for line in said.stdout.splitlines() if line[0] != "#"} == {"ext4", "LVM2_member"}
    enlarge(machine, GROWN)
    assert "/dev/vda2 holds something else: left alone" in guest.run("grow")
    assert machine.state["group"] == ["1", "3"]


def test_a_partition_whose_signatures_cannot_be_read_stays(tmp_path: Path) -> None:
    guest, machine = lvm_guest(tmp_path, "dash", "dos", "2048,65536,8e", "67584,,8e")
    guest.program("wipefs", "#!/bin/sh\nexit 1\n")
    enlarge(machine, GROWN)
    assert "/dev/vda2 cannot be read: left alone" in guest.run("grow")
    assert changes(guest) == []


def test_a_physical_volume_that_cannot_be_read_stays(tmp_path: Path) -> None:
    guest, machine = lvm_guest(tmp_path, "dash", "dos", "2048,65536,8e", "67584,,8e")
    machine.write(2, fake_lvm.physical_volume())
    enlarge(machine, GROWN)
    assert "/dev/vda2 cannot be read: left alone" in guest.run("grow")
    assert changes(guest) == []


def test_what_lay_on_the_place_of_a_new_partition_is_no_obstacle(tmp_path: Path) -> None:
    guest, machine = lvm_guest(tmp_path, "dash", "gpt")
    enlarge(machine, GROWN)
    with machine.disk.open("r+b") as disk:
        disk.seek(SIZE)
        disk.write(filesystem(tmp_path, MAKERS["ext4"]))
    guest.run("grow")
    settled(machine)
    assert machine.state["group"] == ["1", "2"]


def filesystem(folder: Path, maker: list[str]) -> bytes:
    """What a tool writes to a small device."""
    path = folder / "small"
    path.write_bytes(bytes(1 << 19))
    subprocess.run([fake_lvm.real(maker[0]), *maker[1:], path], check=True, capture_output=True)
    return path.read_bytes()


def test_a_plain_last_partition_takes_the_disk(tmp_path: Path, flavour: str, label: str) -> None:
    guest, machine = plain_guest(tmp_path, flavour, label)
    enlarge(machine, GROWN)
    before = attributes(machine)
    guest.run("grow")
    assert changes(guest) == ["sfdisk", "partx", "resize2fs"]
    assert GROWN - machine.state["filesystem"] < 3 * MIB
    assert attributes(machine) == before
    enlarge(machine, GROWN)
    guest.run("grow")
    assert changes(guest) == []


# What their growth is called, and how the kernel tells of them: a btrfs has no device of its own number.
OTHERS = {
    "xfs": ("xfs_growfs", "254:1 / / rw,relatime - xfs /dev/vda1", "253:0 / / rw - xfs /dev/mapper/system-root"),
    "btrfs": ("btrfs", "0:27 / / rw,relatime - btrfs /dev/vda1", "0:27 / / rw - btrfs /dev/mapper/system-root"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_file_systems_take_the_disk_too(tmp_path: Path, flavour: str, kind: str) -> None:
    program, mounted, _volume = OTHERS[kind]
    guest, machine = plain_guest(tmp_path, flavour, "gpt")
    guest.write("proc/self/mountinfo", f"22 1 {mounted} rw,relatime\n")
    enlarge(machine, GROWN)
    guest.run("grow")
    assert changes(guest) == ["sfdisk", "partx", program]
    assert GROWN - machine.state["filesystem"] < 3 * MIB
    enlarge(machine, GROWN)
    guest.run("grow")
    assert changes(guest) == []


@pytest.mark.parametrize("kind", OTHERS)
def test_other_file_systems_take_the_group_too(tmp_path: Path, flavour: str, kind: str) -> None:
    program, _mounted, mounted = OTHERS[kind]
    guest, machine = lvm_guest(tmp_path, flavour, "gpt")
    guest.write("proc/self/mountinfo", f"22 1 {mounted} rw,relatime\n")
    (tmp_path / "dev" / "mapper").mkdir()
    (tmp_path / "dev" / "dm-0").touch()
    (tmp_path / "dev" / "mapper" / "system-root").symlink_to("../dm-0")
    enlarge(machine, GROWN)
    guest.run("grow")
    assert changes(guest) == ["sfdisk", "partx", "pvcreate", "vgextend", "lvextend", program]
    settled(machine)
    enlarge(machine, GROWN)
    guest.run("grow")
    assert changes(guest) == []


def test_a_root_that_lies_nowhere_is_left_alone(tmp_path: Path) -> None:
    guest, machine = plain_guest(tmp_path, "dash", "gpt")
    guest.write("proc/self/mountinfo", "22 1 0:27 / / rw - btrfs nowhere rw\n")
    enlarge(machine, GROWN)
    assert "the root file system (btrfs) is on no block device: nothing to grow" in guest.run("grow")


def attributes(machine: FakeMachine) -> list[str]:
    """What must stay when a partition grows."""
    said = subprocess.run([fake_lvm.real("sfdisk"), "--dump", machine.disk], check=True, capture_output=True, text=True)
    lines = said.stdout.splitlines()
    kept = [line.partition("size=")[2].partition(",")[2] for line in lines if "start=" in line]
    return [line for line in lines if line.startswith("label")] + kept


@pytest.mark.parametrize("step", ["sfdisk", "partx", "resize2fs"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_plain_partition_is_completed(tmp_path: Path, step: str, moment: str) -> None:
    guest, machine = plain_guest(tmp_path, "busybox", "gpt")
    enlarge(machine, GROWN)
    guest.start("grow", CUT=f"{step}:{moment}").communicate(timeout=PATIENCE)
    enlarge(machine, GROWN)
    guest.run("grow")
    assert GROWN - machine.state["filesystem"] < 3 * MIB


LAYOUTS = {
    "followed": ("dos", ["2048,65536,83", "67584,,83"], 1, "partition 1 with the root is not the last one"),
    "followed-gpt": ("gpt", ["2048,16384", "67584,"], 1, "partition 1 with the root is not the last one"),
    "logical": ("dos", ["2048,,5", "4096,,83"], 5, "partition 5 with the root is not the last one"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_odd_layout_is_told_and_left(tmp_path: Path, layout: str) -> None:
    label, lines, number, message = LAYOUTS[layout]
    guest, machine = plain_guest(tmp_path, "dash", label, *lines, number=number)
    enlarge(machine, GROWN)
    before = machine.disk.read_bytes()
    assert message in guest.run("grow")
    assert changes(guest) == []
    assert machine.disk.read_bytes() == before


def lay_drive(machine: FakeMachine, folder: Path) -> tuple[int, int, bytes]:
    """Let partition 2 be the config drive that a bare metal service lays at the end of the disk; return what it is."""
    make_config_drive(Runner(), {"openstack/latest/meta_data.json": b"{}"}, folder / "drive.iso")
    machine.write(2, (folder / "drive.iso").read_bytes())
    return content(machine, 2)


# The root has 32 MiB, the gap 29, the drive 1 and the rest of the disk 1.
def before_a_drive(kind: str) -> list[str]:
    return [f"2048,65536,{kind}", "126976,2048"]


def test_a_plain_partition_takes_the_gap_before_a_config_drive(tmp_path: Path, flavour: str, label: str) -> None:
    guest, machine = plain_guest(tmp_path, flavour, label, *before_a_drive(LINUX[label]))
    before = lay_drive(machine, tmp_path)
    guest.run("grow")
    assert changes(guest) == ["sfdisk", "partx", "resize2fs"]
    assert machine.table()[1] == (2048, before[0] - 2048)
    assert content(machine, 2) == before
    guest.run("grow")
    assert changes(guest) == []


@pytest.mark.parametrize("cut", ["", "sfdisk:after", "pvcreate:after"])
def test_a_volume_takes_the_gap_before_a_config_drive(tmp_path: Path, label: str, cut: str) -> None:
    guest, machine = lvm_guest(tmp_path, "dash", label, *before_a_drive(LVM[label]))
    before = lay_drive(machine, tmp_path)
    if cut:
        guest.start("grow", CUT=cut).communicate(timeout=PATIENCE)
        machine.boot()
    guest.run("grow")
    assert machine.table()[3] == (67584, before[0] - 67584)
    assert machine.state["group"] == ["1", "3"]
    assert content(machine, 2) == before
    changes(guest)
    guest.run("grow")
    assert changes(guest) == []


def test_a_bare_disk_needs_its_file_system_grown_only(tmp_path: Path) -> None:
    guest, machine = make_guest(tmp_path, "dash", "254:0 / / rw - ext4 /dev/vda")
    machine.disk.touch()
    os.truncate(machine.disk, GROWN)
    machine.save({"group": [], "pvs": {}, "foreign": {}, "volume": 0, "first": "", "filesystem": SIZE})
    machine.boot()
    guest.run("grow")
    assert changes(guest) == ["resize2fs"]
    assert machine.state["filesystem"] == GROWN
    guest.run("grow")
    assert changes(guest) == []


MOUNTS = {
    "overlay": ("0:31 / / rw - overlay overlay", "(overlay) is on no block device"),
    "encrypted": ("253:0 / / rw - ext4 /dev/mapper/crypt", "is no logical volume: left alone"),
}


@pytest.mark.parametrize("mount", MOUNTS)
def test_a_root_elsewhere_is_told_and_left(tmp_path: Path, mount: str) -> None:
    guest, machine = lvm_guest(tmp_path, "dash", "dos")
    mountinfo, message = MOUNTS[mount]
    guest.write("proc/self/mountinfo", f"22 1 {mountinfo}\n")
    enlarge(machine, GROWN)
    guest.write("sys/devices/dm-0/dm/uuid", "CRYPT-LUKS2-abcdef\n")
    assert message in guest.run("grow")
    assert changes(guest) == []


def test_mbr_ends_at_two_tib(tmp_path: Path) -> None:
    guest, machine = lvm_guest(tmp_path, "dash", "dos")
    enlarge(machine, 3 << 40)
    guest.run("grow")
    assert changes(guest) == list(STEPS)
    assert sum(machine.table()[2]) == 1 << 32
    enlarge(machine, 3 << 40)
    guest.run("grow")
    assert changes(guest) == []
