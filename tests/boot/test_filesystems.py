# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image with its root on xfs, begun with a base on btrfs, boots and grows.

tests/distributions has btrfs, LVM, and other bases.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.guests import BuiltImage, running_guest

pytestmark = pytest.mark.slow

GIB = 1 << 30


def test_a_root_on_xfs_takes_the_disk(built_image: Callable[[str], BuiltImage], guest_folder: Path) -> None:
    image = built_image("xfs").file("qcow2")
    options = {"image": str(image), "firmware": "bios", "machine": "q35", "disk_size": "8G", "user": "debian"}
    with running_guest(guest_folder, **options) as guest:
        size = int(guest.output("echo $(($(stat --file-system --format '%b * %S' /)))"))
        assert size > 0.9 * 8 * GIB
        assert guest.output("findmnt --noheadings --output FSTYPE,LABEL /").split() == ["xfs", "rootfs"]
        assert guest.output("cat /etc/motd") == "a base of its own"
        # Nothing that the kernel found wrong with what our own code wrote.
        assert guest.output("sudo -n dmesg --level err,crit,alert | grep -c XFS || true") == "0"
        assert guest.seen["failed_units"] == []
