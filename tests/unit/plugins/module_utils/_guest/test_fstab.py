# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""fstab, and the file systems that it means."""

from __future__ import annotations

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import fstab
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.fstab import Home

HOME = Home("AB-12", "my label", "0000-ff", "part", 2)
VOLUME = Home("CD-34", "", number=3, devices=("/dev/mapper/vg-root", "/dev/vg/root"))


def test_lines() -> None:
    text = "# no\n\n/dev/vda1 / ext4 ro,noauto 0 1\n  LABEL=a\\040b /mnt/x\\040y/ \nbroken\n"
    root, other = fstab.parse(text)
    assert (root.source, root.mountpoint, root.fstype, root.options) == ("/dev/vda1", "/", "ext4", ("ro", "noauto"))
    assert not root.by_itself
    assert (other.source, other.mountpoint, other.fstype, other.options) == (
        "LABEL=a b",
        "/mnt/x y",
        "auto",
        ("defaults",),
    )
    assert other.by_itself
    assert other.plain


@pytest.mark.parametrize("path", ["relative", "/a/../b", "/a//b", "/a/./b", "/.."])
def test_paths_with_detours(path: str) -> None:
    (line,) = fstab.parse(f"/dev/vda1 {path} ext4 defaults 0 0\n")
    assert not line.plain


@pytest.mark.parametrize(
    ("source", "meant"),
    [
        ("UUID=ab-12", HOME),
        ('UUID="AB-12"', HOME),
        ("LABEL=my label", HOME),
        ("LABEL=MY LABEL", None),
        ("PARTUUID=0000-FF", HOME),
        ("PARTLABEL=part", HOME),
        ("/dev/disk/by-uuid/AB-12", HOME),
        ("/dev/disk/by-partuuid/0000-ff", HOME),
        ("/dev/vda2", HOME),
        ("/dev/sda2", HOME),
        ("/dev/xvda2", HOME),
        ("/dev/nvme0n1p2", HOME),
        ("/dev/vdb2", None),
        ("/dev/vda", None),
        ("/dev/vda3", None),  # the physical volume, not the volume in it
        ("/dev/disk/by-label/my\\x20label", HOME),
        ("/dev/disk/by-path/pci-1-part2", None),
        ("/dev/mapper/vg-root", VOLUME),
        ("/dev/vg/root", VOLUME),
        ("UUID=", None),
        ("LABEL=", None),
        ("ID=x", None),
        ("tmpfs", None),
        ("server:/x", None),
    ],
)
def test_what_a_line_means(source: str, meant: Home | None) -> None:
    assert [home for home in (HOME, VOLUME) if home.is_meant(source)] == ([meant] if meant else [])


def test_the_text_for_one_file_system() -> None:
    text = "#c\n\tUUID=1   /  ext4 defaults 0 1\nUUID=2 /boot ext4 defaults 0 2\nUUID=3 / swap sw 0 0\ntmpfs /tmp tmpfs"
    new = fstab.rewritten(text, "LABEL=x", "ext4", drop=lambda line: line.mountpoint == "/boot")
    assert new == "#c\n\tLABEL=x   /  ext4 defaults 0 1\nUUID=3 / swap sw 0 0\ntmpfs /tmp tmpfs"
    assert fstab.rewritten("", "LABEL=x", "ext4", drop=lambda line: True) == ""


@pytest.mark.parametrize(
    ("line", "filesystem", "expected"),
    [
        ("UUID=1 /  btrfs subvol=root,compress=zstd:1 0 0", "ext4", "LABEL=x /  ext4 defaults 0 0"),
        ("UUID=1 /\txfs\tinode64\t0 1", "ext4", "LABEL=x /\text4\tdefaults\t0 1"),
        ("UUID=1 / xfs", "ext4", "LABEL=x / ext4 defaults"),
        ("UUID=1 / xfs noatime 0 0", "xfs", "LABEL=x / xfs noatime 0 0"),
        ("UUID=1 / ext3 noatime 0 0", "ext4", "LABEL=x / ext3 noatime 0 0"),
    ],
)
def test_a_root_of_another_kind(line: str, filesystem: str, expected: str) -> None:
    assert fstab.rewritten(line, "LABEL=x", filesystem, drop=lambda line: False) == expected


