# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's and LVM's part in a growth, played by this one program under many names over a disk that is a file.

The partition table is real: sfdisk writes it, this file only passes it on. What LVM and the file system know is kept in
state.json. Run as a program it gets its name from the link that leads to it. CUT=NAME:before or CUT=NAME:after kills
the whole session there, as a power cut would.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

SECTOR, EXTENT, MIB = 512, 4 << 20, 1 << 20
NAMES = (
    "sfdisk", "partx", "pvcreate", "vgextend", "lvextend", "pvresize", "resize2fs", "dumpe2fs", "lvs", "vgs", "pvs",
    "xfs_info", "xfs_growfs", "btrfs",
)  # fmt: skip
# First sectors of a physical volume as wipefs knows it; the sum is that of an empty label.
_LABEL_SECTOR = 1


class FakeMachine:
    """A disk with its partitions as the kernel sees them, a volume group and a root file system."""

    def __init__(self, root: Path, disk: str = "vda") -> None:
        self.root, self.name = root, disk
        self.disk = root / "dev" / disk
        self.sys = root / "sys" / "devices" / disk

    @property
    def state(self) -> dict[str, Any]:
        """What LVM and the file system know."""
        return json.loads((self.root / "state.json").read_text())

    def save(self, state: dict[str, Any]) -> None:
        """Replace it."""
        (self.root / "state.json").write_text(json.dumps(state))

    # --- The kernel ---

    def table(self) -> dict[int, tuple[int, int]]:
        """Start and size in sectors by number, read by the real sfdisk."""
        argv = [real("sfdisk"), "--json", str(self.disk)]
        said = subprocess.run(argv, check=False, capture_output=True, text=True)
        partitions = json.loads(said.stdout)["partitiontable"].get("partitions", []) if said.returncode == 0 else []
        return {int(one["node"].removeprefix(f"{self.disk}")): (one["start"], one["size"]) for one in partitions}

    def boot(self) -> None:
        """See the disk anew, as after a reset."""
        shutil.rmtree(self.root / "sys", ignore_errors=True)
        for folder in (self.sys / "queue", self.root / "sys" / "class" / "block", self.root / "sys" / "dev" / "block"):
            folder.mkdir(parents=True)
        (self.sys / "size").write_text(f"{self.disk.stat().st_size // SECTOR}\n")
        (self.sys / "queue" / "logical_block_size").write_text(f"{SECTOR}\n")
        self._link(self.name, "254:0", self.sys)
        for number in self.table():
            self.add(number)
        state = self.state
        if state["volume"]:
            folder = self.root / "sys" / "devices" / "dm-0"
            (folder / "dm").mkdir(parents=True)
            (folder / "dm" / "name").write_text("system-root\n")
            (folder / "dm" / "uuid").write_text("LVM-abcdef\n")
            (folder / "size").write_text(f"{state['volume'] * EXTENT // SECTOR}\n")
            self._link("dm-0", "253:0", folder)

    def add(self, number: int) -> None:
        """Make a partition known."""
        start, size = self.table()[number]
        folder = self.sys / f"{self.name}{number}"
        folder.mkdir(exist_ok=True)
        (folder / "partition").write_text(f"{number}\n")
        (folder / "size").write_text(f"{size}\n")
        self._link(folder.name, f"254:{number}", folder)
        # Its first bytes are enough to know what it holds.
        node = self.root / "dev" / folder.name
        with self.disk.open("rb") as disk, node.open("wb") as file:
            disk.seek(start * SECTOR)
            file.write(disk.read(MIB))
            file.truncate(size * SECTOR)

    def write(self, number: int, content: bytes) -> None:
        """Write to the beginning of a partition."""
        with self.disk.open("r+b") as disk:
            disk.seek(self.table()[number][0] * SECTOR)
            disk.write(content)
        self.add(number)

    def size(self, number: int) -> int:
        """Bytes of a partition as the kernel knows it."""
        return int((self.sys / f"{self.name}{number}" / "size").read_text()) * SECTOR

    def _link(self, name: str, device: str, folder: Path) -> None:
        for link in (self.root / "sys/class/block" / name, self.root / "sys/dev/block" / device):
            link.unlink(missing_ok=True)
            link.symlink_to(os.path.relpath(folder, link.parent))

    # --- LVM and the file system ---

    def number(self, node: str) -> int:
        """The partition of a device node."""
        return int(Path(node).name.removeprefix(self.name))

    def extents(self, number: int) -> int:
        """What a partition holds as a physical volume."""
        return (self.size(number) - MIB) // EXTENT


