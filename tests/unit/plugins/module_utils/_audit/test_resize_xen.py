# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Q1x and Q8: a good tree passes, and each fault is found by its own rule."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from helpers.cpio import write_archive
from helpers.system_trees import ARGUMENTS, make_tree

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit import resize_xen as rules
from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.rule import FAIL, PASS, Guest
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import TreeFiles

RULES = {"Q1x": rules.grows, "Q8": rules.runs_under_xen}
VERSION = "6.12-cloud"
CONFIG, MENU, GRUB = f"boot/config-{VERSION}", "boot/grub/menu.lst", "boot/grub/grub.cfg"
DRIVER = f"usr/lib/modules/{VERSION}/kernel/drivers/block/xen-blkfront.ko.xz"
GOOD_CONFIG = "CONFIG_XEN_PV=y\nCONFIG_HVC_XEN=y\n# CONFIG_XEN_X is not set\nCONFIG_XEN_BLKDEV_FRONTEND=m\n"
GOOD_MENU = (
    f"default 0\ntitle Linux\n  kernel /vmlinuz root=LABEL=a ro {ARGUMENTS} console=hvc0\n  initrd /initrd.img\n"
)
GOOD_GRUB = f"""menuentry 'Linux' {{
  linux /boot/vmlinuz-{VERSION} root=UUID=1 ro {ARGUMENTS} console=hvc0
  initrd /boot/initrd.img-{VERSION}
}}
menuentry 'recovery' {{
  linux /boot/other root=/dev/sda1 single
}}
"""
FILES = {CONFIG: GOOD_CONFIG, MENU: GOOD_MENU, GRUB: GOOD_GRUB, f"boot/vmlinuz-{VERSION}": "kernel"}
LINKS = {"vmlinuz": f"boot/vmlinuz-{VERSION}", "initrd.img": f"boot/initrd.img-{VERSION}"}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = make_tree(make_tree(tmp_path / "tree"), FILES, LINKS)
    write_ramdisk(tree, ["init", DRIVER])
    return tree


def write_ramdisk(tree: Path, names: list[str]) -> None:
    with open(tree / f"boot/initrd.img-{VERSION}", "wb") as file:
        write_archive(file, [(name, b"") for name in names])


def guest(tree: Path) -> Guest:
    return Guest(TreeFiles(str(tree)), resize="xen", filesystem="ext4", partitions=("linux",), partition_numbers=(1,))


@pytest.mark.parametrize(
    ("id", "said"),
    [
        ("Q1x", "root file system: ext4"),
        ("Q1x", "partitions by number: 1"),
        ("Q1x", "/etc/fstab: UUID=1 / ext4 defaults 0 1"),
        ("Q1x", "/boot/grub/grub.cfg: root=UUID=1"),
        ("Q1x", "/boot/grub/menu.lst: root=LABEL=a"),
        ("Q8", f"/boot/config-{VERSION}: CONFIG_XEN_PV=y"),
        ("Q8", f"/boot/initrd.img-{VERSION}: {DRIVER}"),
        ("Q8", "/boot/grub/grub.cfg: the last console is hvc0"),
        ("Q8", "/boot/grub/menu.lst: the last console is hvc0"),
    ],
)
def test_a_good_tree_passes_and_shows_why(tree: Path, id: str, said: str) -> None:
    finding = RULES[id](guest(tree))
    assert finding.verdict == PASS, finding
    assert said in finding.evidence


