# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks made to harm whoever captures them: each is refused by one line, or does no harm."""

from __future__ import annotations

import os
import random
import shutil
import stat
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest
from helpers.disks import MIB, make_disk, make_filesystem, tool
from helpers.modules import run_module
from helpers.waiting import PATIENCE

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.program import program
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import checked_filesystem

pytestmark = pytest.mark.root
SECRET = "canary: " + "x" * 40


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A file of this host that no disk may lead to; it must not change either."""
    path = tmp_path / "canary"
    path.write_text(SECRET)
    return path


def system(folder: Path) -> Path:
    """A small system that boots, as far as its files tell."""
    for name in ("boot", "etc", "dev"):
        (folder / name).mkdir(parents=True)
    for name in ("vmlinuz-1.0", "initrd.img-1.0"):
        (folder / "boot" / name).write_text(f"{name} " * 100)
    (folder / "etc" / "fstab").write_text("UUID=1 / ext4 defaults 0 1\n")
    return folder


def extract(disk: Path, folder: Path, **more: Any) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    names = {name: str(folder / name) for name in ("root", "kernel", "ramdisk", "tree")}
    return run_module("disk_extract", {"src": str(disk), **names, **more})


def refused(disk: Path, folder: Path, said: str, canary: Path, **more: Any) -> str:
    """See that a disk is refused, that nothing of it or of the host is left, and that no trace is."""
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.stat().st_size < 1 << 30}
    result = extract(disk, folder / "out", **more)
    assert result.get("failed") is True, result
    assert said in result["msg"]
    assert "\n" not in result["msg"]
    assert SECRET not in result["msg"]
    left = [path.name for path in (folder / "out").iterdir() if path.name != "root"]
    assert left == []
    assert {path: path.read_bytes() for path in before} == before
    assert canary.read_text() == SECRET
    return result["msg"]


def everything(folder: Path) -> bytes:
    """All bytes of all files below a folder, links not followed."""
    found = b""
    for top, _folders, files in os.walk(folder):
        for name in files:
            path = os.path.join(top, name)
            if stat.S_ISREG(os.lstat(path).st_mode):
                found += Path(path).read_bytes()
    return found


def harmless(disk: Path, folder: Path, canary: Path, **more: Any) -> dict[str, Any]:
    """See that a disk is taken apart, and that nothing of this host came along or changed."""
    result = extract(disk, folder / "out", **more)
    assert result.get("changed") is True, result
    assert canary.read_text() == SECRET
    assert SECRET.encode() not in everything(folder / "out")
    return result


def test_an_image_with_a_backing_file(tmp_path: Path, canary: Path) -> None:
    disk = tmp_path / "disk.qcow2"
    tool("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", canary, disk, "32M")
    refused(disk, tmp_path, "refers to a backing file, which could be any file of this host", canary)


def test_an_image_with_an_external_data_file(tmp_path: Path, canary: Path) -> None:
    disk, data = tmp_path / "disk.qcow2", tmp_path / "data"
    tool("qemu-img", "create", "-q", "-f", "qcow2", "-o", f"data_file={data},data_file_raw=on", disk, "32M")
    raw = disk.read_bytes()
    data.unlink()
    # The name of the data file is a text in the header.
    disk.write_bytes(
        raw.replace(str(data).encode(), str(canary).encode().ljust(len(str(data)), b"\0")[: len(str(data))])
    )
    refused(disk, tmp_path, "refers to an external data file", canary)


@pytest.mark.parametrize("kind", ["monolithicFlat", "twoGbMaxExtentSparse", "an extent of it", "hidden", "a parent"])
def test_a_vmdk_of_several_files(tmp_path: Path, canary: Path, kind: str) -> None:
    disk, text = tmp_path / "disk.vmdk", f'RW 65536 FLAT "{canary}" 0\n'
    if kind in ("hidden", "a parent"):
        tool("qemu-img", "create", "-q", "-f", "vmdk", disk, "32M")
        hint = f'parentFileNameHint="{canary}"\n' if kind == "a parent" else ""
        descriptor = (
            f'# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="monolithicSparse"\n{hint}'
        )
        with open(disk, "r+b") as file:
            file.seek(512)
            file.write((descriptor + text).encode())
            if kind == "hidden":
                # Without a size QEMU reads on in the descriptor.
                file.seek(12)
                file.write(bytes(8))
    elif kind == "monolithicFlat":
        disk.write_text(f'\n# of a guest\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="{kind}"\n{text}')
    else:
        tool("qemu-img", "create", "-q", "-f", "vmdk", "-o", "subformat=twoGbMaxExtentSparse", disk, "32M")
        disk = tmp_path / "disk-s001.vmdk" if kind == "an extent of it" else disk
    what = kind if kind == "a parent" else "the files with its data"
    for more in ({}, {"src_format": "vmdk"}):
        refused(disk, tmp_path, f"refers to {what}, which could be any file of this host", canary, **more)


@pytest.mark.parametrize(
    ("format", "place", "value", "said"),
    [
        ("vpc", 60, struct.pack(">I", 4), "refers to a parent"),
        # The UUIDs of what it is linked to, and of its parent
        ("vdi", 440, b"p" * 16, "unsupported"),
        ("vdi", 424, b"p" * 16, "unsupported"),
    ],
)
def test_other_formats_with_a_parent(
    tmp_path: Path, canary: Path, format: str, place: int, value: bytes, said: str
) -> None:
    disk = tmp_path / "disk"
    tool("qemu-img", "create", "-q", "-f", format, disk, "32M")
    with open(disk, "r+b") as file:
        file.seek(place)
        file.write(value)
    refused(disk, tmp_path, said, canary)


def test_a_vhdx_with_a_parent(tmp_path: Path, canary: Path) -> None:
    disk = tmp_path / "disk"
    tool("qemu-img", "create", "-q", "-f", "vhdx", disk, "32M")
    # The flags of the item "file parameters" in its metadata: sizes of blocks are 1 MiB to 256 MiB.
    data = bytearray(disk.read_bytes())
    region = data.index(b"metadata")
    place = next(at for at in range(region + (64 << 10), region + (64 << 10) + 64, 4) if data[at : at + 4] != bytes(4))
    struct.pack_into("<I", data, place + 4, 2)
    disk.write_bytes(data)
    refused(disk, tmp_path, "not a vhdx image", canary)


def test_kernels_that_are_links(tmp_path: Path, canary: Path) -> None:
    root = system(tmp_path / "root")
    hostile = {"9.1": canary, "9.2": Path("../../../../../../../..") / str(canary)[1:], "9.3": Path("/etc/shadow")}
    for version, target in hostile.items():
        for name in (f"vmlinuz-{version}", f"initrd.img-{version}"):
            (root / "boot" / name).symlink_to(target)
    (root / "boot" / "grub").mkdir()
    for name in ("vmlinuz", "vmlinuz.old"):
        (root / name).symlink_to(f"boot/{name}-9.1")
    (root / "boot" / "grub" / "grub.cfg").write_text(
        "set default=0\nmenuentry x {\n linux /boot/vmlinuz-9.2\n initrd /boot/initrd.img-9.2\n}\n"
    )
    make_filesystem(tmp_path / "disk", root, size=32 * MIB)
    result = harmless(tmp_path / "disk", tmp_path, canary)
    assert result["kernel_version"] == "1.0"
    assert (tmp_path / "out" / "kernel").read_text() == "vmlinuz-1.0 " * 100
    assert os.readlink(tmp_path / "out" / "tree" / "boot" / "vmlinuz-9.1") == str(canary)
    shutil.rmtree(root / "boot")
    (root / "boot").symlink_to(tmp_path)
    for name in ("vmlinuz-1.0", "initrd.img-1.0"):
        (tmp_path / name).write_text(SECRET)
    make_filesystem(tmp_path / "linked", root, size=32 * MIB)
    shutil.rmtree(tmp_path / "out")
    refused(tmp_path / "linked", tmp_path, "has no kernel with an initramfs in /boot", canary)


def test_configuration_that_is_a_link_to_this_host(tmp_path: Path, canary: Path) -> None:
    root = system(tmp_path / "root")
    (root / "etc" / "fstab").unlink()
    (root / "etc" / "fstab").symlink_to(canary)
    (root / "boot" / "grub").symlink_to(tmp_path)
    make_filesystem(tmp_path / "disk", root, size=32 * MIB)
    harmless(tmp_path / "disk", tmp_path, canary)


def test_a_loop_of_links(tmp_path: Path, canary: Path) -> None:
    root = system(tmp_path / "root")
    (root / "etc" / "fstab").unlink()
    (root / "etc" / "fstab").symlink_to("fstab2")
    (root / "etc" / "fstab2").symlink_to("fstab")
    (root / "boot" / "grub").symlink_to("grub2")
    (root / "boot" / "grub2").symlink_to("../boot/grub")
    make_filesystem(tmp_path / "disk", root, size=32 * MIB)
    assert harmless(tmp_path / "disk", tmp_path, canary)["kernel_version"] == "1.0"


def test_two_roots(tmp_path: Path, canary: Path) -> None:
    root, disk = system(tmp_path / "root"), tmp_path / "disk"
    disk.write_bytes(b"")
    os.truncate(disk, 80 * MIB)
    tool("sfdisk", "-q", disk, stdin="label: dos\n1 : start=2048, size=65536\n2 : start=67584, size=65536\n")
    for start in (MIB, 33 * MIB):
        make_filesystem(disk, root, size=32 * MIB, offset=start)
    refused(disk, tmp_path, "selects 2 file systems of", canary)
    assert harmless(disk, tmp_path, canary, partition=2)["start"] == 33 * MIB


def test_no_kernel(tmp_path: Path, canary: Path) -> None:
    root = system(tmp_path / "root")
    (root / "boot" / "initrd.img-1.0").unlink()
    make_filesystem(tmp_path / "disk", root, size=32 * MIB)
    refused(tmp_path / "disk", tmp_path, "has no kernel with an initramfs in /boot", canary)


@pytest.mark.parametrize("format", ["raw", "qcow2"])
def test_an_image_that_was_cut_off(tmp_path: Path, canary: Path, format: str) -> None:
    root = system(tmp_path / "root")
    (root / "data").write_bytes(os.urandom(20 * MIB))
    make_disk(tmp_path / "raw", root, label="gpt", size=64 * MIB)
    disk = tmp_path / "disk"
    tool("qemu-img", "convert", "-O", format, tmp_path / "raw", disk)
    os.truncate(disk, 16 * MIB)
    refused(
        disk, tmp_path, {"raw": "its GPT is missing: the image is incomplete", "qcow2": "is damaged"}[format], canary
    )


def test_a_bare_file_system_that_was_cut_off(tmp_path: Path, canary: Path) -> None:
    make_filesystem(tmp_path / "disk", system(tmp_path / "root"), size=64 * MIB)
    os.truncate(tmp_path / "disk", 16 * MIB)
    refused(tmp_path / "disk", tmp_path, "is bigger than its place; the image is incomplete", canary)


SUPERBLOCK_FAULTS = {
    "size of blocks": (24, "<I", 60),
    "number of blocks": (4, "<I", 0xFFFFFFF0),
    "inodes in a group": (40, "<I", 0),
    "blocks in a group": (32, "<I", 1),
    "size of inodes": (88, "<H", 3),
    "size of descriptors": (254, "<H", 7),
    "unknown features": (96, "<I", 0x80000002),
    "number of inodes": (0, "<I", 0xFFFFFFFF),
}


@pytest.mark.parametrize("fault", SUPERBLOCK_FAULTS)
def test_a_corrupt_superblock(tmp_path: Path, canary: Path, fault: str) -> None:
    disk = tmp_path / "disk"
    make_filesystem(disk, system(tmp_path / "root"), size=32 * MIB)
    place, form, value = SUPERBLOCK_FAULTS[fault]
    with open(disk, "r+b") as file:
        file.seek(1024 + place)
        file.write(struct.pack(form, value))
    refused(disk, tmp_path, str(disk), canary)


def test_a_file_system_that_was_not_unmounted(tmp_path: Path, canary: Path) -> None:
    disk = tmp_path / "disk"
    make_filesystem(disk, system(tmp_path / "root"), size=32 * MIB)
    tool("debugfs", "-w", "-R", "feature needs_recovery", disk)
    refused(disk, tmp_path, "is not clean: the guest was not shut down cleanly", canary)
    before = disk.read_bytes()
    assert harmless(disk, tmp_path, canary, repair=True)["repaired"] is True
    assert disk.read_bytes() == before


@pytest.mark.parametrize(("size", "said"), [("100T", "claims a disk of 100.0 TiB"), ("16T", "cannot write ")])
def test_absurd_sizes(tmp_path: Path, canary: Path, size: str, said: str) -> None:
    disk = tmp_path / "disk.qcow2"
    tool("qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=2M", disk, size)
    refused(disk, tmp_path, said, canary)


@pytest.mark.parametrize(
    ("sign", "place", "said"),
    [
        (b"LUKS\xba\xbe\x00\x02", 0, "an encrypted volume (LUKS)"),
        (b"XFSB", 0, "holds xfs"),
        (b"_BHRfS_M", 0x10040, "holds btrfs"),
    ],
)
@pytest.mark.parametrize("label", ["dos", ""])
def test_roots_that_cannot_be_read(
    tmp_path: Path, canary: Path, sign: bytes, place: int, said: str, label: str
) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(8 * MIB))
    if label:
        tool("sfdisk", "-q", disk, stdin=f"label: {label}\nstart=2048, type=83\n")
    with open(disk, "r+b") as file:
        file.seek((MIB if label else 0) + place)
        file.write(sign)
    refused(disk, tmp_path, said, canary, **({"src_format": "raw"} if not label else {}))


def test_names_of_every_kind(tmp_path: Path, canary: Path) -> None:
    root = system(tmp_path / "root")
    top = os.fsencode(root)
    names = [b"line\nbreak", b"\xff\xfe", b"-rf", b"$(touch canary)", b"`id`", b" ", b"a" * 255, b"debugfs: cat <2>",
             b"\x1b[2J", b'"quoted"', b"..."]  # fmt: skip
    for folder in (b"", b"boot", b"etc"):
        for name in names:
            Path(os.fsdecode(os.path.join(top, folder, name))).write_text("odd")
    make_filesystem(tmp_path / "disk", root, size=32 * MIB)
    harmless(tmp_path / "disk", tmp_path, canary)
    out = os.fsencode(tmp_path / "out" / "tree")
    for folder in (b"", b"boot", b"etc"):
        assert set(names) <= set(os.listdir(os.path.join(out, folder)))


DAMAGE = {
    "a folder in itself": ["ln /etc /etc/again"],
    "a folder in two places": ["ln /boot /etc/boot"],
    "an impossible size": ["sif /etc/fstab size 0x7fffffffffffff"],
    "a folder of an impossible size": ["sif /etc size 0x7ffffffff000"],
    "a link of an impossible size": ["sif /link size 0x7ffffff0"],
    "blocks outside of the disk": ["sif /boot/vmlinuz-1.0 block[3] 0x7ffffff0"],
    "a tree of extents without end": ["sif /boot/vmlinuz-1.0 block[0] 0x0005f30a"],
    "attributes outside of the disk": ["sif /boot/vmlinuz-1.0 file_acl 0x7ffffff0"],
    "an inode that is not there": ["sif /etc/fstab mode 0177777"],
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_by_hand(tmp_path: Path, canary: Path, damage: str) -> None:
    root, disk = system(tmp_path / "root"), tmp_path / "disk"
    (root / "link").symlink_to("x" * 100)
    make_filesystem(disk, root, size=32 * MIB)
    before = disk.read_bytes()
    tool("debugfs", "-w", "-f", "/dev/stdin", disk, stdin="\n".join(DAMAGE[damage]) + "\n")
    assert disk.read_bytes() != before
    refused(disk, tmp_path, "has errors (", canary)
    # Without the check by e2fsck the reader must hold by itself.
    tree = tmp_path / "by itself"
    tree.mkdir()
    said = unpack(disk, tree)
    assert ("damaged" in said) or ("failed" in said) or ("unpacked" in said)
    assert canary.read_text() == SECRET
    assert sorted(path.name for path in tmp_path.iterdir()) == ["by itself", "canary", "disk", "out", "root"]


def test_a_name_that_leads_up(tmp_path: Path, canary: Path) -> None:
    root, disk = system(tmp_path / "root"), tmp_path / "disk"
    (root / "etc" / "aaaaaa-canary").write_text("evil")
    tool("mke2fs", "-q", "-F", "-t", "ext4", "-O", "^metadata_csum", "-d", root, disk, "32M")
    raw = disk.read_bytes()
    disk.write_bytes(raw.replace(b"aaaaaa-canary", b"../../canary\0"[:12] + b"/"))
    refused(disk, tmp_path, "has errors (", canary)
    (tmp_path / "by itself").mkdir()
    assert "a folder has the impossible name" in unpack(disk, tmp_path / "by itself")
    assert canary.read_text() == SECRET


def unpack(disk: Path, tree: Path) -> str:
    """Unpack without a check before; return the last line of the program."""
    request = {"path": str(disk), "offset": 0, "fstype": "ext4", "tree": str(tree), "mountpoint": "/", "hidden": []}
    argv, stdin = program(*checked_filesystem.UNPACKER, request=request)
    result = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert result.stderr == ""
    return result.stdout.splitlines()[-1]


def test_setuid_programs_and_devices_lie_where_nobody_gets_to(tmp_path: Path, canary: Path) -> None:
    root = system(tmp_path / "root")
    (root / "etc" / "su").write_text("#!/bin/sh\n")
    (root / "etc" / "su").chmod(0o4755)
    os.mknod(root / "etc" / "disk", 0o60666, os.makedev(254, 0))
    make_filesystem(tmp_path / "disk", root, size=32 * MIB)
    harmless(tmp_path / "disk", tmp_path, canary)
    tree = tmp_path / "out" / "tree"
    assert (tree / "etc" / "su").stat().st_mode & 0o7777 == 0o4755
    assert any(not folder.stat().st_mode & 0o001 for folder in tree.parents)
    open_to_all = Path("/var/tmp/goldsmith-hostile-tree")
    result = run_module("disk_extract", {"src": str(tmp_path / "disk"), "tree": str(open_to_all)})
    assert "could start the setuid programs of the disk there" in result["msg"]
    assert not open_to_all.exists()


def test_random_damage(tmp_path: Path, canary: Path) -> None:
    """The reader by itself, on file systems with bytes that are wrong somewhere in their structures."""
    root, disk = system(tmp_path / "root"), tmp_path / "disk"
    for number in range(50):
        (root / "etc" / f"file {number}").write_text("x" * number * 100)
    make_filesystem(disk, root, size=32 * MIB, fstype="ext4", block=1024)
    good = disk.read_bytes()
    chance = random.Random(7)
    used = [place for place in range(0, len(good), 256) if good[place : place + 256].strip(b"\0")]
    outcomes = set()
    for _round in range(25):
        with open(disk, "r+b") as file:
            changed = [chance.choice(used) + chance.randrange(256) for _number in range(20)]
            for place in changed:
                file.seek(place)
                file.write(bytes([chance.randrange(256)]))
        tree = tmp_path / "by itself"
        tree.mkdir()
        said = unpack(disk, tree)
        outcomes.add(said.split('"')[1])
        tool("rm", "-rf", tree)
        with open(disk, "r+b") as file:
            for place in changed:
                file.seek(place)
                file.write(good[place : place + 1])
    assert outcomes <= {"damaged", "failed", "unpacked"}
    assert "damaged" in outcomes
    assert canary.read_text() == SECRET
