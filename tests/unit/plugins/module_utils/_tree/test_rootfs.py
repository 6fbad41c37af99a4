# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trees: kernels by version, what they take up, and what they hold."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import rootfs


def newest(names: list[str], where: str) -> rootfs.Kernel:
    """The kernel among the files of /boot where no boot loader says which."""
    return rootfs._newest({name: f"/boot/{name}" for name in names}, where)


@pytest.mark.parametrize(
    "versions",
    [
        ["6.9.12-cloud-amd64", "6.12.3-cloud-amd64"],
        ["6.1.0-9-amd64", "6.1.0-25-amd64"],
        ["6.12", "6.12.1"],
        ["5.14.0-427.13.1.el9_4.x86_64", "5.14.0-427.100.1.el9_4.x86_64"],
        ["6.12.9+deb13-amd64", "6.12.10+deb13-amd64"],
    ],
)
def test_the_newest_kernel(versions: list[str]) -> None:
    names = [f"{kind}-{version}" for version in versions for kind in ("vmlinuz", "initrd.img", "config")]
    for order in (names, names[::-1]):
        assert newest(order, "here").version == versions[-1]


@pytest.mark.parametrize(
    ("names", "ramdisk"),
    [
        (["vmlinuz-1", "initrd.img-1"], "/boot/initrd.img-1"),
        (["vmlinuz-1", "initramfs-1.img"], "/boot/initramfs-1.img"),
        (["vmlinuz-1", "initrd-1"], "/boot/initrd-1"),
        (["vmlinuz-1", "initrd.img-1", "vmlinuz-2", "vmlinuz", "initrd.img"], "/boot/initrd.img-1"),
    ],
)
def test_names_of_the_distributions(names: list[str], ramdisk: str) -> None:
    kernel = newest(names, "here")
    assert (kernel.version, kernel.image, kernel.ramdisk) == ("1", "/boot/vmlinuz-1", ramdisk)


def test_one_of_two_forms_is_always_the_same() -> None:
    names = ["vmlinux-1", "vmlinuz-1", "initrd.img-1"]
    assert {newest(order, "here").image for order in (names, names[::-1])} == {"/boot/vmlinuz-1"}


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["vmlinuz-1"],
        ["initrd.img-1"],
        ["vmlinuz-1", "initrd.img-2"],
        ['vmlinuz-1" x', 'initrd.img-1" x'],
        ["vmlinuz-1\n}", "initrd.img-1\n}"],
        ["vmlinuz-$(x)", "initrd.img-$(x)"],
    ],
)
def test_no_kernel(names: list[str]) -> None:
    with pytest.raises(GoldsmithError, match="here has no kernel with an initramfs in /boot; add the distribution's"):
        newest(names, "here")


def test_links_are_no_kernels(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    for name in ("vmlinuz-1", "initrd.img-1"):
        (outside / name).write_text("x")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "boot").symlink_to(outside)
    with pytest.raises(GoldsmithError):
        rootfs.find_kernel(str(tree))
    (tree / "boot").unlink()
    (tree / "boot").mkdir()
    for name in ("vmlinuz-1", "initrd.img-1"):
        (tree / "boot" / name).symlink_to(outside / name)
    with pytest.raises(GoldsmithError):
        rootfs.find_kernel(str(tree))
    for name in ("vmlinuz-0", "initrd.img-0"):
        (tree / "boot" / name).write_text("x")
    assert rootfs.find_kernel(str(tree)).version == "0"


def test_what_a_tree_takes_up(tmp_path: Path) -> None:
    empty = rootfs.measure(Runner(), str(tmp_path), [])
    (tmp_path / "file").write_bytes(b"x" * 5000)
    os.link(tmp_path / "file", tmp_path / "other name")
    (tmp_path / "short").symlink_to("file")
    (tmp_path / "long").symlink_to("x" * 80)
    (tmp_path / "line\nf 1 many words").write_text("")
    os.mkfifo(tmp_path / "pipe")
    extent = rootfs.measure(Runner(), str(tmp_path), [])
    assert extent.files - empty.files == 5
    # Two blocks of the file, one of the long link, and names.
    assert 3 * 4096 < extent.data - empty.data < 3 * 4096 + 500


def test_holes_take_no_room(tmp_path: Path) -> None:
    empty = rootfs.measure(Runner(), str(tmp_path), [])
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(200 << 30)
        for place in (0, 5 << 20, (200 << 30) - 1):
            file.seek(place)
            file.write(b"x")
    extent = rootfs.measure(Runner(), str(tmp_path), [])
    assert 3 * 4096 <= extent.data - empty.data < 3 * 4096 + 500


