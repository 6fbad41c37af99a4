# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The GRUB of another release is installed in a guest: its cores are renewed, and start the system."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers.emulator import quick_emulator
from helpers.guests import BuiltImage, running_guest
from helpers.package_mirror import ARCHIVE, package_mirror
from helpers.siblings import mounted
from helpers.tools import run_tool

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

PACKAGES = "grub-pc-bin grub-efi-amd64-bin"
# Release files of sid may be past their date where nobody updates the mirror.
INSTALL = """
echo "deb {url} sid main" >/etc/apt/sources.list.d/newer.list &&
apt-get -o Dir::Etc::sourcelist=/etc/apt/sources.list.d/newer.list -o Dir::Etc::sourceparts=/dev/null \\
    -o Acquire::Check-Valid-Until=false -o Acquire::Languages=none update &&
DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends install {packages}
"""


@pytest.fixture
def disk(built_image: Callable[[str], BuiltImage], tmp_path: Path) -> Path:
    """That of an instance, which needs no other file."""
    disk = tmp_path / "disk.qcow2"
    image = built_image("hybrid").file("qcow2")
    run_tool(["qemu-img", "convert", "-O", "qcow2", str(image), str(disk)], cwd=tmp_path)
    run_tool(["qemu-img", "resize", str(disk), "3G"], cwd=tmp_path)
    return disk


@pytest.fixture(autouse=True)
def emulator() -> Iterator[None]:
    """The QEMU of these tests."""
    with quick_emulator():
        yield


def test_a_newer_grub_starts_the_system(disk: Path, guest_folder: Path) -> None:
    options = {"image": str(disk), "in_place": True, "outbound": True, "user": "debian"}
    with package_mirror() as mirror, running_guest(guest_folder, **options) as guest:
        ask = f"dpkg-query --show --showformat '${{Version}} ' {PACKAGES}"
        before = guest.output(ask)
        said = guest.work(INSTALL.format(url=f"http://{mirror.guest_host}{ARCHIVE}", packages=PACKAGES))
        assert guest.output(ask) != before
        for platform in ("i386-pc", "x86_64-efi"):
            assert f"renew-grub: GRUB for {platform} is renewed" in said
            compare = f"cmp /usr/lib/grub/{platform}/normal.mod /boot/grub/{platform}/normal.mod"
            guest.output(f"sudo -n {compare}")
        guest.output("sudo -n sync")
    for firmware in ("bios", "uefi"):
        seen = mounted(guest_folder, [disk], firmware=firmware)
        assert seen.disk == "vda"
        assert f"root=UUID={seen.uuid} " in seen.words
