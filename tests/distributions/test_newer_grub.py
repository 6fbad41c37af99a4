# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest of Debian 12 that is given the GRUB of Debian 13, and started again by it: from BIOS, then from UEFI."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

import pytest
from helpers.debian_archive import DebianArchive
from helpers.emulator import quick_emulator
from helpers.guests import running_guest
from helpers.tools import run_tool
from helpers.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

OLDER, NEWER = "2.06", "2.12"
PACKAGES = ("grub-pc", "grub-efi-amd64-bin")
# The newer C library cannot be beside the older of these.
WITH_IT = ("base-files", "locales")
UPGRADE = """\
export DEBIAN_FRONTEND=noninteractive
mkdir /var/tmp/newer
tar --directory /var/tmp/newer --extract --file {packages}
echo 'deb [trusted=yes] file:/var/tmp/newer ./' >/etc/apt/newer.list
apt() { apt-get --yes -o Dir::Etc::SourceList=/etc/apt/newer.list -o Dir::Etc::SourceParts=- "$@"; }
apt update
apt --no-install-recommends -o Dpkg::Options::=--force-confold install {names}
rm -r /var/tmp/newer {packages}
"""
INSTALLED = "dpkg-query --show --showformat '${Version}' grub-common"
# With these in the boot folder the older core would come to no kernel.
MODULES = "for folder in /boot/grub/*-*; do cmp /usr/lib/grub/${folder##*/}/normal.mod $folder/normal.mod || exit; done"


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of Debian 13's, with all that they need, in one file."""
    folder = tmp_path_factory.mktemp("newer")
    archive = DebianArchive(folder / "archive", "trixie", components="main")
    archive.download([*PACKAGES, *WITH_IT], folder / "debs")
    index = run_tool(["apt-ftparchive", "packages", "."], cwd=folder / "debs")
    (folder / "debs/Packages").write_text(index)
    run_tool(["tar", "--create", "--exclude=partial", "--file=../newer.tar", "."], cwd=folder / "debs")
    return folder / "newer.tar"


def test_it_starts_the_guest_from_now_on(checkout: Path, packages: Path, tmp_path: Path, guest_folder: Path) -> None:
    words = {"image_release": "bookworm", "image_firmware": "hybrid", "image_formats": ["qcow2"], "image_verify": []}
    words |= {"image_name": "older", "image_output_dir": str(tmp_path)}
    run_tool(["./goldsmith", "playbook", "build-debian.yml", "-e", json.dumps(words)], cwd=checkout, timeout=1800)
    image, disk = tmp_path / "older/older.qcow2", tmp_path / "disk.qcow2"
    script = UPGRADE.replace("{packages}", "/var/tmp/newer.tar").replace("{names}", " ".join(PACKAGES))
    (tmp_path / "upgrade").write_text(script)
    with quick_emulator():
        place = {"user": "debian", "instance_data": "metadata"}
        with running_guest(guest_folder, image=str(image), **place, disk_size="5G") as guest:
            guest.send(packages)
            assert guest.output(INSTALLED).startswith(OLDER)
            said = guest.work(f"sh -e {guest.send(tmp_path / 'upgrade')}")
            assert guest.output(INSTALLED).startswith(NEWER)
            for platform in ("i386-pc", "x86_64-efi"):
                assert f"renew-grub: GRUB for {platform} is renewed" in said
            guest.output(f"sudo -n sh -c {shlex.quote(MODULES)}")
            guest.reboot()
            guest.ssh("sudo -n systemctl poweroff", ConnectTimeout="60")
            pid = (guest.console_log.parent / "pid").read_text().strip()
            wait_for(lambda: not Path("/proc", pid).exists())
            written = guest.console_log.parent / "disk.qcow2"
            subprocess.run(["qemu-img", "convert", "-O", "qcow2", written, disk], check=True)
        with running_guest(guest_folder, image=str(disk), firmware="uefi", **place) as guest:
            assert guest.seen["guest_firmware"] == "uefi"
            assert guest.seen["failed_units"] == []
