# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Partition tables of image files, by sfdisk."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.sizes import MIB, SECTOR

ALIGNMENT = MIB
GPT_TAIL = MIB  # room for the backup table: 33 sectors, rounded up to keep the disk aligned

LINUX = "linux"
BIOS_BOOT = "bios_boot"
ESP = "esp"
LVM = "lvm"

# The type codes that sfdisk prints and takes, by label.
_TYPES = {
    "dos": {LINUX: "83", ESP: "ef", LVM: "8e"},
    "gpt": {
        LINUX: "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
        BIOS_BOOT: "21686148-6449-6E6F-744E-656564454649",
        ESP: "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
        LVM: "E6D6D379-F507-44C2-A23C-238F2A3DF928",
    },
}


@dataclass(frozen=True)
class Partition:
    """One partition; *start* and *size* in bytes, *type* one of this module's names or the label's own code."""

    number: int
    start: int
    size: int
    type: str = LINUX
    uuid: str | None = None
    name: str | None = None
    bootable: bool = False

    @property
    def end(self) -> int:
        """The first byte behind the partition."""
        return self.start + self.size


@dataclass(frozen=True)
class Table:
    """A partition table: *label* is dos or gpt, *id* the disk's identifier as sfdisk writes it."""

    label: str
    id: str
    partitions: tuple[Partition, ...]

    def script(self) -> str:
        """Return the table as input for sfdisk."""
        lines = [f"label: {self.label}", f"label-id: {self.id}", "unit: sectors"]
        if self.label == "gpt":
            lines.append("first-lba: 34")
        for partition in self.partitions:
            fields = [
                f"start={partition.start // SECTOR}",
                f"size={partition.size // SECTOR}",
                f"type={_TYPES[self.label].get(partition.type, partition.type)}",
            ]
            if self.label == "gpt" and partition.uuid:
                fields.append(f"uuid={partition.uuid}")
            if self.label == "gpt" and partition.name:
                fields.append(f'name="{partition.name}"')
            if self.label == "dos" and partition.bootable:
                fields.append("bootable")
            lines.append(f"{partition.number} : {', '.join(fields)}")
        return "\n".join(lines) + "\n"


def write_table(runner: Runner, path: str, table: Table) -> None:
    """Write a table into an image file; what lies in the partitions stays."""
    runner.run(
        ["sfdisk", "--no-reread", "--no-tell-kernel", "--wipe", "never", "--wipe-partitions", "never", path],
        stdin=table.script(),
    )


def read_table(runner: Runner, path: str, name: str = "") -> Table | None:
    """Return the table of an image file, or None when it has none; raise GoldsmithError where its kind is not known.

    *name* is what the error calls the file.
    """
    result = runner.run(["sfdisk", "--json", path], check=False)
    if result.rc != 0:
        return None
    return parse_table(result.stdout, name or path)


def parse_table(text: str, name: str = "the disk") -> Table:
    """Return the table that sfdisk printed as JSON."""
    data = json.loads(text)["partitiontable"]
    sector = int(data.get("sectorsize", SECTOR))
    if data["label"] not in _TYPES:
        # They number cylinders, overlap by design, or have no identifier.
        raise GoldsmithError(
            f"{name} has a partition table of the kind {data['label']}", hint="only dos and gpt are read"
        )
    names = {code.upper(): name for name, code in _TYPES[data["label"]].items()}
    return Table(
        label=data["label"],
        id=data["id"],
        partitions=tuple(
            Partition(
                # The node is the path of the image followed by the number, with a p between where it ends in a digit.
                number=int(part["node"][len(data["device"]) :].lstrip("p")),
                start=int(part["start"]) * sector,
                size=int(part["size"]) * sector,
                type=names.get(part["type"].upper(), part["type"]),
                uuid=part.get("uuid"),
                name=part.get("name"),
                bootable=bool(part.get("bootable")),
            )
            for part in data.get("partitions", [])
        ),
    )
