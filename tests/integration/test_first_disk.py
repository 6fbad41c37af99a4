# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the initramfs does about disks that began as one image; tests/boot/test_siblings.py boots with such, and
tests/distributions/test_family_siblings.py by dracut."""

from __future__ import annotations

import os
import re
import subprocess
from fnmatch import fnmatch
from pathlib import Path

import jinja2
import pytest
import yaml

CHECKOUT = Path(__file__).parents[2]
FILES = CHECKOUT / "roles/openstack_guest/files"
RULES = CHECKOUT / "roles/openstack_guest/templates/first-disk.rules.j2"
DRACUT = CHECKOUT / "extensions/goldsmith/capabilities/dracut.yml"
# By the order in which links lead to them, each with some of its devices
DISKS = ["nvme0n1 nvme0n1p1", "nvme1n1p1", "nvme11n1", "sda sda15", "sdb1", "sdl1", "vda1", "vdb1", "vdl2", "xvda1"]
# What lvm and blkid say of a device stands in a file by its name; they write down how they are called.
LVM = """\
#!/bin/sh
echo "$LVM_SYSTEM_DIR $*" >>{there}/calls
for device; do :; done
[ "$1" != pvs ] || cat "{there}/pv/${device##*/}"
"""
BLKID = """\
#!/bin/sh
cd {there}/pv && for name in *; do echo "/dev/$name"; done
"""
TUNE2FS = """\
#!/bin/sh
echo "$*" >>{there}/calls
"""
UDEVADM = """\
#!/bin/sh
echo "udevadm $*" >>{there}/calls
"""


class Initramfs:
    """The scripts, with a machine of its own around them: *volumes* are what lvm or blkid say by names of devices."""

    def __init__(self, folder: Path, volumes: dict[str, str], others: tuple[str, ...] = (), words: str = "") -> None:
        self.folder = folder
        for name in ("bin", "pv", "run", "conf", "scripts", "sys/class/block", "devices", "proc"):
            (folder / name).mkdir(parents=True)
        for name, text in {"lvm": LVM, "blkid": BLKID, "tune2fs": TUNE2FS, "udevadm": UDEVADM}.items():
            (folder / "bin" / name).write_text(text.replace("{there}", str(folder)))
            (folder / "bin" / name).chmod(0o755)
        (folder / "calls").touch()
        (folder / "proc/cmdline").write_text(f"{words}\n")
        (folder / "scripts/functions").write_text("wait_for_udev() { :; }\n")
        for name in (*volumes, *others):
            disk = name.rstrip("0123456789")
            place = folder / "devices" / disk / (name if name != disk else "")
            place.mkdir(parents=True, exist_ok=True)
            (place / "dev").touch()
            if name != disk:
                (place / "partition").touch()
            (folder / "sys/class/block" / name).symlink_to(place)
            (place.parent if name != disk else place).joinpath("dev").touch()
        for name, text in volumes.items():
            (folder / "pv" / name).write_text(f"  {text}\n")

    def run(self, script: str, root: str = "") -> str:
        """Run a script of the role with its paths below the folder, and return what it says."""
        return self.run_text((FILES / script).read_text(), root)

    def run_text(self, text: str, root: str = "") -> str:
        """Run a script that is given as text."""
        for path in ("/run/lvm", "/scripts/functions", "/sys/class/block", "/conf/", "/proc/cmdline"):
            text = text.replace(path, f"{self.folder}{path}")
        environment = {"PATH": f"{self.folder}/bin:{os.environ['PATH']}", "ROOT": root}
        result = subprocess.run(["sh", "-c", text], check=True, capture_output=True, text=True, env=environment)
        return result.stdout + result.stderr

    @property
    def calls(self) -> list[str]:
        return [line.strip() for line in (self.folder / "calls").read_text().splitlines()]


@pytest.mark.parametrize(
    ("volumes", "left"),
    [
        ({"vda1": "P1 system G1"}, []),
        # A group on two disks, and another one
        ({"vda1": "P1 system G1", "vdb": "P2 system G1", "vdc1": "P3 data G2"}, []),
        ({"vda1": "P1 system G1", "vdb1": "P1 system G1"}, ["vdb", "vdb1"]),
        # It has grown, and has one more.
        ({"vda1": "P1 system G1", "vdb1": "P1 system G1", "vdb2": "P4 system G1"}, ["vdb", "vdb1", "vdb2"]),
        # Of another image: only the name is the same.
        ({"vda1": "P1 system G1", "vdb1": "P7 system G7"}, ["vdb", "vdb1"]),
        # The same as a whole disk
        ({"vda1": "P1 system G1", "vdb": "P1 system G1"}, ["vdb"]),
        # In no group
        ({"vda1": "P1", "vdb1": "P1", "vdc1": "P3 system G1"}, []),
    ],
)
def test_a_disk_with_the_same_group_is_left_out(tmp_path: Path, volumes: dict[str, str], left: list[str]) -> None:
    machine = Initramfs(tmp_path, volumes)
    said = machine.run("own-volumes")
    assert said.count("of another disk, and is left out\n") == len(said.splitlines()) == bool(left)
    conf = tmp_path / "run/lvm/goldsmith/lvm.conf"
    assert machine.calls[0] == "udevadm settle --timeout=10"
    assert machine.calls[-1] == f"{conf.parent if left else ''} vgchange -aay --sysinit".strip()
    assert conf.exists() is bool(left)
    if left:
        first, *_backup = conf.read_text().splitlines()
        named = sorted({part.strip("^$").removeprefix("/dev/") for part in first.split("|")[1::2]})
        assert named == left
        assert first.startswith('devices { filter = [ "r|^/dev/')


def test_a_root_that_is_named_by_its_place_is_left_alone(tmp_path: Path) -> None:
    machine = Initramfs(tmp_path, {"vda1": "", "vdb1": ""}, words="root=/dev/vda goldsmith.new_ids")
    assert machine.run("new-ids", root="/dev/vda") == ""
    assert machine.calls == []
    assert not (tmp_path / "conf/param.conf").exists()


@pytest.mark.parametrize("new", [True, False])
def test_the_root_is_that_of_the_first_disk_and_only_it_gets_a_new_id(tmp_path: Path, new: bool) -> None:
    words = f"root=UUID=1-2 {'goldsmith.new_ids' if new else 'goldsmith.new_ids_not'} ro"
    machine = Initramfs(tmp_path, {"vdb1": "", "vda1": ""}, others=("sda1",), words=words)
    assert machine.run("new-ids", root="UUID=1-2") == ""
    assert (tmp_path / "conf/param.conf").read_text() == "ROOT=/dev/vda1\n"
    assert machine.calls == (["-U random /dev/vda1"] if new else [])


@pytest.mark.parametrize("disks", [("vda",), ("vda", "vdb")])
def test_dracut_waits_for_all_disks_where_there_are_several(tmp_path: Path, disks: tuple[str, ...]) -> None:
    machine = Initramfs(tmp_path, {}, others=(*disks, "vda1", "dm-0"))
    for disk in disks:
        (tmp_path / "sys/class/block" / disk / "device").mkdir()
    [hook] = [file["content"] for file in yaml.safe_load(DRACUT.read_text())["early_files"] if "settle" in file["path"]]
    assert machine.run_text(hook) == ""
    assert machine.calls == (["udevadm settle --timeout=10"] if len(disks) > 1 else [])


def test_links_lead_to_the_first_disk_and_to_volumes_before_it() -> None:
    rules = jinja2.Environment(trim_blocks=True).from_string(RULES.read_text()).render()
    found = re.findall('^KERNEL=="(.*)", OPTIONS\\+="link_priority=(.*)"$', rules, re.MULTILINE)

    def priorities(device: str) -> list[int]:
        return [int(priority) for names, priority in found if any(fnmatch(device, name) for name in names.split("|"))]

    # One for all devices of a disk
    ranks = [rank for disk in DISKS for [(rank,)] in [{tuple(priorities(device)) for device in disk.split()}]]
    assert ranks == sorted(set(ranks), reverse=True)
    assert 50 > ranks[0] > ranks[-1] > 0
    assert [priorities(name) for name in ("vdaa1", "sr0", "dm-0", "loop0")] == [[]] * 4
