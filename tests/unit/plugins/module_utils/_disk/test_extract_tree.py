# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fstab of a root puts together from the areas of its disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.disks import tool

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import extract_tree
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


def plan(tmp_path: Path, fstab: str) -> extract_tree.ExtractPlan:
    return extract_tree.plan(*make(tmp_path / "disk", fstab))


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
        "/swapfile none swap sw 0 0": ("swap", False),
        "UUID=1234-ABCD /boot/efi vfat umask=77 0 1": ("not on this disk", True),
        "/dev/mapper/gone /data ext4 defaults,nofail 0 2": ("not on this disk", False),
        "/dev/vdb1 /more ext4 defaults 0 2": ("not on this disk", True),
        "server:/x /net nfs defaults 0 0": ("not on this disk", False),
        "proc /proc proc defaults 0 0": ("the kernel's own", False),
        "/srv/www /var/www none bind 0 0": ("not on this disk", False),
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
        extract_tree.plan(disk_areas.of_raw(Runner(), disk.image.path), root)


def test_every_byte_of_fstab_stays(tmp_path: Path) -> None:
    raw = b"# M\xfcll\nUUID=1 / ext4\nLABEL=second /h\xe9 ext4\n/dev/sda9 /w\xe9g ext4\n//nas/\xe9 /nas cifs\n"
    disk, root = make(tmp_path / "disk", raw)
    todo = extract_tree.plan(disk, root)
    assert [part.mountpoint for part in todo.parts] == ["/", "/h\udce9"]
    tree = tmp_path / "tree"
    extract_tree._rewrite_fstab(str(tree), todo, "LABEL=new", "ext4")
    assert (tree / "etc" / "fstab").read_bytes() == b"# M\xfcll\nLABEL=new / ext4\n//nas/\xe9 /nas cifs\n"


def test_an_fstab_that_was_not_read_to_its_end_is_not_rewritten(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "fstab").write_bytes(b"UUID=1 / ext4\n" + b"#" * (5 << 20))
    with pytest.raises(GoldsmithError, match=r"/etc/fstab of \d+ bytes is too big"):
        extract_tree._rewrite_fstab(str(tmp_path), extract_tree.ExtractPlan(()), "LABEL=new", "ext4")
