# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fstab of a root puts together from the areas of its disk, and what an image does without."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.disks import tool

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import extract_plan
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import checked_filesystem, disk_areas
from ansible_collections.goldsmith.openstack.plugins.module_utils._lvm import pv_label

MIB = 1 << 20


def make(path: Path, fstab: str | bytes) -> tuple[disk_areas.Disk, checked_filesystem.Filesystem]:
    """Make a disk with a root, a second ext4 in partition 2, xfs in 3 and a group with the volume v-1 in 4."""
    path.write_bytes(b"")
    with open(path, "r+b") as file:
        file.truncate(64 * MIB)
    table = "label: dos\nlabel-id: 0xcafe1234\n"
    tool(
        "sfdisk",
        "-q",
        path,
        stdin=table + "".join(f"start={16 * i * 2048 - 30720}, size=28672\n" for i in (1, 2, 3, 4)),
    )
    tree = path.with_name("tree")
    (tree / "etc").mkdir(parents=True)
    (tree / "etc" / "fstab").write_bytes(fstab if isinstance(fstab, bytes) else fstab.encode())
    tool("mke2fs", "-q", "-F", "-t", "ext4", "-E", f"offset={MIB}", "-d", tree, path, "14M")
    tool("mke2fs", "-q", "-F", "-t", "ext4", "-L", "second", "-E", f"offset={17 * MIB}", path, "14M")
    with open(path, "r+b") as file:
        file.seek(33 * MIB)
        file.write(b"XFSB")
    group = pv_label.Group("vg", (pv_label.NewVolume("v-1", 2),), "seed")
    pv_label.write(str(path), group, offset=49 * MIB, size=14 * MIB)
    tool("mke2fs", "-q", "-F", "-t", "ext4", "-E", f"offset={50 * MIB}", path, "8M")
    disk = disk_areas.of_raw(Runner(), str(path))
    return disk, checked_filesystem.take(disk, disk.areas[0], repair=False)


def plan(tmp_path: Path, fstab: str) -> extract_plan.ExtractPlan:
    return extract_plan.plan(*make(tmp_path / "disk", fstab))


def test_outer_ones_first_and_each_covers_what_it_hides(tmp_path: Path) -> None:
    todo = plan(tmp_path, "/dev/sda2 /var/log ext4 defaults 0 2\n/dev/mapper/vg-v--1 /var ext4 defaults 0 2\n")
    assert [(part.mountpoint, part.area.name) for part in todo.parts] == [
        ("/", "1"),
        ("/var", "vg/v-1"),
        ("/var/log", "2"),
    ]
    assert todo.hidden("/") == ["/dev", "/var", "/var/log"]
    assert todo.hidden("/var") == ["/log"]
    assert todo.hidden("/var/log") == []


