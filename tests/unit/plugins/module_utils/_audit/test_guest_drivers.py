# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Q9: the drivers of the bus that is published are in the initramfs, or in the kernel."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.cpio import write_archive
from helpers.system_trees import make_tree

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit import guest_drivers
from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.rule import (
    FAIL,
    NOT_APPLICABLE,
    PASS,
    Finding,
    Guest,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import TreeFiles

VERSION = "6.12-cloud"
FOLDER = f"usr/lib/modules/{VERSION}/kernel/drivers"
SCSI = {"hw_disk_bus": "scsi", "hw_scsi_model": "virtio-scsi"}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make_tree(make_tree(tmp_path / "tree"), {f"boot/vmlinuz-{VERSION}": "kernel"}, {})


def judge(tree: Path, properties: dict[str, str], *drivers: str) -> Finding:
    """Judge a tree whose initramfs has these files."""
    with open(tree / f"boot/initrd.img-{VERSION}", "wb") as file:
        write_archive(file, [(name, b"") for name in ("init", *drivers)])
    return guest_drivers.finds_its_disk(Guest(TreeFiles(str(tree)), properties=properties))


def test_drivers_in_the_initramfs(tree: Path) -> None:
    names = [f"{FOLDER}/scsi/virtio_scsi.ko.xz", f"{FOLDER}/scsi/sd_mod.ko", f"{FOLDER}/virtio/virtio_pci.ko.zst"]
    found = judge(tree, SCSI, *names)
    assert found.verdict == PASS
    assert set(found.evidence) == {f"/boot/initrd.img-{VERSION}: {name}" for name in names}


def test_a_driver_that_is_missing_is_named(tree: Path) -> None:
    found = judge(tree, SCSI, f"{FOLDER}/scsi/sd-mod.ko", f"{FOLDER}/virtio/virtio_pci.ko")
    assert (found.verdict, found.evidence) == (
        FAIL,
        (f"/boot/initrd.img-{VERSION}: virtio_scsi is not in it, and hw_disk_bus=scsi needs it",),
    )


def test_a_driver_that_is_built_in_is_there(tree: Path) -> None:
    path = tree / f"usr/lib/modules/{VERSION}/modules.builtin"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("kernel/drivers/scsi/sd_mod.ko\nkernel/drivers/ata/ahci.ko\n")
    assert judge(tree, {"hw_disk_bus": "sata"}).verdict == PASS
    assert "virtio_scsi is not in it" in judge(tree, SCSI).evidence[1]


@pytest.mark.parametrize("properties", [{}, {"hw_disk_bus": "virtio"}, {"hw_disk_bus": "xen"}])
def test_what_every_boot_tries_or_none_can_is_not_judged(tree: Path, properties: dict[str, str]) -> None:
    assert judge(tree, properties).verdict == NOT_APPLICABLE