def test_the_time_of_a_tree(tmp_path: Path) -> None:
    info = tmp_path / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    for name, time in (("a.md5sums", 1_500_000_000), ("b.md5sums", 1_600_000_000), ("b.list", 1_700_000_000)):
        (info / name).write_text("")
        os.utime(info / name, (time, time))
    # Written by dpkg, at the time of the installation
    (info / "c.md5sums").write_text("")
    os.utime(info / "c.md5sums", ns=(0, 1_700_000_000_500_000_000))
    assert rootfs.epoch_of(Runner(), str(tmp_path), []) == 1_600_000_000
    for name in ("a.md5sums", "b.md5sums", "c.md5sums"):
        (info / name).unlink()
    assert rootfs.epoch_of(Runner(), str(tmp_path), []) == 1_700_000_000
    (info / "b.list").unlink()
    assert rootfs.epoch_of(Runner(), str(tmp_path), []) == 0


def test_times_are_clamped_and_links_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("x")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "new").write_text("")
    (tree / "old").write_text("")
    (tree / "link").symlink_to(outside)
    os.utime(tree / "old", (1000, 1000))
    before = outside.stat().st_mtime
    rootfs.clamp_times(Runner(), str(tree), 1_000_000, [])
    assert [int((tree / name).lstat().st_mtime) for name in ("new", "old", "link")] == [1_000_000, 1000, 1_000_000]
    assert outside.stat().st_mtime == before


def test_installed_packages(tmp_path: Path) -> None:
    (tmp_path / "var/lib/dpkg").mkdir(parents=True)
    stanza = "Package: {}\nStatus: {}\nArchitecture: amd64\nVersion: 1\nDescription: x\n Version: 9\n\n"
    text = stanza.format("zip", "install ok installed") + stanza.format("gone", "deinstall ok config-files")
    (tmp_path / "var/lib/dpkg/status").write_text(text + stanza.format("apt", "hold ok installed"))
    assert [package["package"] for package in rootfs.packages(str(tmp_path))] == ["apt", "zip"]
    assert rootfs.packages(str(tmp_path))[0]["version"] == "1"


def test_packages_are_not_read_through_a_link_of_the_tree(tmp_path: Path) -> None:
    outside = tmp_path / "host" / "lib" / "dpkg"
    outside.mkdir(parents=True)
    (outside / "status").write_text("Package: secret\nVersion: 1\nArchitecture: all\nStatus: install ok installed\n")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "var").symlink_to(tmp_path / "host")
    assert rootfs.packages(str(tmp_path / "tree")) == []


def test_the_kernel_that_grub_starts(tmp_path: Path) -> None:
    boot = tmp_path / "boot"
    (boot / "grub").mkdir(parents=True)
    for version in ("1", "2", "3"):
        (boot / f"vmlinuz-{version}").write_text("x")
        (boot / f"initrd.img-{version}").write_text("x")
    (boot / "vmlinuz-4").write_text("has no initramfs")
    (tmp_path / "vmlinuz").symlink_to("boot/vmlinuz-2")
    entry = "menuentry x {{\n linux {} root=x\n}}\n"
    for path, version in (
        ("/boot/vmlinuz-1", "1"),
        ("/vmlinuz-1", "1"),  # /boot was a file system of its own
        ("/vmlinuz", "2"),
        ("/boot/../boot/vmlinuz-1", "1"),
        ("/boot/vmlinuz-4", "3"),
        ("/boot/vmlinuz-9", "3"),
        ("vmlinuz-1", "3"),
        ("", "3"),
    ):
        (boot / "grub" / "grub.cfg").write_text(entry.format(path))
        assert rootfs.find_kernel(str(tmp_path)).version == version, path
    (boot / "grub" / "grub.cfg").write_text('set default="${saved_entry}"\nblscfg\n')
    (boot / "loader" / "entries").mkdir(parents=True)
    for version in ("1", "2"):
        (boot / "loader" / "entries" / f"id-{version}.conf").write_text(f"linux /vmlinuz-{version}\n")
    assert rootfs.find_kernel(str(tmp_path)).version == "2"
    (boot / "grub" / "grubenv").write_text("saved_entry=id-1\n")
    assert rootfs.find_kernel(str(tmp_path)).version == "1"


def test_a_kernel_beside_its_modules(tmp_path: Path) -> None:
    modules = tmp_path / "usr/lib/modules/6.4"
    boot = tmp_path / "boot"
    for folder in (modules, boot):
        folder.mkdir(parents=True)
    (modules / "vmlinuz").touch()
    (boot / "initrd-6.4").touch()
    (boot / "vmlinuz-6.4").symlink_to("../usr/lib/modules/6.4/vmlinuz")
    (boot / "vmlinuz").symlink_to("vmlinuz-6.4")
    found = rootfs.find_kernel(str(tmp_path))
    assert found == rootfs.Kernel("6.4", "/usr/lib/modules/6.4/vmlinuz", "/boot/initrd-6.4")
