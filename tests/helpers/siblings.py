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
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from helpers.watched_machine import machine, run_until

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot import qemu
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.config_drive import make_config_drive
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.instance_documents import (
    InstanceData,
    openstack_documents,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

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
    watched = machine(folder, [qemu.Disk(str(disk), "qcow2", 0) for disk in disks])
    if firmware == "uefi":
        code, variables = qemu.find_uefi()
        store = folder / "variables"
        store.write_bytes(Path(variables).read_bytes())
        watched = replace(watched, uefi=(code, str(store)))
    script = _SAY.replace("{also}", also)
    if by_user_data:
        log = run_until(_END, _with_user_data(watched, script))
    else:
        log = run_until(_END, watched, _unit_words(script))
    return Mounted(**dict(re.findall(r"sibling: (?!end)(\w+) (.*?)\s*$", log, re.MULTILINE)))


def _unit_words(script: str) -> list[str]:
    say = base64.b64encode(script.encode()).decode()
    words = []
    for name, text in _UNITS.items():
        value = base64.b64encode(text.replace("{say}", say).encode()).decode()
        words += ["-smbios", f"type=11,value=io.systemd.credential.binary:{name}={value}"]
    return words


def _with_user_data(watched: qemu.Machine, script: str) -> qemu.Machine:
    instance = InstanceData(watched.uuid, "sibling", "", f"#!/bin/sh\n{script}")
    iso = watched.folder / "config.iso"
    make_config_drive(Runner(), openstack_documents(instance), iso)
    drive = qemu.Disk(str(iso), "raw", iso.stat().st_size, readonly=True)
    return replace(watched, disks=(*watched.disks, drive))