def test_each_line_is_joined_left_out_or_kept(tmp_path: Path) -> None:
    lines = {
        "PARTUUID=cafe1234-02 /srv ext4 defaults 0 2": ("joined", True),
        "/dev/vda2 /again ext4 noauto 0 2": ("noauto", False),
        "/dev/vda3 swap swap sw 0 0": ("swap", True),
        "/dev/vdb9 none swap sw,nofail 0 0": ("swap", True),
        "/swapfile none swap sw 0 0": ("a swap file: what was in memory", True),
        "UUID=1234-ABCD /boot/efi vfat umask=77 0 1": ("vfat, made anew where it is needed", True),
        "UUID=1234-ABCE /boot vfat umask=77,nofail 0 2": ("not on this disk", False),
        "/dev/mapper/gone /data ext4 defaults,nofail 0 2": ("not on this disk", False),
        "/dev/vdb1 /more ext4 defaults 0 2": ("not on this disk", True),
        "server:/x /net nfs defaults,_netdev 0 0": ("on no disk", False),
        "proc /proc proc defaults 0 0": ("the kernel's own", False),
        "/srv/www /var/www none bind,x-systemd.requires-mounts-for=/srv 0 0": (
            "shows a folder in a second place",
            False,
        ),
        "/more/www /var/more none rbind 0 0": ("shows a folder of what is not on this disk", True),
        "/dev/vdc1 /lazy ext4 noauto,x-systemd.automount 0 2": ("not on this disk", True),
    }
    todo = plan(tmp_path, "/dev/vda1 / ext4 defaults 0 1\n" + "\n".join(lines) + "\n")
    reasons = {left.line.text: left.reason for left in todo.left_out} | {line.text: "joined" for line in todo.merged}
    dropped = [
        line
        for line in lines
        if any(
            todo.drops(known) for known in (*todo.merged, *(left.line for left in todo.left_out)) if known.text == line
        )
    ]
    assert reasons == {text: reason for text, (reason, _drop) in lines.items()}
    assert dropped == [text for text, (_reason, drop) in lines.items() if drop]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/dev/vda3 /home xfs defaults 0 2", r"/home lies in partition 3 of .*, which holds xfs; only ext2"),
        ("UUID=x /usr ext4 defaults 0 2", "/usr is mounted from UUID=x, which is not on the disk"),
        (
            "UUID=1234-ABCD /boot vfat umask=77 0 2",
            "/boot is mounted from UUID=1234-ABCD, which is FAT, as systemd-boot",
        ),
        ("LABEL=second /a/../b ext4 defaults 0 2", "has the mount point '/a/../b', which is no plain path"),
    ],
)
def test_what_cannot_be_had(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(GoldsmithError, match=said):
        plan(tmp_path, f"{line}\n")


def test_two_of_one_name(tmp_path: Path) -> None:
    disk, root = make(tmp_path / "disk", "LABEL=second /x ext4 defaults 0 2\n")
    tool("tune2fs", "-L", "second", f"{tmp_path / 'disk'}?offset={50 * MIB}")
    with pytest.raises(GoldsmithError, match="mounts LABEL=second on /x, which is each of 2, vg/v-1"):
        extract_plan.plan(disk_areas.of_raw(Runner(), disk.image.path), root)


@pytest.mark.parametrize(
    ("source", "options", "area"),
    [
        ("/dev/disk/by-id/dm-uuid-{id}", "defaults", "vg/v-1"),
        ("/dev/disk/by-id/dm-name-vg-v--1", "defaults", "vg/v-1"),
        ("/dev/vg/v-1", "noauto,x-systemd.automount", "vg/v-1"),
        ("/dev/disk/by-label/second", "defaults", "2"),
        ("/dev/disk/by-path/pci-0000:00:04.0-part2", "nofail,x-systemd.device-timeout=9", "2"),
    ],
)
def test_a_volume_by_each_of_its_names(tmp_path: Path, source: str, options: str, area: str) -> None:
    disk, root = make(tmp_path / "disk", "")
    tree = tmp_path / "again"
    (tree / "etc").mkdir(parents=True)
    line = f"{source.format(id=next(one.volume_id for one in disk.areas if one.volume))} /data ext4 {options} 0 2\n"
    (tree / "etc" / "fstab").write_text(f"/dev/disk/by-path/pci-0000:00:04.0-part1 / ext4 defaults 0 1\n{line}")
    tool("mke2fs", "-q", "-F", "-t", "ext4", "-E", f"offset={MIB}", "-d", tree, disk.image.path, "14M")
    todo = extract_plan.plan(disk, root)
    assert [(part.mountpoint, part.area.name) for part in todo.parts] == [("/", "1"), ("/data", area)]
    assert [line.mountpoint for line in todo.merged] == ["/data"]


@pytest.mark.parametrize(
    "source",
    ["/dev/dm-3", "/dev/mapper/mpatha-part2", "/dev/disk/by-id/virtio-1-part2", "/dev/disk/by-path/pci-1-part2"],
)
def test_what_may_be_a_volume_of_this_disk_is_not_lost(tmp_path: Path, source: str) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    with pytest.raises(
        GoldsmithError, match=rf"mounts {source} on /data, which may be partition 2 .*; name it by UUID"
    ):
        plan(tmp_path / "a", f"{source} /data ext4 defaults 0 2\n")
    todo = plan(tmp_path / "b", f"{source} /data ext4 nofail 0 2\n/dev/vda2 /old ext4 noauto 0 2\n")
    assert [area.name for area in todo.unmounted] == ["2", "vg/v-1"]


@pytest.mark.parametrize("source", ["UUID=1234", "/dev/mapper/secret"])
def test_what_may_be_encrypted_is_not_lost(tmp_path: Path, source: str) -> None:
    disk, root = make(tmp_path / "disk", f"{source} /home ext4 defaults 0 2\nLABEL=second /s ext4\n/dev/vg/v-1 /v ext4")
    with open(disk.image.path, "r+b") as file:
        file.seek(33 * MIB)
        file.write(b"LUKS\xba\xbe\0\2")
    with pytest.raises(GoldsmithError, match=rf"mounts {source} on /home, which may be partition 3 .* encrypted"):
        extract_plan.plan(disk_areas.of_raw(Runner(), disk.image.path), root)


def test_a_volume_that_cannot_be_read_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk, root = make(tmp_path / "disk", "/dev/vg/v-1 /data ext4 nofail 0 2\n")
    text = pv_label.text
    monkeypatch.setattr(pv_label, "text", lambda *words: text(*words).replace('"striped"', '"raid1"'))
    group = pv_label.Group("vg", (pv_label.NewVolume("v-1", 2),), "seed")
    pv_label.write(disk.image.path, group, offset=49 * MIB, size=14 * MIB)
    with pytest.raises(GoldsmithError, match=r"/data lies in .*vg/v-1.*, which is of the type raid1"):
        extract_plan.plan(disk_areas.of_raw(Runner(), disk.image.path), root)


def test_swap_files_are_unwanted_with_what_starts_them(tmp_path: Path) -> None:
    disk, root = make(tmp_path / "disk", "")
    tree = tmp_path / "again"
    wants = tree / "etc/systemd/system/swap.target.wants"
    wants.mkdir(parents=True)
    (tree / "etc/fstab").write_text("/link/file none swap sw 0 0\nLABEL=second /more ext4\n/more/swap none swap\n")
    (tree / "deep").mkdir()
    (tree / "deep/file").write_text("memory")
    (tree / "link").symlink_to("deep")
    (wants.parent / "other.swap").write_text("[Swap]\nWhat=/other\n")
    (wants / "other.swap").symlink_to("../other.swap")
    tool("mke2fs", "-q", "-F", "-t", "ext4", "-E", f"offset={MIB}", "-d", tree, disk.image.path, "14M")
    todo = extract_plan.plan(disk, root)
    unit = "/etc/systemd/system/other.swap"
    assert todo.unwanted_in("/") == ["/other", "/deep/file", unit, "/etc/systemd/system/swap.target.wants/other.swap"]
    assert todo.unwanted_in("/more") == ["/swap"]
    said = [(left["source"], left["reason"], left["dropped"]) for left in todo.describe_left_out(rewritten=True)]
    file = "a swap file: what was in memory"
    assert said[:3] == [("/link/file", file, True), ("/more/swap", file, True), ("/other", f"{file}, by {unit}", True)]
    assert not any(left["dropped"] for left in todo.describe_left_out(rewritten=False))
