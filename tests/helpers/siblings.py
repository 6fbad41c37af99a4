# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests beside the disk of a sibling, another instance of their image, as a rescue and an attached volume are.

Nothing is written into the image: systemd takes a unit from the firmware's tables (since its version 256), which says
on the console what was mounted. The machine is killed then, half way through its boot. An older one gets user data.
"""

from __future__ import annotations

import base64
import re
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot import qemu
from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.console import plain_text
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.config_drive import make_config_drive
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.instance_documents import (
    InstanceData,
    openstack_documents,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

TIMEOUT = 600
_END = "sibling: end"
_SAY = """\
said=$({also})
source=$(findmnt --noheadings --nofsroot --output SOURCE /)
say() { echo "sibling: $1 $2" >/dev/console; }
say source "$source"
say disk "$(lsblk --inverse --noheadings --raw --output NAME,TYPE "$source" | sed -n 's/ disk$//p' | sort -u | xargs)"
say uuid "$(blkid -p -o value -s UUID "$source")"
say link "$(readlink -f "/dev/disk/by-uuid/$(blkid -p -o value -s UUID "$source")")"
say words "$(cat /proc/cmdline)"
say also "$(echo $said)"
say end
"""
_UNITS = {
    "systemd.extra-unit.sibling.service": """\
[Unit]
DefaultDependencies=no
After=local-fs.target systemd-udev-settle.service
Wants=systemd-udev-settle.service
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo {say} | base64 -d | sh'
""",
    "systemd.unit-dropin.local-fs.target~50-sibling": "[Unit]\nWants=sibling.service\n",
}


@dataclass(frozen=True)
class Mounted:
    """What a guest said of its root: the device, the disk that it lies on, its id, and which device udev has by that.

    *words* are the kernel's arguments, *also* is what another command said.
    """

    source: str
    disk: str
    uuid: str
    link: str
    words: str
    also: str


def overlay(image: Path, disk: Path, size: str = "3G") -> Path:
    """Make the disk of an instance, over its image."""
    argv = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", str(image), str(disk), size]
    subprocess.run(argv, check=True)
    return disk


def mounted(
    folder: Path, disks: Sequence[Path], *, firmware: str = "bios", also: str = ":", by_user_data: bool = False
) -> Mounted:
    """Boot from the first of the disks, which are written to, until the file systems are there.

    *also* is a command that is run then. *by_user_data*: the guest's agent runs it, on a config drive behind the disks.
    """
    folder = Path(tempfile.mkdtemp(dir=folder, prefix="s"))
    runner = Runner()
    accelerator = qemu.choose_accelerator(runner, "auto")
    machine = qemu.Machine(
        folder=folder,
        name="sibling",
        uuid="0b1c2d3e-4f50-6172-8394-a5b6c7d8e9fb",
        type="q35",
        accelerator=accelerator,
        memory=1 << 30,
        cpus=qemu.usual_cpus(accelerator),
        disks=tuple(qemu.Disk(str(disk), "qcow2", 0) for disk in disks),
    )
    if firmware == "uefi":
        code, variables = qemu.find_uefi()
        store = folder / "variables"
        store.write_bytes(Path(variables).read_bytes())
        machine = replace(machine, uefi=(code, str(store)))
    script = _SAY.replace("{also}", also)
    argv = _with_user_data(runner, machine, script) if by_user_data else _with_unit(machine, script)
    process = runner.start(argv)
    begin = time.monotonic()
    log = ""
    try:
        while _END not in log:
            log = plain_text(machine.console.read_bytes()) if machine.console.exists() else ""
            assert process.poll() is None, f"QEMU ended:\n{log[-2000:]}"
            assert not re.search("Kernel panic|ALERT!|grub rescue>", log), log[-3000:]
            assert time.monotonic() - begin < TIMEOUT, f"no file systems:\n{log[-4000:]}"
            time.sleep(0.1)
    finally:
        qemu.end(runner, process)
    return Mounted(**dict(re.findall(r"sibling: (?!end)(\w+) (.*?)\s*$", log, re.MULTILINE)))


def _with_unit(machine: qemu.Machine, script: str) -> list[str]:
    argv = qemu.command(machine)
    say = base64.b64encode(script.encode()).decode()
    for name, text in _UNITS.items():
        value = base64.b64encode(text.replace("{say}", say).encode()).decode()
        argv += ["-smbios", f"type=11,value=io.systemd.credential.binary:{name}={value}"]
    return argv


def _with_user_data(runner: Runner, machine: qemu.Machine, script: str) -> list[str]:
    instance = InstanceData(machine.uuid, "sibling", "", f"#!/bin/sh\n{script}")
    iso = machine.folder / "config.iso"
    make_config_drive(runner, openstack_documents(instance), iso)
    drive = qemu.Disk(str(iso), "raw", iso.stat().st_size, readonly=True)
    return qemu.command(replace(machine, disks=(*machine.disks, drive)))
