# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image for Xen must show, on whatever it boots."""

from __future__ import annotations

from testinfra.host import Host


def test_one_partition_with_ext3(root: Host) -> None:
    assert root.mount_point("/").filesystem == "ext3"
    assert root.check_output("lsblk --noheadings --list --output NAME /dev/vda").split() == ["vda", "vda1"]


def test_the_console_of_xen_is_the_last(guest: Host) -> None:
    consoles = [word for word in guest.file("/proc/cmdline").content_string.split() if word.startswith("console=")]
    assert consoles[-1] == "console=hvc0"


def test_pygrub_s_menu_names_files_that_are_there(root: Host) -> None:
    lines = [line.split() for line in root.file("/boot/grub/menu.lst").content_string.splitlines()]
    paths = [words[1] for words in lines if words[:1] in (["kernel"], ["initrd"])]
    assert len(paths) == 2
    for path in paths:
        assert root.file(path).size > 1_000_000
