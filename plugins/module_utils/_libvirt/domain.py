# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disks of a guest and the volumes that they are, as libvirt tells them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.virsh import Libvirt, last_line, parse

# QEMU's names of what libvirt calls a driver.
_FORMATS = {"raw": "raw", "qcow2": "qcow2", "vpc": "vpc", "vdi": "vdi"}


@dataclass(frozen=True)
class Disk:
    """A disk of a guest: *path* on its host, or *pool* and *volume*."""

    target: str
    format: str
    path: str = ""
    pool: str = ""
    volume: str = ""


@dataclass(frozen=True)
class StorageVolume:
    """A volume; one that is written to changes in one of these. Sizes in bytes, *physical* is that of its file."""

    path: str
    capacity: int
    allocation: int
    physical: int
    mtime: str


class Host:
    """A virtualisation host, as a place of disks."""

    def __init__(self, runner: Runner, uri: str) -> None:
        self.runner = runner
        self._libvirt = Libvirt(runner, uri)

    @property
    def is_local(self) -> bool:
        """Whether its files are those of this host; behind a port of loopback there may be a tunnel."""
        return not self._libvirt.uri.host

    def require_shut_off(self, name: str) -> None:
        """Raise GoldsmithError unless the guest is there, off, and no memory of it is kept for its next start."""
        state = self._libvirt.state(name)
        if state is None:
            raise OptionError("name", name, f"there is no such guest at {self._libvirt.uri.text}")
        if not state.is_off:
            raise GoldsmithError(
                f"the guest {name} is not off but {state.name}",
                hint="shut it down, for example with goldsmith.openstack.vm_state and state=shut_off",
            )
        facts = dict(line.split(":", 1) for line in self._ask("dominfo", "--domain", name).splitlines() if ":" in line)
        if facts.get("Managed save", "").strip() == "yes":
            raise GoldsmithError(
                f"the guest {name} is not shut down but saved", hint="start it and shut it down in an orderly way"
            )

    def disks(self, name: str) -> list[Disk]:
        """Return the disks that a guest will have at its next start, in their order."""
        return parse_disks(self._ask("dumpxml", "--inactive", "--domain", name))

    def volume_path(self, pool: str, volume: str) -> str:
        """Return the path of a volume on its host."""
        return self._ask("vol-path", "--pool", pool, "--vol", volume).strip()

    def volume(self, path: str) -> StorageVolume:
        """Return the facts of a volume; raise GoldsmithError where its path lies in no pool."""
        # A pool knows what was there when it was looked at the last time: neither new files nor new times.
        pool = self._libvirt.virsh("vol-pool", "--vol", path, check=False)
        names = pool.stdout.split("\n") if pool.rc == 0 else self._ask("pool-list", "--name").split("\n")
        for name in filter(None, map(str.strip, names)):
            self._libvirt.virsh("pool-refresh", "--pool", name, check=False)
        said = self._libvirt.virsh("vol-dumpxml", "--vol", path, check=False)
        if said.rc != 0:
            raise GoldsmithError(
                f"libvirt at {self._libvirt.uri.text} cannot read {path}: {last_line(said)}",
                hint=f"it must lie in an active storage pool: virsh pool-create-as goldsmith dir --target "
                f"{os.path.dirname(path)}",
            )
        return parse_volume(said.stdout, path)

    def download(self, path: str, output: str, *, start: int, size: int) -> str:
        """Write *size* bytes of a volume from *start* into a new file; return what went wrong, empty where nothing."""
        argv = ["vol-download", "--vol", path, "--file", output, "--offset", str(start), "--length", str(size)]
        try:
            result = self._libvirt.virsh(*argv, "--sparse", check=False, timeout=None)
            if result.rc != 0 and "sparse" in result.stderr.lower():
                result = self._libvirt.virsh(*argv, check=False, timeout=None)
        except GoldsmithError as error:
            return str(error)
        return "" if result.rc == 0 else last_line(result)

    def _ask(self, *words: str) -> str:
        return self._libvirt.virsh(*words).stdout


def choose(disks: Sequence[Disk], target: str | None, name: str) -> Disk:
    """Return the disk with a target's name, or the first; raise OptionError where there is none."""
    found = [disk for disk in disks if target in (None, disk.target)]
    if not found:
        there = ", ".join(disk.target for disk in disks) or "none"
        raise OptionError("target", target, f"is no disk of the guest {name}", hint=f"its disks are: {there}")
    disk = found[0]
    if not disk.path and not disk.volume:
        raise OptionError("target", disk.target, f"the disk of {name} is neither a file nor a volume of libvirt")
    return disk


def parse_disks(text: str) -> list[Disk]:
    """Return the disks that the description of a guest names, without those for removable media."""
    found = []
    for element in parse(text).iterfind("./devices/disk"):
        if element.get("device", "disk") != "disk":
            continue
        source, driver, target = element.find("source"), element.find("driver"), element.find("target")
        places = {} if source is None else source.attrib
        # Without a driver libvirt takes a disk for raw, whatever a guest wrote into it.
        kind = driver.get("type", "raw") if driver is not None else "raw"
        if kind not in _FORMATS:
            raise GoldsmithError(
                f"the disk {places} has the format {kind}", hint=f"usable are {', '.join(sorted(_FORMATS))}"
            )
        found.append(
            Disk(
                target=target.get("dev", "") if target is not None else "",
                format=_FORMATS[kind],
                path=places.get("file") or places.get("dev") or "",
                pool=places.get("pool", ""),
                volume=places.get("volume", ""),
            )
        )
    return found


def parse_volume(text: str, path: str) -> StorageVolume:
    """Return the facts in the description of a volume."""
    root = parse(text)

    def number(name: str, default: int) -> int:
        element = root.find(name)
        return int(element.text or default) if element is not None else default

    capacity = number("capacity", 0)
    mtime = root.findtext("./target/timestamps/mtime", "")
    # The bytes of a raw volume are as many as it has; older releases do not tell them.
    return StorageVolume(path, capacity, number("allocation", 0), number("physical", capacity), mtime)
