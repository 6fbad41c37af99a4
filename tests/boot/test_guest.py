# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images booted in every way that they promise: BIOS, UEFI, both releases, triplet. Each guest is asked everything."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers.guests import DEFINITIONS, EXAMPLE, BuiltImage, RunningGuest, running_guest

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import initramfs
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

pytestmark = pytest.mark.slow

HOSTNAME = "web-17"
USER_DATA = "#!/bin/sh\necho executed as $(id -un) >/run/user-data\n"
DISK_SIZE = 5 << 30
UPDATES = ("ldconfig", "systemd-sysusers", "systemd-journal-catalog-update", "systemd-update-done")
RELEASES = {kind: definition.get("image_release", "trixie") for kind, definition in DEFINITIONS.items()}


@dataclass(frozen=True)
class Way:
    """A way to boot, and where cloud-init must find its instance data then."""

    image: str
    instance_data: str
    datasource: str
    machine: str = "q35"
    firmware: str = "bios"
    triplet: bool = False


# The disk of the default image is the scenario chroot of Molecule, and in test_build.
WAYS = {
    "triplet": Way("bios", "metadata", "DataSourceOpenStack", triplet=True),
    "hybrid-bios": Way("hybrid", "static_network", "DataSourceConfigDrive", machine="pc"),
    "hybrid-uefi": Way("hybrid", "ec2", "DataSourceEc2", firmware="uefi"),
    "uefi": Way("uefi", "config_drive", "DataSourceConfigDrive", firmware="uefi"),
}


# What holds for an image however it is booted is asked once: in the first way of each image.
once_for_each_image = pytest.mark.parametrize("way", ["triplet", "hybrid-bios", "uefi"], indirect=True)


@pytest.fixture(scope="module", params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]


