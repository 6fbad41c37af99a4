# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of other families of distributions, made of repositories that tests make: built, audited, booted once, asked
everything. One is given another kernel and started again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from helpers.another_kernel import ARGUMENTS, another_kernel_starts, kernel_package
from helpers.family_mirrors import TOOLS, FamilyMirror, build, family_mirror
from helpers.guests import BuiltImage, RunningGuest, running_guest
from helpers.package_roles import GONE, MODULE
from helpers.repositories.rpm_repository import GREETING
from helpers.users import user_with_checkout

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

HOSTNAME = "web-17"
USER_DATA = "#!/bin/sh\necho executed as $(id -un) >/run/user-data\n"
DISK_SIZE = 5 << 30


@dataclass(frozen=True)
class Family:
    """How an image of a family is built and booted, and what it must be then.

    *by_user*: an ordinary user builds it (tests/distributions compares it with that of root).
    """

    account: str
    variables: dict[str, Any]
    firmware: str = "bios"
    selinux: bool = True
    cloud_init: bool = True
    by_user: bool = False


FAMILIES = {
    "fedora": Family("fedora", {}, by_user=True),
    # A rebuild of RHEL that nobody knows, by a file in a collection of the user's
    "rhel": Family(
        "cloud-user",
        {"image_resize": "lvm", "image_firmware": "uefi"},
        firmware="uefi",
        cloud_init=False,
    ),
    "suse": Family("opensuse", {}),
    "ubuntu": Family("ubuntu", {}, selinux=False),
}


@pytest.fixture(scope="module", params=FAMILIES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def family(name: str) -> Family:
    return FAMILIES[name]


@pytest.fixture(scope="module")
def mirror(name: str) -> Iterator[FamilyMirror]:
    with family_mirror(name) as mirror:
        yield mirror


@pytest.fixture(scope="module")
def image(
    mirror: FamilyMirror, family: Family, checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BuiltImage]:
    words = {"image_formats": ["raw"], "image_verify": ["audit"], **family.variables}
    if not family.by_user:
        yield build(mirror, checkout, tmp_path_factory.mktemp("built"), **words)
        return
    with user_with_checkout(checkout) as account:
        yield build(mirror, checkout, account.folder(), account, **words)


@pytest.fixture(scope="module")
def guest(image: BuiltImage, family: Family, guest_folder: Path) -> Iterator[RunningGuest]:
    identity = {"user": family.account, "hostname": HOSTNAME, "user_data": USER_DATA}
    options = {"firmware": family.firmware, "instance_data": "metadata", "disk_size": str(DISK_SIZE)}
    with running_guest(guest_folder, image=str(image.file("raw")), **options, **identity) as running:
        yield running


def test_the_manifest_names_its_packages(image: BuiltImage, name: str, family: Family) -> None:
    manifest = json.loads((image.folder / "manifest.json").read_text())
    packages = {package["package"] for package in manifest["packages"]}
    assert any(package.startswith(kernel_package(name)) for package in packages)
    assert manifest["properties"]["os_admin_user"] == family.account


def test_the_key_opens_the_account(guest: RunningGuest, family: Family) -> None:
    assert guest.seen["account"] == family.account
    assert guest.output("sudo -n id -un") == "root"


def test_instance_data_is_applied(guest: RunningGuest, family: Family) -> None:
    assert guest.seen["hostname"] == HOSTNAME
    assert guest.output("cat /run/user-data") == "executed as root"
    if family.cloud_init:
        assert guest.seen["cloud_init"]["status"] == "done"
        assert guest.seen["cloud_init"]["errors"] == []


def test_root_has_grown_to_the_disk(guest: RunningGuest) -> None:
    assert guest.seen["root_size"] > 0.85 * DISK_SIZE


def test_the_boot_log_is_on_the_console(guest: RunningGuest) -> None:
    assert "login:" in guest.console("login:")
    assert ARGUMENTS in guest.output("cat /proc/cmdline")


def test_nothing_has_failed(guest: RunningGuest) -> None:
    assert guest.output("systemctl --failed --no-legend --plain") == ""


def test_labels_are_those_of_the_policy(guest: RunningGuest, family: Family) -> None:
    if not family.selinux:
        assert guest.ssh("test -e /etc/selinux/config").returncode != 0
        assert guest.output("systemctl is-active apparmor.service") == "active"
        assert "(enforce)" in guest.output("sudo -n cat /sys/kernel/security/apparmor/profiles")
        return
    assert guest.output("cat /sys/fs/selinux/enforce") == "1"
    # A part of it, since it takes minutes under emulation; the build has looked at all.
    said = guest.output("sudo -n restorecon -nvR /boot /etc/ssh /etc/sysconfig /home /root /usr/bin")
    assert said == ""
    assert not guest.output("ls /.autorelabel 2>/dev/null || true")


@pytest.mark.parametrize("name", TOOLS, indirect=True)
def test_a_role_has_changed_packages_and_the_initramfs(guest: RunningGuest) -> None:
    assert guest.output(f"rpm -q --queryformat '%{{NAME}}' {GREETING} && greet >&2") == GREETING
    assert guest.ssh(f"rpm -q {GONE}").returncode == 1
    assert guest.output(f"lsmod | grep -c ^{MODULE}") == "1"
    assert guest.output("grep -rl theirs /etc/yum.repos.d /etc/zypp/repos.d 2>/dev/null || true") == ""


# The ways of the other families are in tests/distributions.
@pytest.mark.parametrize("name", ["fedora"], indirect=True)
def test_another_kernel_is_the_one_that_starts(guest: RunningGuest, mirror: FamilyMirror) -> None:
    another_kernel_starts(guest, mirror.repository)