@pytest.mark.parametrize(
    ("id", "files", "said"),
    [
        ("Q1x", {"etc/fstab": "/dev/xvda1 / ext4 defaults 0 1\n"}, "/etc/fstab: /dev/xvda1"),
        ("Q1x", {"etc/fstab": "PARTUUID=1-01 / ext4 defaults 0 1\n"}, "/etc/fstab: PARTUUID"),
        ("Q1x", {"etc/fstab": "LABEL=a / ext4\nLABEL=b /boot ext4\n"}, "/etc/fstab: LABEL=b /boot"),
        ("Q1x", {"etc/fstab": "LABEL=a / ext4\n/dev/xvda3 none swap sw\n"}, "/etc/fstab: /dev/xvda3"),
        ("Q1x", {GRUB: GOOD_GRUB.replace("root=UUID=1", "root=/dev/vda1")}, "grub.cfg: root=/dev/vda1"),
        ("Q1x", {GRUB: GOOD_GRUB.replace(" root=UUID=1", "")}, "grub.cfg: root="),
        ("Q1x", {MENU: GOOD_MENU.replace("root=LABEL=a", "root=/dev/xvda1")}, "menu.lst: root=/dev/xvda1"),
        ("Q8", {CONFIG: GOOD_CONFIG.replace("CONFIG_XEN_PV=y", "")}, "CONFIG_XEN_PV=n"),
        ("Q8", {CONFIG: GOOD_CONFIG.replace("CONFIG_HVC_XEN=y", "CONFIG_HVC_XEN=m")}, "CONFIG_HVC_XEN=m"),
        ("Q8", {CONFIG: "CONFIG_XEN_PV=y\nCONFIG_HVC_XEN=y\n"}, "CONFIG_XEN_BLKDEV_FRONTEND=n"),
        ("Q8", {GRUB: GOOD_GRUB.replace("console=hvc0", "")}, "grub.cfg: the last console is ttyS0"),
        ("Q8", {MENU: GOOD_MENU.replace("console=hvc0", "console=hvc0 console=tty0")}, "menu.lst: the last console is"),
        ("Q8", {GRUB: GOOD_GRUB.replace("linux /boot/vmlinuz", "linux /boot/gone")}, "/boot/gone-6.12-cloud is miss"),
        ("Q8", {MENU: GOOD_MENU.replace("initrd /initrd.img", "")}, "menu.lst: a ramdisk is missing"),
        ("Q8", {MENU: "", GRUB: ""}, "no entry for pygrub and pvgrub"),
    ],
)
def test_each_fault_is_found(tree: Path, id: str, files: dict[str, str], said: str) -> None:
    make_tree(tree, files, {})
    finding = RULES[id](guest(tree))
    assert finding.verdict == FAIL
    assert any(said in line for line in finding.evidence), finding.evidence


@pytest.mark.parametrize(
    "change",
    [
        {"filesystem": "xfs"},
        {"partitions": ("linux", "linux"), "partition_numbers": (1, 2)},
        {"partition_numbers": (2,)},
        {"partitions": ("lvm",)},
        {"partitions": ("82",)},
    ],
)
def test_a_disk_that_xenapi_does_not_resize_is_found(tree: Path, change: dict[str, object]) -> None:
    assert rules.grows(replace(guest(tree), **change)).verdict == FAIL


@pytest.mark.parametrize("change", [{"partitions": (), "partition_numbers": ()}, {"partitions": None}])
def test_a_bare_file_system_and_a_tree_have_no_partition(tree: Path, change: dict[str, object]) -> None:
    assert rules.grows(replace(guest(tree), **{"partition_numbers": None, **change})).verdict == PASS


def test_an_initramfs_without_the_driver_is_found(tree: Path) -> None:
    write_ramdisk(tree, ["init", "lib/modules/6/xen-blkfront.txt"])
    assert any("xen-blkfront.ko is not in it" in line for line in rules.runs_under_xen(guest(tree)).evidence)


@pytest.mark.parametrize("name", ["xen-blkfront.ko", "xen_blkfront.ko.zst"])
def test_the_driver_has_many_names(tree: Path, name: str) -> None:
    write_ramdisk(tree, [f"lib/modules/6/{name}"])
    assert rules.runs_under_xen(guest(tree)).verdict == PASS


def test_a_driver_that_is_built_in_needs_no_initramfs(tree: Path) -> None:
    write_ramdisk(tree, [])
    make_tree(tree, {CONFIG: GOOD_CONFIG.replace("FRONTEND=m", "FRONTEND=y")}, {})
    assert rules.runs_under_xen(guest(tree)).verdict == PASS


def test_an_image_without_a_kernel_is_judged_to_the_end(tree: Path) -> None:
    (tree / f"boot/vmlinuz-{VERSION}").unlink()
    finding = rules.runs_under_xen(guest(tree))
    assert finding.verdict == FAIL
    assert any("no kernel with an initramfs" in line for line in finding.evidence)


def test_one_file_of_the_two_is_enough(tree: Path) -> None:
    (tree / GRUB).unlink()
    assert rules.runs_under_xen(guest(tree)).verdict == PASS
    assert rules.grows(guest(tree)).verdict == PASS


def test_the_kernel_that_starts_is_the_one_that_is_judged(tree: Path) -> None:
    newer = "6.13-rt"
    make_tree(tree, {f"boot/vmlinuz-{newer}": "kernel", f"boot/initrd.img-{newer}": "none"}, {})
    assert rules.runs_under_xen(guest(tree)).verdict == PASS
    make_tree(tree, {GRUB: GOOD_GRUB.replace(VERSION, newer)}, {})
    assert any(f"/boot/config-{newer}: CONFIG_XEN_PV=n" in line for line in rules.runs_under_xen(guest(tree)).evidence)
