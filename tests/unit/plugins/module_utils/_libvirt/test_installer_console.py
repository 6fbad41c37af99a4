# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far an installer is, from what it wrote on its console."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt import installer_console
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.installer_console import InstallerConsole

DEBIAN = """\
[    3.876105] virtio_net virtio0 enp1s0: renamed from eth0
Starting system log daemon: syslogd, klogd.
Detecting network hardware ... 95%... 100%
Configuring the network with DHCP ... 100%
Checking the Debian archive mirror ... 16%... 100%
Loading additional components ... 10%... 20%
"""
FEDORA = """\
Starting installer, one moment...
Starting automated install...
Generating updated storage configuration
Creating ext4 on /dev/vda1
Installing glibc.x86_64 (12/300)
Installing bash.x86_64 (150/300)
"""
UBUNTU = """\
connecting...
starting up...
start: subiquity/load_autoinstall_config:
finish: subiquity/load_autoinstall_config:
start: subiquity/Mirror/apply_autoinstall_config:
start:     subiquity/Install/install/curtin_install/run_curtin_step: executing curtin install partitioning step
finish:     subiquity/Install/install/curtin_install/run_curtin_step: executing curtin install partitioning step
start:     subiquity/Install/install/curtin_install/run_curtin_step: executing curtin install extract step
"""
AGAMA = "[  OK  ] Started Agama Web Server.\ngoldsmith: the installation begins\ngoldsmith: the disk is ready\n"
SUSE = "Loading Installation System (3/7) -  43%\nStarting Installer\n| Performing Installation |\n"
QUESTION = "Prompt: '?' for help, default=1> "


def look(tmp_path: Path, text: str, kind: str = "preseed") -> InstallerConsole:
    log = tmp_path / "console.log"
    log.write_bytes(text.replace("\n", "\r\n").encode())
    seen = InstallerConsole(log, kind)
    seen.look(10)
    return seen


@pytest.mark.parametrize(
    ("kind", "text", "step", "percent"),
    [
        ("preseed", "", "", 0.0),
        ("preseed", "[    1.000000] 40% of nothing\n", "", 0.0),
        ("preseed", DEBIAN, "Loading additional components", 4 + 5 * 0.2),
        ("preseed", DEBIAN + "Installing the base system ... 0%... 50%", "Installing the base system", 14 + 51 * 0.5),
        ("preseed", DEBIAN + "Select and install software ...", "Selecting and installing software", 68.0),
        ("preseed", DEBIAN + "Installing GRUB boot loader ... 100%", "Installing GRUB", 96.0),
        ("preseed", DEBIAN + "Finishing the installation ... 50%", "Finishing the installation", 98.0),
        ("kickstart", FEDORA, "Installing packages", 35 + 45 * 0.5),
        ("kickstart", FEDORA + "Running post-installation scripts\n", "Running the last scripts", 96.0),
        ("autoyast", SUSE + "Installing Packages...  50 %", "Installing packages", 16 + 69 * 0.5),
        ("autoinstall", UBUNTU, "Copying the system", 18.0),
        # As older ones say it
        ("autoinstall", UBUNTU + "start: subiquity/x/cmd-install/stage-curthooks\n", "Configuring the system", 45.0),
        ("autoinstall", UBUNTU + "start: subiquity/Late/run:\n", "Running the last commands", 97.0),
        ("agama", AGAMA, "Installing packages", 16.0),
    ],
)
def test_step(tmp_path: Path, kind: str, text: str, step: str, percent: float) -> None:
    seen = look(tmp_path, text, kind)
    assert (seen.step, seen.percent) == (step, pytest.approx(percent))


def test_terminal_control_is_no_obstacle(tmp_path: Path) -> None:
    text = "\x1b[1;1H\x1b[2JInstalling the base system\x1b[3;1H ... 20%\x1b[24;1H[ (1*installer) 2 shell ]"
    assert look(tmp_path, text).step == "Installing the base system"


def test_the_bar_of_screen_is_not_what_the_installer_says(tmp_path: Path) -> None:
    # Recorded from the installer of Debian 13.
    clock = (
        "\x1b[H\x1b[7m\x1b[m\x1b[32m\x1b[40m[           \x1b[37m\x1b[31m (\x1b[37m1*installer\x1b[31m)\x1b[37m"
        "  2 shell  3 shell  4- log           \x1b[32m][\x1b[34m Nov 21 \x1b[37m17:{:02} \x1b[32m]\x1b[21;23H\x1b[0m"
    )
    first = "Loading additional components  ... 10%" + clock.format(8)
    seen = look(tmp_path, first)
    assert (seen.step, seen.percent) == ("Loading additional components", 4.5)
    assert seen.last_line == "Loading additional components  ... 10%"
    with open(tmp_path / "console.log", "a") as log:
        log.write(clock.format(9))
    seen.look(70)
    assert seen.silence(70) == 60
    with open(tmp_path / "console.log", "a") as log:
        log.write("... 20%" + clock.format(9))
    seen.look(80)
    assert seen.tail() == ["Loading additional components  ... 10%... 20%"]
    assert (seen.percent, seen.silence(80)) == (5.0, 0)


