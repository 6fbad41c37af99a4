# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""lvm2 itself on parts of an image file, without device-mapper and without a look at the host's own disks."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from helpers.disks import tool

_CONFIGURATION = """
devices {{
  filter = [ {accepted}, "r|.*|" ]
  global_filter = [ {accepted}, "r|.*|" ]
  use_devicesfile = 0
  obtain_device_list_from_udev = 0
  external_device_info_source = "none"
  scan_lvs = 0
}}
global {{ locking_dir = "{folder}" event_activation = 0 use_lvmpolld = 0 }}
backup {{ backup = 0 archive = 0 }}
activation {{ udev_sync = 0 udev_rules = 0 monitoring = 0 }}
"""


@dataclass(frozen=True)
class Lvm:
    """lvm2 with *devices*, the loop devices of the parts."""

    folder: str
    devices: tuple[str, ...]

    def run(self, command: str, *arguments: str) -> str:
        """Run one of its programs, which must succeed."""
        environment = ["env", f"LVM_SYSTEM_DIR={self.folder}", "LVM_SUPPRESS_FD_WARNINGS=1"]
        return tool(*environment, command, "--driverloaded", "n", *arguments)

    def report(self, command: str, columns: str, *arguments: str) -> list[dict[str, str]]:
        """Run lvs, vgs or pvs, and return the rows of its report."""
        words = ["--reportformat", "json", "--units", "b", "--nosuffix", "-o", columns, *arguments]
        found = json.loads(self.run(command, *words))["report"][0]
        return found[{"lvs": "lv", "vgs": "vg", "pvs": "pv"}[command]]


@contextmanager
def lvm_on(image: Path, parts: Sequence[tuple[int, int]]) -> Iterator[Lvm]:
    """Give lvm2 the parts, each (start, size), of an image file."""
    devices: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            for start, size in parts:
                where = ["--offset", str(start), "--sizelimit", str(size)]
                devices.append(tool("losetup", "--find", "--show", *where, image).strip())
            accepted = ", ".join(f'"a|^{device}$|"' for device in devices)
            Path(folder, "lvm.conf").write_text(_CONFIGURATION.format(accepted=accepted, folder=folder))
            yield Lvm(folder, tuple(devices))
        finally:
            for device in devices:
                tool("losetup", "--detach", device)
