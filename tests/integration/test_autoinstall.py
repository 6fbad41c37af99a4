# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module vm_install with an installer that is an ISO image and reads its answers from a drive, as Ubuntu's does.

libvirt, virt-install, the image and the drive are real; the installer only says what that of Ubuntu says.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.fake_installer import fake_image, fake_installer
from helpers.libvirt import PrivateLibvirt, running_libvirt
from helpers.modules import finish_module, run_module, start_module
from helpers.waiting import PATIENCE, wait_for

pytestmark = pytest.mark.root

NAME = "jammy"
MARK = "goldsmith: the installation is complete"
EVENTS = """\
starting up...
start: subiquity/Mirror/apply_autoinstall_config:
start:     subiquity/Install/install/curtin_install/run_curtin_step: executing curtin install extract step
"""
END = f"start: subiquity/Late/run:\n{MARK}\n"
USER_DATA = f"#cloud-config\nautoinstall:\n  version: 1\n  late-commands: [\"echo '{MARK}' >/dev/console\"]\n"


@pytest.fixture(scope="module")
def libvirt() -> Iterator[PrivateLibvirt]:
    with running_libvirt() as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_left(libvirt: PrivateLibvirt, scratch: Path) -> Iterator[None]:
    """Whatever a test does: afterwards there is no guest, no disk, no drive and no temporary file of it."""
    yield
    assert libvirt.domains() == []
    assert list(libvirt.images.iterdir()) == []
    assert [path for base in scratch.iterdir() for path in base.iterdir()] == []


@pytest.fixture
def options(libvirt: PrivateLibvirt, tmp_path: Path) -> dict[str, Any]:
    """What every installation of this kind needs, but its installer."""
    (tmp_path / "mine").write_text(USER_DATA)
    place = {"name": NAME, "uri": libvirt.uri, "console_log": str(tmp_path / "console.log")}
    return {**place, "memory": 128, "disk_size": "64M", "timeout": PATIENCE, "autoinstall": str(tmp_path / "mine")}


@pytest.fixture
def remove(libvirt: PrivateLibvirt) -> Callable[[], None]:
    return lambda: run_module("vm_state", {"name": NAME, "uri": libvirt.uri, "state": "absent"})


def test_from_an_image(
    options: dict[str, Any], libvirt: PrivateLibvirt, tmp_path: Path, remove: Callable[[], None]
) -> None:
    options["location"] = fake_image(tmp_path, EVENTS + END, powers_off=True)
    done = run_module("vm_install", options)
    assert done.get("changed") is True, done
    assert done["steps"][-1]["name"] == "Running the last commands"
    # The installed guest has its disk and no installer.
    installed = libvirt.virsh("dumpxml", NAME)
    assert "<kernel>" not in installed
    assert "live-server.iso" not in installed
    assert done["disk"]["path"] == str(libvirt.images / f"{NAME}.goldsmith.qcow2")
    assert run_module("vm_install", options)["changed"] is False
    remove()


def test_what_the_guest_is_given(options: dict[str, Any], libvirt: PrivateLibvirt, tmp_path: Path) -> None:
    options["location"] = fake_image(tmp_path, EVENTS, powers_off=False)
    process = start_module("vm_install", options)
    wait_for(lambda: "extract" in _text(tmp_path / "console.log"))
    given = libvirt.virsh("dumpxml", NAME)
    drive = libvirt.images / f"{NAME}.goldsmith.iso"
    content = drive.read_bytes()
    libvirt.virsh("destroy", NAME)
    result = finish_module(process)
    assert "at the step 'Copying the system': the guest was destroyed in the middle" in result["msg"]
    assert "<cmdline>autoinstall console=ttyS0,115200n8 --- console=ttyS0,115200n8</cmdline>" in given
    assert "live-server.iso" in given
    # The answers as cloud-init looks for them: a drive by its label, with the name of an instance.
    assert str(drive) in given
    assert content[0x8028:0x8048].decode().rstrip() == "CIDATA"
    assert USER_DATA.encode() in content
    assert b'{"instance-id": "' in content
    (tmp_path / "drive.iso").write_bytes(content)
    argv = ["xorriso", "-indev", tmp_path / "drive.iso", "-find", "/", "-type", "f"]
    said = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    assert {line.strip("'/") for line in said.split()} == {"meta-data", "user-data"}


def test_by_kernel_and_initrd(options: dict[str, Any], tmp_path: Path, remove: Callable[[], None]) -> None:
    options |= fake_installer(tmp_path, EVENTS + END, powers_off=True)
    refused = run_module("vm_install", options)
    assert "it does not learn where the rest of the installer for autoinstall is" in refused["msg"]
    done = run_module("vm_install", {**options, "extra_kernel_args": "url=http://mirror.example/live-server.iso"})
    assert done.get("changed") is True, done
    remove()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            EVENTS + "finish: subiquity/Install/install: Command '['curtin']' returned non-zero exit status 3.\n"
            "An error occurred. Press enter to start a shell\n",
            "at the step 'Copying the system': the installer asks a question: Command '['curtin']' returned non-zero",
        ),
        (
            "As the installer is running on a serial console, it has started in basic\n",
            "before its first step: the installer asks a question: installer is running on a serial console",
        ),
    ],
    ids=["fails", "interactive"],
)
def test_an_installation_that_stops(options: dict[str, Any], tmp_path: Path, text: str, message: str) -> None:
    options["location"] = fake_image(tmp_path, text, powers_off=False)
    result = run_module("vm_install", options)
    assert message in result["msg"]
    assert "\n" not in result["msg"]


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""
