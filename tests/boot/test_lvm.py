# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images with LVM and without cloud-init: they grow at each boot, whatever happens, and take their instance data.

GPT by UEFI with a config drive is the scenario lvm of Molecule.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers.guests import BuiltImage, RunningGuest, running_guest
from helpers.power_cut import boot_until, enlarge, raw_copy
from helpers.rebooting import Rebooting

pytestmark = pytest.mark.slow

GIB = 1 << 30
HOSTNAME = "web-17"
USER_DATA = "#!/bin/sh\necho executed as $(id -un) >>/var/lib/user-data\n"
IDENTITY = {"user": "debian", "hostname": HOSTNAME, "user_data": USER_DATA}
# What LVM, the partition table and the file system say: the same bytes mean that nothing was changed.
STATE = """
PATH=$PATH:/usr/sbin
sudo -n sfdisk --dump /dev/vda
sudo -n vgs --noheadings -o vg_uuid,vg_seqno,vg_free_count,pv_count system
sudo -n pvs --noheadings -o pv_uuid,pv_size
sudo -n dumpe2fs -h /dev/mapper/system-root 2>/dev/null | grep '^Block count'
"""
# In this order each boot has something to complete, and then meets the next moment. A partition needs a bigger disk.
CUTS = ("sfdisk:after", "partx:after", "pvcreate:after", "vgextend:after", "lvextend:after", "resize2fs:during")
GROWS_BEFORE = ("sfdisk:after", "partx:after")


def looks_grown(guest: RunningGuest, disk_size: int) -> None:
    """The root takes the disk, at the first login and with nothing left over."""
    size = int(guest.output("echo $(($(stat --file-system --format '%b * %S' /)))"))
    assert size > 0.9 * disk_size
    assert guest.output("sudo -n vgs --noheadings -o vg_free_count system") == "0"
    assert guest.output("sudo -n vgck system && sudo -n dmesg --level err,crit | grep -c EXT4 || true") == "0"
    assert guest.output("findmnt --noheadings --output SOURCE /") == "/dev/mapper/system-root"


def has_instance_data(guest: RunningGuest) -> None:
    """Key, name and user data of the cloud, and nothing that failed."""
    assert guest.seen["account"] == "debian"
    assert guest.seen["hostname"] == HOSTNAME
    assert guest.output("cat /var/lib/user-data") == "executed as root"
    assert guest.output("getent hosts $(hostname)").split()[0] == "127.0.1.1"
    assert guest.output("stat --format '%a %U' .ssh/authorized_keys") == "600 debian"
    assert guest.seen["failed_units"] == []
    assert guest.seen["system_state"] == "running"
    assert guest.seen["cloud_init"] is None
    # Services that wait for the network need not wait for its time limit.
    guest.output("sudo -n systemctl start network-online.target && systemctl is-active systemd-networkd-wait-online")
    assert guest.ssh("command -v python3").returncode != 0
    log = guest.console(f"{HOSTNAME} login: ")
    said = subprocess.run(["ssh-keygen", "-l", "-f", guest.seen["ssh"]["key"]], check=True, capture_output=True)
    fingerprint = said.stdout.decode().split()[1]
    assert fingerprint.startswith("SHA256:")
    assert fingerprint in log


