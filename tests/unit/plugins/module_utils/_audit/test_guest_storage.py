# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guest lies on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit import guest_storage
from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.rule import Guest, LogicalVolume
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import TreeFiles


@pytest.mark.parametrize(
    ("filesystem", "partitions", "lvm", "faults"),
    [
        ("ext4", ("linux",), False, []),
        ("ext3", (), False, []),
        (None, None, True, []),  # a tree: nothing is known
        ("ext4", (), True, []),  # the root file system of a triplet
        ("xfs", ("linux",), False, []),
        ("btrfs", ("linux",), False, []),
        ("ext2", ("linux",), False, ["root file system: ext2"]),
        ("ext4", ("8e",), False, ["partition of the type lvm"]),
        ("ext4", ("linux",), True, ["logical volume of the root: none"]),
        ("ext4", ("0657FD6D-A4AB-43C4-84E5-0933C84B4F4F", "linux"), False, ["partition of the type swap"]),
    ],
)
def test_faults(
    tmp_path: Path, filesystem: str | None, partitions: tuple[str, ...] | None, lvm: bool, faults: list[str]
) -> None:
    guest = Guest(TreeFiles(str(tmp_path)), filesystem=filesystem, partitions=partitions)
    assert guest_storage.judge(guest, lvm=lvm)[0] == faults


def test_a_strategy_may_want_some_file_systems_only(tmp_path: Path) -> None:
    guest = Guest(TreeFiles(str(tmp_path)), filesystem="xfs", partitions=("linux",))
    assert guest_storage.judge(guest, lvm=False, filesystems=("ext4",))[0] == ["root file system: xfs"]


def test_the_volume_of_the_root(tmp_path: Path) -> None:
    guest = Guest(TreeFiles(str(tmp_path)), partitions=("bios_boot", "lvm"))
    assert guest_storage.judge(guest, lvm=True)[0] == ["logical volume of the root: none"]
    faults, seen = guest_storage.judge(replace(guest, volume=LogicalVolume("system", "root", 0)), lvm=True)
    assert faults == []
    assert "logical volume of the root: system/root" in seen


def test_swap_in_fstab(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/fstab").write_text("# swap\n/swapfile none swap sw 0 0\n")
    assert guest_storage.judge(Guest(TreeFiles(str(tmp_path))), lvm=False)[0] == [
        "/etc/fstab: /swapfile none swap sw 0 0"
    ]
