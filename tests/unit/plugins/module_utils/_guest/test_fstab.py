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
