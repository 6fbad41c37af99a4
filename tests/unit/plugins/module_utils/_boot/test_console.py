# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The milestones and deaths that a console log shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.console import Console, plain_text

GRUB = b"\x1b[2J\x1b[01;01HGRUB loading...\r\n"
KERNEL = b"[    0.000000] Linux version 6.12.48 (debian-kernel@lists.debian.org)\r\n"
WELCOME = b"\x1b[0;30;47mWelcome to GRUB!\r\n"
CLOUD_INIT = b"[   98.8] cloud-init[455]: Cloud-init v. 25.1.4 running 'init-local' at Sun, 29 Nov 2026\r\n"
INIT = b"[    5.911000] systemd[1]: Inserted module 'autofs4'\r\n"
LOGIN = b"\r\nDebian GNU/Linux 13 web ttyS0\r\n\r\nweb login: "


def looked(path: Path, *parts: bytes) -> Console:
    console = Console(path)
    for second, part in enumerate(parts, start=1):
        with path.open("ab") as file:
            file.write(part)
        console.look(float(second))
    return console


def test_milestones_have_the_time_of_their_first_sight(tmp_path: Path) -> None:
    console = looked(tmp_path / "log", GRUB, KERNEL, INIT, KERNEL, LOGIN, LOGIN)
    assert (console.kernel, console.init, console.login) == (2.0, 3.0, 5.0)
    assert console.fatal is None


def test_cloud_init_has_its_first_line(tmp_path: Path) -> None:
    console = looked(tmp_path / "log", GRUB, KERNEL, INIT, CLOUD_INIT, LOGIN, CLOUD_INIT)
    assert console.cloud_init == 4.0


def test_a_boot_loader_that_bids_welcome_is_no_init(tmp_path: Path) -> None:
    console = looked(tmp_path / "log", GRUB + WELCOME + CLOUD_INIT + KERNEL, KERNEL, INIT)
    assert (console.kernel, console.init, console.cloud_init) == (1.0, 3.0, None)


def test_a_line_that_comes_in_two_pieces_counts(tmp_path: Path) -> None:
    assert looked(tmp_path / "log", KERNEL, b"web lo", b"gin: ").login == 3.0


def test_no_log_yet(tmp_path: Path) -> None:
    console = Console(tmp_path / "none")
    console.look(1.0)
    assert console.kernel is None
    assert console.tail() == []
    assert console.last_line == "nothing"


def test_the_prompt_is_seen_although_somebody_writes_behind_it(tmp_path: Path) -> None:
    assert looked(tmp_path / "log", KERNEL, LOGIN + b"Cloud-init v. 25.1 finished\r\n").login == 2.0


@pytest.mark.parametrize("text", [b"type login: to continue\r\n", b"[    1.0] pam: login: failed\r\n"])
def test_other_lines_are_no_login_prompt(tmp_path: Path, text: bytes) -> None:
    assert looked(tmp_path / "log", KERNEL, text).login is None


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        (b"[    2.1] Kernel panic - not syncing: VFS: Unable to mount root fs on \r\n", "the kernel panicked"),
        (b"ALERT!  UUID=1 does not exist.  Dropping to a shell!\r\n", "the ramdisk found no root"),
        (b"\r\n(initramfs) ", "the ramdisk found no root"),
        (b"You are in emergency mode. After logging in, type\r\n", "emergency mode"),
        (b"Entering rescue mode...\r\ngrub rescue> ", "GRUB"),
        (b"Booting from Hard Disk...\r\nNo bootable device.\r\n", "the firmware found no system"),
        (b"BdsDxe: No bootable option or device was found.\r\n", "the firmware found no system"),
    ],
)
def test_deaths(tmp_path: Path, text: bytes, meaning: str) -> None:
    fatal = looked(tmp_path / "log", GRUB, text).fatal
    assert fatal is not None
    assert fatal.startswith(meaning)


def test_terminal_control_is_no_text() -> None:
    raw = b"[\x1b[0;32m  OK  \x1b[0m] Started \x1b]3008;start=1\x1b\\\x1b[0;1;39mssh\x1b[0m.\r\n\x1b[?7hnext\rline\0"
    assert plain_text(raw) == "[  OK  ] Started ssh.\nnext\nline"


def test_tail_has_the_last_lines_that_say_something(tmp_path: Path) -> None:
    assert looked(tmp_path / "log", b"one\r\n\r\n \r\ntwo\r\nthree\r\n").tail(2) == ["two", "three"]