def test_the_subvolume_of_a_line() -> None:
    lines = fstab.parse("UUID=1 /home btrfs subvol=/@/home,ro 0 0\nUUID=1 / btrfs defaults 0 0\n")
    assert [line.subvolume for line in lines] == ["@/home", ""]


def test_every_byte_stays() -> None:
    raw = (
        b"# \xe4 \x0b /dev/vda1 / ext4\n"
        b"UUID=1\xff / ext4 defaults\r\n"
        b"LABEL=\xe9 /h\xe9 ext4\n"
        b"LABEL=x /a\xc2\xa0b\xe2\x80\xa8c\x0c ext4\n"
        b"UUID=2 /gone\xe4 ext4\n"
        b"/dev/vdb1 /mnt/\\303\\244\\344 ext4"
    )
    text = raw.decode("utf-8", "surrogateescape")
    root, home, odd, gone, escaped = fstab.parse(text)
    assert (root.mountpoint, root.options) == ("/", ("defaults",))
    assert odd.mountpoint == "/a\u00a0b\u2028c\x0c"
    assert escaped.mountpoint.encode("utf-8", "surrogateescape") == b"/mnt/\xc3\xa4\xe4"
    assert Home(label="\udce9").is_meant(home.source)
    new = fstab.rewritten(text, "LABEL=x", "ext4", drop=lambda line: line == gone)
    expected = raw.replace(b"UUID=1\xff", b"LABEL=x").replace(b"UUID=2 /gone\xe4 ext4\n", b"")
    assert new.encode("utf-8", "surrogateescape") == expected


@pytest.mark.parametrize(
    ("source", "disk", "number"),
    [
        ("/dev/sdb2", "/dev/sdb", 2),
        ("/dev/nvme1n1p12", "/dev/nvme1n1p", 12),
        ("/dev/disk/by-path/pci-0000:00:05.0-part3", "/dev/disk/by-path/pci-0000:00:05.0", 3),
        ("/dev/disk/by-id/virtio-abc", "", 0),
        ("/dev/mapper/vg-lv1", "", 0),
        ("/dev/vg/lv1", "", 0),
        ("/dev/dm-3", "", 0),
        ("UUID=1", "", 0),
    ],
)
def test_a_partition_by_its_disk(source: str, disk: str, number: int) -> None:
    assert fstab.partition_of(source) == (disk, number)


@pytest.mark.parametrize(
    ("disk", "source", "meant"),
    [
        ("/dev/disk/by-path/pci-1", "/dev/disk/by-path/pci-1-part2", True),
        ("/dev/disk/by-path/pci-1", "/dev/disk/by-path/pci-2-part2", False),
        ("/dev/disk/by-path/pci-1", "/dev/vda2", True),
        ("/dev/sdb", "/dev/sdb2", True),
        ("/dev/sdb", "/dev/sda2", False),
        ("/dev/sda", "/dev/vda2", True),
    ],
)
def test_the_disk_is_that_of_the_root(disk: str, source: str, meant: bool) -> None:
    assert Home(number=2, disk=disk).is_meant(source) is meant
    assert not Home(number=3, disk=disk).is_meant(source)


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("/a /b none bind,nofail", (True, True, False, False)),
        ("/a /b none noauto", (False, False, False, False)),
        ("UUID=1 /b ext4 noauto,x-systemd.automount", (True, False, True, True)),
        ("/dev/disk/by-uuid/1 /b ext4", (True, False, True, True)),
        ("/dev/vdb1 /b ext4", (True, False, True, True)),
        ("/dev/mapper/x /b ext4", (True, False, True, False)),
        ("server:/x /b nfs", (True, False, False, False)),
    ],
)
def test_what_kind_of_line_it_is(text: str, facts: tuple[bool, ...]) -> None:
    (line,) = fstab.parse(text)
    assert (line.by_itself, line.binds, line.names_device, line.exact) == facts