def test_reboots_while_the_cloud_changes(
    built_image: Callable[[str], BuiltImage], guest_folder: Path, tmp_path: Path
) -> None:
    image = str(built_image("lvm").file("qcow2"))
    options = {"machine": "pc", "instance_data": "openstack", "disk_size": str(6 * GIB), **IDENTITY}
    with running_guest(guest_folder, image=image, **options) as guest:
        looks_grown(guest, 6 * GIB)
        has_instance_data(guest)
        cloud_key = guest.seen["ssh"]["key"]
        before = guest.output(STATE)
        cloud = Rebooting(guest, tmp_path)

        # Nothing has changed but the metadata service, which hangs: nothing is lost, and nothing is written.
        cloud.let_service_hang()
        cloud.reboot()
        assert cloud.ask("true", key=cloud_key).returncode == 0
        assert cloud.output(STATE) == before
        assert cloud.output("hostname; systemctl show -P ActiveState goldsmith-instance") == f"{HOSTNAME}\nactivating"
        # Its text on the console may be cut in two by a line of the kernel.
        cloud.output("until systemctl --quiet is-active serial-getty@ttyS0; do sleep 1; done")

        # A bigger disk and a second card, and the cloud has taken its key away.
        cloud.answer_again()
        cloud.take_key_away()
        cloud.add_card()
        cloud.enlarge(8 * GIB)
        cloud.reboot()
        assert cloud.output("systemctl is-system-running --wait") == "running"
        assert cloud.ask("true", key=cloud_key).returncode == 255
        assert cloud.output("cat .ssh/authorized_keys") == cloud.public_key
        assert cloud.output("cat /var/lib/user-data") == "executed as root"
        assert int(cloud.output("echo $(($(stat --file-system --format '%b * %S' /)))")) > 0.9 * 8 * GIB
        assert cloud.output("sudo -n vgs --noheadings -o vg_free_count,pv_count system").split() == ["0", "3"]
        # What comes by DHCP has a metric by the order of the cards.
        cloud.output("until ip -4 address show | grep -q 10.1.0.15; do sleep 1; done")
        for net, metric in (("169.0.0.0/8", 100), ("10.1.0.0/24", 200)):
            assert f" metric {metric}" in cloud.output(f"ip -4 route show {net}")
        cloud.output("sudo -n ip link add veth8 type veth peer name veth9")
        cloud.output("sudo -n ip link set veth8 up; sudo -n ip link set veth9 up; sleep 3")
        said = cloud.output("networkctl --no-legend --no-pager list veth8 veth9")
        assert [line.split()[-1] for line in said.splitlines()] == ["unmanaged", "unmanaged"]


@pytest.fixture(scope="module")
def survivor(
    built_image: Callable[[str], BuiltImage], tmp_path_factory: pytest.TempPathFactory, guest_folder: Path
) -> Iterator[Path]:
    """A disk whose growth was cut at each moment in turn."""
    image = built_image("lvm")
    disk = tmp_path_factory.mktemp("cut") / "disk.raw"
    size = 2 * GIB
    raw_copy(image.file("qcow2"), disk, size)
    for cut in CUTS:
        if cut in GROWS_BEFORE:
            size += 2 * GIB
            enlarge(disk, size)
        log, _seconds = boot_until(
            guest_folder / cut.replace(":", "-"), disk, image.file("vmlinuz"), image.file("initrd"), wanted="", cut=cut
        )
        assert "EXT4-fs error" not in log
    yield disk
    disk.unlink()


def test_no_power_cut_loses_the_root_and_the_next_boot_completes(survivor: Path, guest_folder: Path) -> None:
    size = survivor.stat().st_size
    options = {"machine": "q35", "instance_data": "ec2", "disk_size": str(size), **IDENTITY}
    with running_guest(guest_folder, image=str(survivor), **options) as guest:
        looks_grown(guest, size)
        has_instance_data(guest)
        assert guest.output("sudo -n vgs --noheadings -o pv_count system") == "3"


def test_without_any_source_the_prompt_comes(
    built_image: Callable[[str], BuiltImage], tmp_path: Path, guest_folder: Path
) -> None:
    image = built_image("lvm")
    disk = tmp_path / "disk.raw"
    raw_copy(image.file("qcow2"), disk, 2 * GIB)
    kernel, ramdisk = image.file("vmlinuz"), image.file("initrd")
    log, seconds = boot_until(guest_folder / "none", disk, kernel, ramdisk, wanted=" login: ")
    assert "no instance data" not in log  # it still tries
    assert seconds < 240
    disk.unlink()


def test_without_cloud_init_an_image_is_a_sixth_smaller(built_image: Callable[[str], BuiltImage]) -> None:
    with_it, without = (built_image(kind).file("qcow2") for kind in ("bios", "lvm"))
    assert without.stat().st_size <= 5 / 6 * with_it.stat().st_size
    removed = json.loads(without.with_name("manifest.json").read_text())["removed"]
    assert "python3" in removed["packages"]
    assert removed["size"] > 20_000_000
