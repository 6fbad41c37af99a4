# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An initramfs that was made for other hardware, or lacks the drivers of the published bus, is found without a boot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from helpers.cpio import write_archive
from helpers.system_trees import make_tree

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit import boot_ramdisk
from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.rule import (
    FAIL,
    NOT_APPLICABLE,
    PASS,
    Finding,
    Guest,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import TreeFiles

CLOUD = "6.12-cloud"
DRIVERS = f"usr/lib/modules/{CLOUD}/kernel/drivers"
SCSI = {"hw_disk_bus": "scsi", "hw_scsi_model": "virtio-scsi"}
VERSION = "6.12"
MODULES = f"usr/lib/modules/{VERSION}"
FILES = {
    f"boot/vmlinuz-{VERSION}": "kernel",
    f"{MODULES}/modules.builtin": "kernel/drivers/virtio/virtio_pci.ko\n",
    "etc/fstab": "LABEL=x / ext3 defaults 0 1\n",
}
RAMDISK = f"/boot/initrd.img-{VERSION}"
GOOD = {
    f"{MODULES}/kernel/virtio-blk.ko.zst": "",
    f"./{MODULES}/kernel/fs/ext4.ko": "",
    "conf/conf.d/x": "RESUME=none\n",
}


def guest(folder: Path, content: dict[str, str]) -> Guest:
    tree = make_tree(folder / "tree", FILES, {"lib": "usr/lib"})
    with open(f"{tree}{RAMDISK}", "wb") as file:
        write_archive(file, [(name, text.encode()) for name, text in content.items()])
    return Guest(TreeFiles(str(tree)))


def test_one_for_any_machine(tmp_path: Path) -> None:
    found = boot_ramdisk.for_any_machine(guest(tmp_path, GOOD))
    assert (found.verdict, found.evidence) == (PASS, (f"{RAMDISK}: virtio_pci, virtio_blk, ext4",))


@pytest.mark.parametrize(
    ("gone", "more", "said"),
    [
        ("virtio-blk", {}, "has no virtio_blk"),
        ("ext4", {}, "has no ext4"),
        ("nothing", {"conf/conf.d/zz-resume-auto": "RESUME=UUID=1\n"}, "RESUME=UUID=1, which an instance waits for"),
        ("nothing", {"etc/cmdline.d/95resume.conf": " resume=/dev/vg/swap \n"}, "resume=/dev/vg/swap, which"),
        ("nothing", {"etc/cmdline.d/90lvm.conf": " rd.lvm.lv=vg/root \n"}, "rd.lvm.lv=vg/root, which"),
    ],
)
def test_each_fault_with_its_remedy(tmp_path: Path, gone: str, more: dict[str, str], said: str) -> None:
    content = {name: text for name, text in GOOD.items() if gone not in name} | more
    found = boot_ramdisk.for_any_machine(guest(tmp_path, content))
    (fault,) = found.evidence
    assert found.verdict == FAIL
    assert fault.startswith(f"{RAMDISK}: {said}")
    assert "update-initramfs -u with MODULES=most, or dracut --force --no-hostonly" in fault


def test_the_file_system_is_that_of_the_image(tmp_path: Path) -> None:
    found = boot_ramdisk.for_any_machine(replace(guest(tmp_path, GOOD), filesystem="xfs"))
    assert [line.partition(";")[0] for line in found.evidence] == [f"{RAMDISK}: has no xfs"]


def test_what_cannot_be_judged(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    assert boot_ramdisk.for_any_machine(replace(guest(tmp_path / "a", {}), resize="xen")).verdict == NOT_APPLICABLE
    no_list = guest(tmp_path / "b", {})
    (tmp_path / "b/tree" / MODULES / "modules.builtin").unlink()
    assert boot_ramdisk.for_any_machine(no_list).verdict == NOT_APPLICABLE
    broken = guest(tmp_path / "c", {})
    Path(f"{tmp_path}/c/tree{RAMDISK}").write_text("no archive")
    found = boot_ramdisk.for_any_machine(broken)
    assert (found.verdict, len(found.evidence)) == (NOT_APPLICABLE, 1)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make_tree(make_tree(tmp_path / "tree"), {f"boot/vmlinuz-{CLOUD}": "kernel"}, {})


def judge(tree: Path, properties: dict[str, str], *drivers: str) -> Finding:
    """Judge a tree whose initramfs has these files."""
    with open(tree / f"boot/initrd.img-{CLOUD}", "wb") as file:
        write_archive(file, [(name, b"") for name in ("init", *drivers)])
    return boot_ramdisk.finds_its_disk(Guest(TreeFiles(str(tree)), properties=properties))


def test_drivers_in_the_initramfs(tree: Path) -> None:
    names = [f"{DRIVERS}/scsi/virtio_scsi.ko.xz", f"{DRIVERS}/scsi/sd_mod.ko", f"{DRIVERS}/virtio/virtio_pci.ko.zst"]
    found = judge(tree, SCSI, *names)
    assert found.verdict == PASS
    assert set(found.evidence) == {f"/boot/initrd.img-{CLOUD}: {name}" for name in names}


def test_a_driver_that_is_missing_is_named(tree: Path) -> None:
    found = judge(tree, SCSI, f"{DRIVERS}/scsi/sd-mod.ko", f"{DRIVERS}/virtio/virtio_pci.ko")
    assert (found.verdict, found.evidence) == (
        FAIL,
        (f"/boot/initrd.img-{CLOUD}: virtio_scsi is not in it, and hw_disk_bus=scsi needs it",),
    )


def test_a_driver_that_is_built_in_is_there(tree: Path) -> None:
    path = tree / f"usr/lib/modules/{CLOUD}/modules.builtin"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("kernel/drivers/scsi/sd_mod.ko\nkernel/drivers/ata/ahci.ko\n")
    assert judge(tree, {"hw_disk_bus": "sata"}).verdict == PASS
    assert "virtio_scsi is not in it" in judge(tree, SCSI).evidence[1]


@pytest.mark.parametrize("properties", [{}, {"hw_disk_bus": "virtio"}, {"hw_disk_bus": "xen"}])
def test_what_every_boot_tries_or_none_can_is_not_judged(tree: Path, properties: dict[str, str]) -> None:
    assert judge(tree, properties).verdict == NOT_APPLICABLE