@pytest.fixture(scope="module")
def guest(way: Way, built_image: Callable[[str], BuiltImage], guest_folder: Path) -> Iterator[RunningGuest]:
    image = built_image(way.image)
    parts = {"image": str(image.file("qcow2"))}
    if way.triplet:
        files = {"image": "ext4", "kernel": "vmlinuz", "ramdisk": "initrd"}
        parts = {option: str(image.file(suffix)) for option, suffix in files.items()}
    options = {"machine": way.machine, "firmware": way.firmware, "instance_data": way.instance_data}
    identity = {"user": image.user, "hostname": HOSTNAME, "user_data": USER_DATA}
    with running_guest(guest_folder, **parts, **options, **identity, disk_size=str(DISK_SIZE)) as running:
        yield running


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A key that no instance has."""
    key = tmp_path_factory.mktemp("stranger") / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    return str(key)


@pytest.fixture(scope="module")
def identities() -> dict[str, str]:
    """Machine ids and host keys of the guests so far, and whose they are."""
    return {}


def test_the_key_opens_the_account(guest: RunningGuest) -> None:
    assert guest.seen["account"] == "debian"
    assert guest.output("sudo -n id -un") == "root"


@once_for_each_image
def test_no_other_way_in(guest: RunningGuest, stranger: str) -> None:
    attempts = [
        guest.ssh("echo inside", IdentityFile=stranger),
        guest.ssh("echo inside", User="root", IdentityFile=stranger),
        guest.ssh("echo inside", User="root"),
        guest.ssh("echo inside", User="daemon"),
        guest.ssh("echo inside", User="nobody-has-this-name"),
    ]
    for attempt in attempts:
        assert attempt.returncode != 0
        assert "inside" not in attempt.stdout


@once_for_each_image
def test_the_ssh_server_is_started_once(guest: RunningGuest) -> None:
    # cloud-init would restart it in mid-boot if it had settings to change, and throw out who was quick.
    said = guest.output("sudo -n journalctl --boot --unit ssh --output cat")
    assert said.count("Server listening on 0.0.0.0 port 22") == 1


@once_for_each_image
def test_passwords_are_locked_and_not_offered(guest: RunningGuest) -> None:
    shadow = [line.split(":") for line in guest.output("sudo -n cat /etc/shadow").splitlines()]
    assert {"root", "debian"} <= {fields[0] for fields in shadow}
    assert [fields[0] for fields in shadow if fields[1][:1] not in ("!", "*")] == []
    refused = guest.ssh("echo inside", PubkeyAuthentication="no")
    assert refused.returncode == 255
    assert refused.stderr.strip().endswith("Permission denied (publickey).")


def test_instance_data_is_applied(guest: RunningGuest, way: Way) -> None:
    assert guest.seen["hostname"] == HOSTNAME
    assert guest.output("cat /run/user-data") == "executed as root"
    assert guest.seen["cloud_init"]["status"] == "done"
    assert guest.seen["cloud_init"]["datasource"].startswith(way.datasource)
    assert guest.seen["cloud_init"]["errors"] == []


@once_for_each_image
def test_the_kernel_is_the_one_that_was_chosen(guest: RunningGuest, way: Way) -> None:
    generic = DEFINITIONS.get(way.image, {}).get("image_kernel") == "generic"
    assert ("cloud" not in guest.seen["kernel_release"]) is generic
    assert guest.output("ls /lib/modules") == guest.seen["kernel_release"]


def test_the_network_is_the_one_that_the_cloud_describes(guest: RunningGuest, way: Way) -> None:
    said = guest.output("ip -4 -oneline address show scope global")
    assert said.count(" inet ") == 1
    assert (" 10.0.2.99/24 " in said) is (way.instance_data == "static_network")


@once_for_each_image
def test_the_ends_of_a_veth_pair_are_left_to_who_made_them(guest: RunningGuest) -> None:
    guest.output("sudo -n ip link add veth8 type veth peer name veth9; sudo -n ip link set veth8 up")
    guest.output("sudo -n ip link set veth9 up; sudo -n udevadm settle; sleep 3")
    said = guest.output("networkctl --no-legend --no-pager list veth8 veth9; sudo -n ip link delete veth8")
    assert [line.split()[-1] for line in said.splitlines()] == ["unmanaged", "unmanaged"]


def test_root_has_grown_to_the_disk(guest: RunningGuest, way: Way) -> None:
    assert guest.seen["disk_size"] == DISK_SIZE
    assert guest.seen["root_size"] > 0.9 * DISK_SIZE
    assert guest.seen["root_fstype"] == "ext4"
    assert (guest.seen["root_device"] == "/dev/vda") is way.triplet


@once_for_each_image
def test_devices_that_come_late_do_come(guest: RunningGuest) -> None:
    guest.output("sudo -n udevadm settle")
    assert guest.output("stat --format %G /dev/mem /dev/tty9 /dev/vcs1").split() == ["kmem", "tty", "tty"]
    # By the features of the processor
    assert guest.output("grep --count '^aesni_intel ' /proc/modules") == "1"


def test_nothing_has_failed(guest: RunningGuest) -> None:
    assert guest.seen["failed_units"] == []
    assert guest.seen["system_state"] == "running"


def test_the_console_has_the_boot_and_a_prompt(guest: RunningGuest) -> None:
    assert "Linux version " in guest.console(f"{HOSTNAME} login: ")
    assert guest.seen["seconds_to_kernel"] < guest.seen["seconds_to_login"]
    # Nor is there none where a busy host lets the guest wait for its console.
    assert guest.output("systemctl show -P JobRunningTimeoutUSec dev-ttyS0.device") == "10min"


def test_the_kernel_is_started_as_asked(guest: RunningGuest, way: Way) -> None:
    assert guest.seen["guest_firmware"] == way.firmware
    words = guest.seen["kernel_cmdline"].split()
    if way.triplet:
        assert words == ["root=/dev/vda", "console=tty0", "console=ttyS0", "console=hvc0", "no_timer_check"]
    else:
        assert "console=tty0" in words
        assert "console=ttyS0,115200n8" in words


def test_the_root_has_an_id_of_its_own(guest: RunningGuest, way: Way) -> None:
    words = guest.seen["kernel_cmdline"].split()
    assert ("goldsmith.new_ids" in words) is not way.triplet
    mine = guest.output("findmnt --noheadings --output UUID /")
    assert f"root=UUID={mine}" not in words
    assert guest.output(f"readlink -f /dev/disk/by-uuid/{mine}") == guest.seen["root_device"]


@once_for_each_image
def test_the_console_is_kept_by_the_guest_s_own_boot_loader(guest: RunningGuest) -> None:
    assert guest.output("sudo -n update-grub 2>/dev/null; sudo -n grep -c console=ttyS0,115200n8 /boot/grub/grub.cfg")
    mine = guest.output("findmnt --noheadings --output UUID /")
    assert guest.output("sudo -n grep -o 'root=UUID=[^ ]*' /boot/grub/grub.cfg | sort -u") == f"root=UUID={mine}"


@once_for_each_image
def test_packages_and_roles_of_the_user_are_in_it(guest: RunningGuest, way: Way) -> None:
    installed = guest.ssh("dpkg-query --show jq").returncode == 0
    assert installed is (way.image == EXAMPLE)
    if way.image == EXAMPLE:
        assert guest.output("systemctl is-active greeter") == "active"
        assert "Hello from a golden image" in guest.output("curl --silent http://127.0.0.1:8080/")
        assert guest.output("sudo -n gzip --decompress --stdout /srv/greeter/index.html.gz").endswith("image</p>")
        assert guest.output("sudo -n stat --format %U /srv/greeter/index.html") == "greeter"


@once_for_each_image
def test_the_release_is_the_one_asked_for(guest: RunningGuest, way: Way) -> None:
    assert guest.output(". /etc/os-release; echo $VERSION_CODENAME") == RELEASES.get(way.image, "trixie")


@once_for_each_image
def test_no_boot_is_spent_on_what_the_image_could_hold(guest: RunningGuest) -> None:
    units = " ".join(f"{name}.service" for name in UPDATES)
    # Found to be unnecessary, or not even looked at: Debian 12 has no ldconfig.service.
    assert guest.output(f"systemctl show --property ConditionResult --value {units}").split() == ["no"] * len(UPDATES)


@once_for_each_image
def test_no_firewall(guest: RunningGuest) -> None:
    rules = "if command -v nft >/dev/null; then sudo -n nft list ruleset; fi"
    assert guest.output(f"PATH=$PATH:/usr/sbin; {rules}") == ""
    assert guest.output("cat /proc/net/ip_tables_names /proc/net/ip6_tables_names 2>/dev/null || true") == ""
    units = "ufw firewalld nftables iptables netfilter-persistent"
    states = guest.ssh(f"systemctl is-active {units}").stdout.split()
    assert set(states) == {"inactive"}


def test_identity_is_its_own(guest: RunningGuest, identities: dict[str, str], request: pytest.FixtureRequest) -> None:
    fingerprints = [line.split()[1] for line in guest.seen["ssh_host_keys"]]
    mine = [guest.seen["machine_id"], *fingerprints]
    assert len(guest.seen["machine_id"]) == 32
    assert len(set(fingerprints)) == len(fingerprints) >= 2
    assert [identities[item] for item in mine if item in identities] == []
    identities.update(dict.fromkeys(mine, request.node.name))


def test_the_default_image_is_small(built_image: Callable[[str], BuiltImage]) -> None:
    image = built_image("bios")
    assert image.file("qcow2").stat().st_size <= 140_000_000
    argv = ["dumpe2fs", "-h", str(image.file("ext4"))]
    said = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    blocks = {name: int(re.search(rf"(?m)^{name}: +(\d+)$", said)[1]) for name in ("Block count", "Free blocks")}
    assert blocks["Free blocks"] <= 0.12 * blocks["Block count"]
    assert image.file("ext4").stat().st_size == blocks["Block count"] * 4096


@pytest.mark.parametrize("kind", ["bios", "lvm", "xen"])
def test_the_initramfs_has_the_drivers_of_clouds(built_image: Callable[[str], BuiltImage], kind: str) -> None:
    paths = initramfs.names(Runner(), str(built_image(kind).file("initrd")))
    names = {Path(path).name.partition(".ko")[0] for path in paths}
    assert names >= {"virtio_blk", "virtio_scsi", "ahci", "xen-blkfront", "hv_storvsc", "vmw_pvscsi", "virtio_net"}
    assert not names & {"btrfs", "hwdb.bin"}


@once_for_each_image
def test_an_initramfs_never_waits_for_a_swap_of_the_host(guest: RunningGuest) -> None:
    script = """
        echo /dev/sdz9 partition 9 0 -2 >/run/swaps
        mount --bind /run/swaps /proc/swaps
        cat /etc/initramfs-tools/conf.d/* >/run/settings
        . /run/settings
        export RESUME verbose=n DESTDIR=/run/made
        mkdir -p /run/made/conf/conf.d
        sh /usr/share/initramfs-tools/hooks/resume
        umount /proc/swaps
        ls /run/made/conf/conf.d
    """
    assert guest.output(f"sudo -n sh -ec {shlex.quote(script)}") == ""


@once_for_each_image
def test_sshd_comes_before_the_later_stages_of_cloud_init(guest: RunningGuest) -> None:
    assert "ssh.service" in guest.output("systemctl show --property After --value cloud-config.service").split()


@pytest.mark.parametrize("firmware", ["bios", "hybrid"])
def test_the_image_itself_has_no_identity(built_image: Callable[[str], BuiltImage], firmware: str) -> None:
    root = built_image(firmware).file("ext4")

    def ask(command: str) -> str:
        argv = ["debugfs", "-R", command, root]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout

    assert ask("cat /etc/machine-id").strip() in ("", "uninitialized")
    listing = ask("ls -p /etc/ssh")
    assert "sshd_config" in listing
    assert "ssh_host_" not in listing