def real(name: str) -> str:
    """The program behind a name of ours."""
    found = shutil.which(name, path="/usr/sbin:/sbin:/usr/bin:/bin")
    assert found, f"the program {name} is not installed"
    return found


def physical_volume() -> bytes:
    """The first MiB of a physical volume, as libblkid knows it."""
    crc = 0xF597A6CF
    body = (32).to_bytes(4, "little") + b"LVM2 001" + b"0" * 32
    body = body.ljust(SECTOR - 20, b"\0")
    table = [
        0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
        0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C,
    ]  # fmt: skip
    for byte in body:
        crc ^= byte
        crc = (crc >> 4) ^ table[crc & 15]
        crc = (crc >> 4) ^ table[crc & 15]
    label = b"LABELONE" + _LABEL_SECTOR.to_bytes(8, "little") + crc.to_bytes(4, "little") + body
    return bytes(SECTOR * _LABEL_SECTOR) + label


def play(name: str, words: list[str], machine: FakeMachine) -> int:
    """Do what the program of this name would do; return its exit status."""
    if name == "sfdisk":
        return subprocess.run([real(name), *words], check=False).returncode
    state = machine.state
    group, volume = state["group"], state["volume"]
    free = sum(state["pvs"].get(number, 0) for number in group) - volume
    last = words[-1]
    if name == "partx":
        machine.add(int(words[words.index("--nr") + 1]))
    elif name == "pvcreate":
        number = machine.number(last)
        if str(number) in group or str(number) in state["foreign"]:
            return 5
        machine.write(number, physical_volume())
        state["pvs"][str(number)] = machine.extents(number)
    elif name == "vgextend":
        if str(machine.number(last)) in group:
            return 5
        state["group"] = [*group, str(machine.number(last))]
    elif name == "pvresize":
        state["pvs"][str(machine.number(last))] = machine.extents(machine.number(last))
    elif name == "lvextend":
        state["volume"] = volume + free
        (machine.root / "sys/devices/dm-0/size").write_text(f"{state['volume'] * EXTENT // SECTOR}\n")
    elif name == "resize2fs":
        size = Path(os.path.realpath(machine.root / "sys/class/block" / Path(last).name)) / "size"
        state["filesystem"] = int(size.read_text()) * SECTOR // 4096 * 4096
    elif name == "xfs_growfs" or (name == "btrfs" and "resize" in words):
        # They take the mount point: there is one root.
        device = "dm-0" if volume else f"{machine.name}1"
        size = int((machine.root / "sys/class/block" / device / "size").read_text()) * SECTOR
        state["filesystem"] = size // 4096 * 4096
    elif name == "xfs_info":
        print("meta-data=/dev/vda1  isize=512    agcount=2, agsize=9 blks")
        print(f"data     =           bsize=4096   blocks={state['filesystem'] // 4096}, imaxpct=25")
        print("         =           sunit=0      swidth=0 blks")
    elif name == "btrfs":
        print(f"Overall:\n    Device size:\t\t  {state['filesystem']}\n    Device allocated:\t\t  1")
    elif name == "dumpe2fs":
        print(f"Block count:              {state['filesystem'] // 4096}\nBlock size:               4096")
    elif name == "lvs":
        print(f"  {machine.root}/dev/{state['first']}(0)" if "devices" in words else f"  system {EXTENT}")
    elif name == "vgs":
        print(f"  {free}")
    elif name == "pvs":
        number = machine.number(last)
        if "vg_name" in words:
            if str(number) not in state["pvs"] and str(number) not in state["foreign"]:
                return 5
            print("  " + ("system" if str(number) in group else state["foreign"].get(str(number), "")))
        else:
            print(f"  {machine.size(number)} {MIB} {state['pvs'][str(number)] * EXTENT}")
    machine.save(state)
    return 0


def _main() -> int:
    name = Path(sys.argv[0]).name
    machine = FakeMachine(Path(os.environ["GOLDSMITH_ROOT"]))
    moment = os.environ.get("CUT", "")
    if name == "sfdisk" and "--dump" in sys.argv:
        moment = ""
    if moment == f"{name}:before":
        os.killpg(0, signal.SIGKILL)
    with (machine.root / "programs.log").open("a") as log:
        log.write(" ".join([name, *sys.argv[1:]]).replace(f"{machine.root}", "") + "\n")
    status = play(name, sys.argv[1:], machine)
    if moment == f"{name}:after":
        os.killpg(0, signal.SIGKILL)
    return status


if __name__ == "__main__":
    sys.exit(_main())
