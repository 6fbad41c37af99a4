# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of virt-install."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt import virt_install
from ansible_collections.goldsmith.openstack.plugins.module_utils._libvirt.virt_install import (
    Installer,
    Machine,
    PoolVolume,
)

URI = "qemu:///system"
UUID = "11111111-2222-3333-4444-555555555555"
ROOT, DRIVE = PoolVolume("default", "web.qcow2"), PoolVolume("default", "web.iso")
KERNEL = Installer(kernel="/k", initrd="/i", kernel_args="a=1,2 --- b")


def command(installer: Installer | None = None, disks: tuple[PoolVolume, ...] = (ROOT,), **settings: Any) -> list[str]:
    return virt_install.command(URI, Machine("web", UUID, **settings), disks, installer)


def values(argv: list[str], option: str) -> list[str]:
    return [value for word, value in pairwise(argv) if word == option]


def value(argv: list[str], option: str) -> str:
    (found,) = values(argv, option)
    return found


@pytest.mark.parametrize(
    ("settings", "option", "expected"),
    [
        ({}, "--connect", URI),
        ({}, "--uuid", UUID),
        ({}, "--vcpus", "1"),
        ({"virt_type": "kvm"}, "--vcpus", "2"),
        ({"cpus": 3}, "--vcpus", "3"),
        ({}, "--cpu", "mode=maximum,disable=cx16,disable=la57,disable=erms,disable=fsrm"),
        ({"virt_type": "kvm"}, "--cpu", "mode=host-passthrough"),
        ({"memory": 512}, "--memory", "512"),
        ({}, "--osinfo", "detect=on,require=off"),
        ({"os_variant": "debian12"}, "--osinfo", "debian12"),
        ({}, "--network", "user,model=virtio"),
        ({"network": "bridge=br0"}, "--network", "bridge=br0,model=virtio"),
        ({"network": "network=default"}, "--network", "network=default,model=virtio"),
        ({"firmware": "uefi"}, "--boot", "uefi"),
        ({}, "--graphics", "none"),
    ],
)
def test_hardware(settings: dict[str, Any], option: str, expected: str) -> None:
    assert value(command(**settings), option) == expected


def test_bios_needs_no_word() -> None:
    assert "--boot" not in command()


@pytest.mark.parametrize(("firmware", "words"), [("bios", ""), ("uefi", "uefi,")])
def test_an_installer_waits_until_it_is_heard(firmware: str, words: str) -> None:
    assert value(command(KERNEL, firmware=firmware), "--boot") == f"{words}bootmenu.enable=yes,bootmenu.timeout=4000"


def test_disks_bear_our_names() -> None:
    root, drive = values(command(disks=(ROOT, DRIVE)), "--disk")
    assert root == "vol=default/web.qcow2,bus=virtio,cache=unsafe,discard=unmap,alias.name=ua-goldsmith-root"
    assert drive == "vol=default/web.iso,bus=virtio,readonly=yes,alias.name=ua-goldsmith-drive"


def test_it_never_waits_nor_starts_again() -> None:
    argv = command(KERNEL)
    assert {"--noautoconsole", "--noreboot"} <= set(argv)
    assert "--wait" not in argv


@pytest.mark.parametrize(
    ("installer", "expected"),
    [
        (None, ["--import"]),
        (KERNEL, ["--install", 'kernel=/k,initrd=/i,kernel_args="a=1,2 --- b"']),
        (Installer(kernel="/k", initrd="/i"), ["--install", "kernel=/k,initrd=/i"]),
        (
            Installer(location="http://x/y/", kernel_args="a=1,2", answers="/tmp/preseed.cfg"),
            ["--location", "http://x/y/", "--extra-args", "a=1,2", "--initrd-inject", "/tmp/preseed.cfg"],
        ),
        (
            Installer(location="/u.iso", kernel_args="a", boot="kernel=casper/vmlinuz,initrd=casper/initrd"),
            ["--location", "/u.iso,kernel=casper/vmlinuz,initrd=casper/initrd", "--extra-args", "a"],
        ),
    ],
)
def test_source(installer: Installer | None, expected: list[str]) -> None:
    argv = command(installer)
    begin = argv.index(expected[0])
    assert argv[begin : begin + len(expected)] == expected
    assert ("--initrd-inject" in argv) is ("--initrd-inject" in expected)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"network": "nat"}, "network=nat: no such network; user, bridge=NAME or network=NAME"),
        ({"network": "bridge=br0,model=e1000"}, "network=bridge=br0,model=e1000: no such network"),
        ({"memory": 1}, "memory=1: less than 64 MiB"),
        ({"cpus": 0}, "vcpus=0: a machine has at least one"),
        ({"os_variant": "a,b"}, "os_variant=a,b: no such variant"),
    ],
)
def test_refused_hardware(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        Machine("web", UUID, **settings)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("name", ["", "a b", "-x", "a/b", "../x", "x" * 64])
def test_refused_name(name: str) -> None:
    with pytest.raises(OptionError, match="not a name"):
        Machine(name, UUID)


@pytest.mark.parametrize(
    ("option", "text"), [("kernel", "/a,b"), ("kernel_args", 'a="b"'), ("location", "http://a\nb")]
)
def test_refused_source(option: str, text: str) -> None:
    with pytest.raises(OptionError, match="cannot be given"):
        Installer(**{option: text})
