# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guest lies on, as its strategy of growth must have it."""

from __future__ import annotations

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.rule import Guest

_LVM = ("lvm", "8e")
_SWAP = ("82", "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f")


# What grows while it is mounted
_GROW = ("ext3", "ext4", "xfs", "btrfs")


def judge(guest: Guest, *, lvm: bool, filesystems: tuple[str, ...] = _GROW) -> tuple[list[str], list[str]]:
    """Return faults and what was seen: a root of one of the *filesystems*, no swap, LVM only with a strategy of it.

    Of a tree only its fstab is known, of a bare file system no partition.
    """
    faults, seen = [], []
    if guest.filesystem is not None:
        (seen if guest.filesystem in filesystems else faults).append(f"root file system: {guest.filesystem}")
    kinds = [kind.lower() for kind in guest.partitions or ()]
    faults += ["partition of the type swap" for kind in kinds if kind in _SWAP]
    if lvm:
        home = f"{guest.volume.group}/{guest.volume.name}" if guest.volume else "none"
        (seen if guest.volume or not kinds else faults).append(f"logical volume of the root: {home}")
    else:
        faults += ["partition of the type lvm" for kind in kinds if kind in _LVM]
    faults += [f"/etc/fstab: {line}" for line in guest.files.lines("/etc/fstab") if line.split()[2:3] == ["swap"]]
    return faults, seen
