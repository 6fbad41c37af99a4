# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real QEMU has the hardware that images ask for. Its processor is never started."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from helpers.waiting import PATIENCE

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot import hardware, qemu
from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.qmp import Qmp

BUSES = [{"hw_disk_bus": bus} for bus in ("virtio", "sata", "ide", "usb")]
MODELS = [{"hw_disk_bus": "scsi", "hw_scsi_model": model} for model in hardware._SCSI]
CARDS = [{"hw_vif_model": card} for card in hardware._CARDS if card != "igb"]
CDROMS = [
    {"hw_cdrom_bus": bus, "hw_disk_bus": disk, "hw_scsi_model": "virtio-scsi"}
    for bus in ("ide", "sata", "scsi", "usb", "virtio")
    for disk in ("virtio", "scsi")
]
OTHERS = [{"hw_rng_model": "virtio"}]


@pytest.mark.parametrize(
    "properties", [*BUSES, *MODELS, *CARDS, *CDROMS, *OTHERS], ids=lambda one: "-".join(map(str, one.values()))
)
def test_a_machine_with_it_can_be_made(tmp_path_factory: pytest.TempPathFactory, properties: dict[str, str]) -> None:
    # The path of a socket must be short.
    folder = tmp_path_factory.mktemp("it")
    disks = tuple(qemu.Disk(str(folder / name), "raw", 1 << 20, name == "cd") for name in ("hd", "cd"))
    for disk in disks:
        Path(disk.path).write_bytes(bytes(disk.size))
    asked = hardware.hardware_of(properties)
    assert asked.not_tried == ()
    machine = qemu.Machine(
        folder=folder,
        name="guest",
        uuid="aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        type=next(iter(asked.machines), "q35"),
        accelerator="tcg",
        memory=64 << 20,
        cpus=1,
        disks=disks,
        hardware=asked,
    )
    process = subprocess.Popen([*qemu.command(machine), "-S"], stderr=subprocess.PIPE, text=True)
    try:
        with Qmp(machine.qmp, wait=20) as qmp:
            tree = str(qmp.execute("query-block"))
            assert str(folder / "hd") in tree and str(folder / "cd") in tree
            qmp.quit()
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        assert process.stderr
        said = process.stderr.read()
        process.wait()
        assert not said, said