def test_what_was_reached_stays(tmp_path: Path) -> None:
    # More components are loaded in the middle, too.
    log = tmp_path / "console.log"
    log.write_text("Installing the base system ... 50%")
    watching = InstallerConsole(log, "preseed")
    watching.look(1)
    log.write_text("Installing the base system ... 50%\nLoading additional components ... 5%")
    watching.look(2)
    assert (watching.step, watching.percent) == ("Loading additional components", pytest.approx(39.5))


@pytest.mark.parametrize("kind", sorted(installer_console.INSTALLERS))
def test_steps_are_in_their_order(kind: str) -> None:
    steps = installer_console.INSTALLERS[kind].steps
    shares = [step.share for step in steps]
    assert shares == sorted(shares)
    assert shares[0] > 0
    assert shares[-1] < 100
    assert len({step.name for step in steps}) == len(steps)
    assert all(re.compile(step.pattern) for step in steps)


def test_the_mark(tmp_path: Path) -> None:
    assert not look(tmp_path, DEBIAN).complete
    assert look(tmp_path, f"{DEBIAN}{installer_console.MARK}\n").complete


def test_the_mark_is_that_of_the_role(checkout: Path) -> None:
    assert installer_console.MARK in (checkout / "roles/virt_install/vars/main.yml").read_text()


@pytest.mark.parametrize(
    ("kind", "text", "question"),
    [
        ("preseed", QUESTION, "Prompt: '?' for help"),
        ("preseed", "!! ERROR: Bad archive mirror\n[Press enter to continue]", "Bad archive mirror"),
        ("preseed", QUESTION + "\x1b[24;1H[ (1*installer) 2 shell ][ Nov 21 16:46 ]", "Prompt: '?' for help"),
        (
            "kickstart",
            "Please make a selection from the above ['c' to continue]: ",
            "Please make a selection from the above",
        ),
        ("autoyast", "*** No repository found.\n", "*** No repository found"),
        ("kickstart", "Entering emergency mode. Exit the shell to continue.\n", "Entering emergency mode"),
        ("agama", "Entering emergency mode. Exit the shell to continue.\n", "Entering emergency mode"),
        ("autoinstall", "Continue with autoinstall? (yes|no)\n", "Continue with autoinstall?"),
        (
            "autoinstall",
            "As the installer is running on a serial console, it has started in basic\n",
            "installer is running on a serial console",
        ),
        (
            "autoinstall",
            "finish: subiquity/Install/install: Command '['mount']' returned non-zero exit status 32.\n"
            "An error occurred. Press enter to start a shell\n",
            "Command '['mount']' returned non-zero exit status 32.",
        ),
    ],
)
def test_a_question_that_stays(tmp_path: Path, kind: str, text: str, question: str) -> None:
    seen = look(tmp_path, "Configuring apt\n" + text, kind)
    assert seen.question == ""
    seen.look(30)
    assert seen.question == ""
    seen.look(36)
    assert seen.question == question


@pytest.mark.parametrize("later", ["\nInstalling the base system ...", " 34%", "\n" + QUESTION])
def test_a_question_that_was_answered(tmp_path: Path, later: str) -> None:
    seen = look(tmp_path, QUESTION)
    with open(tmp_path / "console.log", "a") as log:
        log.write(later)
    seen.look(50)
    seen.look(60)
    assert seen.question == ""


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (DEBIAN, ""),
        ("!! ERROR: No root file system\n!! ERROR: Bad archive mirror\n", "Bad archive mirror"),
        ("The installation was stopped due to an error which occurred:\n\nno disks\n", "no disks"),
        (
            "start: subiquity/x:\nerror: subiquity/load_autoinstall_config: Malformed\n",
            "subiquity/load_autoinstall_config: Malformed",
        ),
    ],
)
def test_error(tmp_path: Path, text: str, error: str) -> None:
    assert look(tmp_path, text).error == error


def test_silence(tmp_path: Path) -> None:
    seen = look(tmp_path, DEBIAN)
    seen.look(100)
    assert seen.silence(100) == 90
    assert seen.last_line == "Loading additional components ... 10%... 20%"
