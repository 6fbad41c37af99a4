# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""loop_image on small trees: what is in the images, the same at every run, bootable, and cleaned up on the host."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.disks import GRUB, MIB, at, has_loop_device, put_grub, snapshot, tool
from helpers.modules import run_module
from helpers.users import ordinary_user, run_as

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import disk_layout, grub, writer
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

pytestmark = pytest.mark.root
EPOCH = 1_600_000_000


def fill(tree: Path) -> Path:
    """Write files of every kind."""
    for name in ("boot", "etc", "dev", "usr/bin"):
        (tree / name).mkdir(parents=True)
    (tree / "boot" / "vmlinuz-6.9.0").write_bytes(b"old kernel")
    (tree / "boot" / "initrd.img-6.9.0").write_bytes(b"old initrd")
    (tree / "boot" / "vmlinuz-6.12.1").write_bytes(b"kernel")
    (tree / "boot" / "initrd.img-6.12.1").write_bytes(b"initrd")
    (tree / "etc" / "one").write_text("one\n")
    os.link(tree / "etc" / "one", tree / "etc" / "two")
    (tree / "etc" / "link").symlink_to("one")
    (tree / "etc" / "far").symlink_to("/nowhere/" + "x" * 80)
    (tree / "etc" / "line\nbreak f 1 x").write_text("odd name")
    (tree / "usr" / "bin" / "tool").write_bytes(b"#!/bin/sh\n" * 1000)
    (tree / "usr" / "bin" / "tool").chmod(0o6755)
    os.setxattr(tree / "etc" / "one", "user.note", b"kept")
    os.chown(tree / "etc" / "two", 1234, 70000)
    os.chmod(tree / "etc" / "two", 0o640)
    os.mknod(tree / "dev" / "null", 0o20666, os.makedev(1, 3))
    os.chmod(tree / "dev" / "null", 0o666)
    os.mkfifo(tree / "dev" / "pipe")
    for number in range(300):
        (tree / "usr" / f"file{number}").write_bytes(bytes([number % 256]) * 9000)
    os.utime(tree / "etc" / "one", (EPOCH - 5, EPOCH - 5))
    return tree


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return fill(tmp_path / "tree")


@pytest.fixture
def grub_tree(tree: Path) -> Path:
    """With the modules of this host's GRUB, as a package would have put them there."""
    put_grub(tree)
    return tree


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path, scratch: Path) -> Iterator[None]:
    yield
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()
    assert not has_loop_device(tmp_path)
    assert not [path.name for path in tmp_path.iterdir() if path.name.endswith(".partial")]
    assert not list(scratch.glob("goldsmith-image-*/*"))


def loop_image(path: Path, *, check: bool = False, **options: Any) -> dict[str, Any]:
    words = {name: str(value) if isinstance(value, Path) else value for name, value in options.items()}
    return run_module("loop_image", {"path": str(path), **words}, check=check)


def digest(path: Path) -> str:
    return hashlib.sha512(path.read_bytes()).hexdigest()


def superblock(path: Path, offset: int = 0) -> dict[str, str]:
    lines = tool("debugfs", "-R", "show_super_stats -h", at(path, offset)).splitlines()
    return {name.strip(): value.strip() for name, _colon, value in (line.partition(":") for line in lines)}


def table(path: Path) -> dict[str, Any]:
    return json.loads(tool("sfdisk", "--json", path))["partitiontable"]


@pytest.mark.parametrize("fstype", ["ext3", "ext4"])
def test_a_bare_file_system(tree: Path, tmp_path: Path, fstype: str) -> None:
    image = tmp_path / "root.img"
    result = loop_image(image, tree=tree, filesystem=fstype, epoch=EPOCH)
    assert result["changed"] is True, result
    assert result["size"] == image.stat().st_size
    assert result["partitions"][0]["start"] == 0
    tool("e2fsck", "-fn", image)
    block = superblock(image)
    assert block["Filesystem volume name"] == "cloudimg-rootfs"
    assert block["Filesystem UUID"] == result["partitions"][0]["uuid"]
    assert ("extent" in block["Filesystem features"]) is (fstype == "ext4")
    assert "resize_inode" in block["Filesystem features"]
    facts = snapshot(image)
    assert facts["/etc/two"][:5] == ("100640", "1234", "70000", "4", "/etc/one")
    assert facts["/usr/bin/tool"][0] == "106755"
    assert facts["/dev/null"][0] == "020666"
    assert facts["/."][1:3] == ("0", "0")
    # The same tree by mke2fs alone.
    plain = tmp_path / "plain.img"
    with open(plain, "wb") as file:
        file.truncate(64 * MIB)
    tool("mke2fs", "-q", "-F", "-t", fstype, "-d", tree, plain)
    ours, theirs = facts, snapshot(plain)
    assert ours.keys() == theirs.keys()
    for name in ours:
        if name not in ("/.", "/lost+found"):  # made by mke2fs at its own time
            assert ours[name] == theirs[name], name


@pytest.mark.parametrize("free", [0, 5])
def test_the_size_is_that_of_the_tree(tree: Path, tmp_path: Path, free: int) -> None:
    for number in range(8000):
        if number % 200 == 0:
            folder = tree / "usr" / f"folder{number}"
            folder.mkdir()
        (folder / f"file with a name {number}").write_bytes(b"x" * (number % 40) * 1000)
    image = tmp_path / "root.img"
    result = loop_image(image, tree=tree, free=free)
    assert result["changed"] is True, result
    block = superblock(image)
    assert int(block["Free blocks"]) <= (0.07 + free / 100) * int(block["Block count"])
    tool("e2fsck", "-fn", image)


def test_a_tree_with_next_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "tree" / "etc").mkdir(parents=True)
    assert loop_image(tmp_path / "root.img", tree=tmp_path / "tree")["changed"] is True


def test_the_same_tree_gives_the_same_bytes(grub_tree: Path, tmp_path: Path) -> None:
    archive = tmp_path / "tree.tar"
    tool("tar", "-C", grub_tree, "--xattrs", "--sort=name", "-cf", archive, ".")
    digests = set()
    for number in range(2):
        tree = tmp_path / f"copy{number}"
        tree.mkdir()
        tool("tar", "-C", tree, "--xattrs", "-xpf", archive)
        (tree / "etc" / "new").write_text("made a moment ago\n")  # another time at every run
        image = tmp_path / str(number) / "disk.img"
        image.parent.mkdir()
        result = loop_image(image, tree=tree, firmware="hybrid", epoch=EPOCH)
        assert result["changed"] is True, result
        digests.add(digest(image))
    assert len(digests) == 1


@pytest.mark.parametrize("size", ["auto", "60M"])
def test_a_second_run_changes_nothing(tree: Path, tmp_path: Path, size: str) -> None:
    image = tmp_path / "disk.img"
    arguments = {"tree": tree, "label": "gpt", "size": size}
    checked = loop_image(image, check=True, **arguments)
    assert checked["changed"] is True, checked
    assert not image.exists()
    assert loop_image(image, **arguments)["changed"] is True
    before, inode = digest(image), image.stat().st_ino
    for check in (True, False):
        again = loop_image(image, check=check, **arguments)
        assert again["changed"] is False
        assert again["diff"]["before"] == again["diff"]["after"]
    (tree / "etc" / "one").write_text("other\n")
    assert loop_image(image, check=True, **arguments)["changed"] is True
    assert (digest(image), image.stat().st_ino) == (before, inode)
    assert loop_image(image, **arguments)["changed"] is True
    assert digest(image) != before


def test_bios_on_mbr(grub_tree: Path, tmp_path: Path) -> None:
    image = tmp_path / "disk.img"
    result = loop_image(image, tree=grub_tree, firmware="bios", kernel_args="console=ttyS0", title="It's ours")
    assert result["label"] == "mbr"
    assert result["kernel"] == "6.12.1"
    part = result["partitions"][0]
    assert [(p["start"], p["type"], p.get("bootable")) for p in table(image)["partitions"]] == [(2048, "83", True)]
    tool("e2fsck", "-fn", at(image, part["start"]))
    config = tool("debugfs", "-R", "cat /boot/grub/grub.cfg", at(image, part["start"]))
    assert f"linux /boot/vmlinuz-6.12.1 root=UUID={part['uuid']} ro console=ttyS0\n" in config
    assert "initrd /boot/initrd.img-6.12.1\n" in config
    assert r"menuentry 'It'\''s ours' {" in config
    (tmp_path / "grub.cfg").write_text(config)
    tool("grub-script-check", tmp_path / "grub.cfg")
    assert "normal.mod" in tool("debugfs", "-R", "ls /boot/grub/i386-pc", at(image, part["start"]))
    with open(image, "rb") as file:
        sector = file.read(512)
    assert sector[510:] == b"\x55\xaa"
    assert sector[:3] == (GRUB / "i386-pc" / "boot.img").read_bytes()[:3]


def test_a_root_may_get_another_id(grub_tree: Path, tmp_path: Path) -> None:
    image = tmp_path / "disk.img"
    result = loop_image(image, tree=grub_tree, firmware="bios", new_ids=True)
    (part,) = result["partitions"]
    root = at(image, part["start"])
    config = tool("debugfs", "-R", "cat /boot/grub/grub.cfg", root)
    (tmp_path / "grub.cfg").write_text(config)
    tool("grub-script-check", tmp_path / "grub.cfg")
    assert "linux /boot/vmlinuz-6.12.1 root=UUID=$rootuuid $new_ids ro\n" in config
    # Of the file system only the superblock knows it.
    before = superblock(image, part["start"])
    tool("tune2fs", "-U", "random", root)
    tool("e2fsck", "-fn", root)
    after = superblock(image, part["start"])
    assert before["Filesystem UUID"] == part["uuid"] != after["Filesystem UUID"]
    assert before["Checksum seed"] == after["Checksum seed"]
    # GRUB reads such a file system.
    assert "vmlinuz-6.12.1" in tool("grub-fstest", image, "ls", "(loop0,msdos1)/boot/")
    failed = loop_image(tmp_path / "xfs.img", tree=grub_tree, firmware="bios", filesystem="xfs", new_ids=True)
    assert failed["msg"].startswith("new_ids=True: only an ext4 named root")


def test_hybrid_on_gpt(grub_tree: Path, tmp_path: Path) -> None:
    image = tmp_path / "disk.img"
    result = loop_image(image, tree=grub_tree, firmware="hybrid")
    assert "No errors detected" in tool("sfdisk", "--verify", image)
    parts = {part["name"]: part for part in result["partitions"]}
    assert [parts[name]["number"] for name in ("bios", "efi", "root")] == [14, 15, 1]
    assert parts["root"]["start"] == max(part["start"] for part in parts.values()), "the root can grow"
    assert [part["name"] for part in table(image)["partitions"]] == ["root", "bios", "efi"]
    tool("e2fsck", "-fn", at(image, parts["root"]["start"]))
    esp = tmp_path / "esp.img"
    with open(image, "rb") as disk, open(esp, "wb") as file:
        disk.seek(parts["efi"]["start"])
        file.write(disk.read(parts["efi"]["size"]))
    tool("fsck.vfat", "-n", esp)
    program = tmp_path / "program"
    tool("mcopy", "-i", esp, "::EFI/BOOT/BOOTX64.EFI", program)
    assert program.read_bytes()[:2] == b"MZ"
    assert parts["root"]["uuid"].encode() in program.read_bytes()
    with open(image, "rb") as disk:
        disk.seek(parts["bios"]["start"])
        assert disk.read(1) == b"\x52", "a core image begins so"


SETUP = """
set -e
mount -o loop "$1/fs.img" "$1/mnt"
printf '(hd0) %s\n(hd1) %s\n' "$2" "$(findmnt -no SOURCE "$1/mnt")" >"$1/device.map"
exec grub-bios-setup --no-rs-codes -d "$1/mnt" -m "$1/device.map" '(hd0)'
"""


@pytest.mark.parametrize("firmware", ["bios", "hybrid"])
def test_grub_is_embedded_as_its_own_program_does(grub_tree: Path, tmp_path: Path, firmware: str) -> None:
    image, other = tmp_path / "disk.img", tmp_path / "other.img"
    result = loop_image(image, tree=grub_tree, firmware=firmware)
    uuid = next(part["uuid"] for part in result["partitions"] if part["name"] == "root")
    # What the program needs: the two images in a file system of a device that it can name.
    work = tmp_path / "work"
    for name in ("grub", "mnt"):
        (work / name).mkdir(parents=True)
    grub.make_core(Runner(), str(grub_tree), grub.BIOS, grub.Target(uuid), str(work / "grub" / "core.img"))
    shutil.copy(GRUB / "i386-pc" / "boot.img", work / "grub")
    with open(work / "fs.img", "wb") as file:
        file.truncate(8 * MIB)
    tool("mke2fs", "-q", "-F", "-t", "ext4", "-d", work / "grub", work / "fs.img")
    # It embeds anew over a disk whose boot code is gone.
    shutil.copy(image, other)
    starts = {part["name"]: part["start"] for part in result["partitions"]}
    with open(other, "r+b") as file:
        file.write(bytes(440))
        file.seek(starts.get("bios", 512))
        file.write(bytes(MIB if "bios" in starts else MIB - 512))
    assert digest(other) != digest(image)
    path = f"{os.environ['PATH']}:/usr/sbin:{GRUB / 'i386-pc'}"
    argv = ["unshare", "--mount", "sh", "-c", SETUP, "setup", str(work), str(other)]
    said = subprocess.run(argv, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    assert digest(other) == digest(image)


def test_explicit_partitions(tree: Path, tmp_path: Path) -> None:
    image = tmp_path / "disk.img"
    partitions = [
        {"name": "efi", "type": "esp", "filesystem": "vfat", "size": "40M", "label": "ESP"},
        {"name": "root"},
        {"name": "state", "size": "20M", "filesystem": "ext3", "label": "state", "number": 7},
    ]
    result = loop_image(image, tree=tree, label="gpt", size="128M", partitions=partitions)
    placed = {part["name"]: part for part in result["partitions"]}
    assert (placed["efi"]["start"], placed["efi"]["size"]) == (MIB, 40 * MIB)
    assert (placed["root"]["start"], placed["root"]["size"]) == (41 * MIB, 66 * MIB)
    assert (placed["state"]["start"], placed["state"]["size"], placed["state"]["number"]) == (107 * MIB, 20 * MIB, 7)
    assert image.stat().st_size == 128 * MIB
    for name in ("root", "state"):
        tool("e2fsck", "-fn", at(image, placed[name]["start"]))
    assert superblock(image, placed["state"]["start"])["Filesystem volume name"] == "state"


def test_an_image_without_a_tree_is_the_users(tmp_path: Path) -> None:
    image = tmp_path / "data.img"
    arguments = {"label": "gpt", "size": "20M", "partitions": [{"name": "data", "label": "data"}]}
    assert loop_image(image, **arguments, check=True)["changed"] is True
    assert not image.exists()
    assert loop_image(image, **arguments)["changed"] is True
    tool("debugfs", "-w", "-R", "mkdir kept", at(image, MIB))
    before = digest(image)
    assert loop_image(image, **arguments)["changed"] is False
    for other in (
        {**arguments, "size": "30M"},
        {**arguments, "label": "mbr"},
        {**arguments, "partitions": [{"name": "data", "filesystem": "ext3"}]},
        {**arguments, "partitions": [{"name": "data", "number": 2}]},
    ):
        result = loop_image(image, **other)
        assert result["failed"] is True
        assert "exists, and its" in result["msg"]
        assert "remove it with state=absent first" in result["msg"]
    assert digest(image) == before


def test_what_goes_wrong_leaves_nothing(grub_tree: Path, tmp_path: Path) -> None:
    image = tmp_path / "disk.img"
    result = loop_image(image, tree=grub_tree, label="mbr", size="12M")
    assert result["failed"] is True
    assert "does not fit" in result["msg"]
    small = loop_image(image, label="gpt", partitions=[{"name": "data", "size": "8M"}])
    assert "8388608 bytes are too small for ext4; give it 10485760 or more" in small["msg"]
    (grub_tree / "boot" / "initrd.img-6.12.1").unlink()
    (grub_tree / "boot" / "initrd.img-6.9.0").unlink()
    assert "has no kernel with an initramfs" in loop_image(image, tree=grub_tree, firmware="bios")["msg"]
    assert loop_image(tmp_path / "none" / "disk.img", tree=grub_tree)["failed"] is True
    odd = loop_image(tmp_path / "a?b.img", tree=grub_tree)
    assert "question mark" in odd["msg"]
    assert not image.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tree"]


def test_a_full_disk(tree: Path, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "kept").write_text("kept")
    tool("mount", "-t", "tmpfs", "-o", "size=2m", "small", folder)
    try:
        result = loop_image(folder / "disk.img", tree=tree)
        assert result["failed"] is True
        assert "\n" not in result["msg"]
        assert re.search("No space left|full", result["msg"])
        assert not list(folder.iterdir())
    finally:
        tool("umount", folder)


@pytest.mark.parametrize("link", ["usr/lib/grub", "usr/lib/grub/i386-pc", "usr/lib/grub/i386-pc/boot.img", "usr/lib"])
def test_links_of_a_tree_bring_in_nothing_of_the_host(grub_tree: Path, tmp_path: Path, link: str) -> None:
    outside = tmp_path / "outside"
    path = grub_tree / link
    shutil.move(path, outside)
    path.symlink_to(outside)
    result = loop_image(tmp_path / "disk.img", tree=grub_tree, firmware="bios")
    assert result["failed"] is True
    assert "is not a plain file or folder" in result["msg"]
    assert not (tmp_path / "disk.img").exists()


@pytest.fixture
def disk(tree: Path, tmp_path: Path) -> Path:
    path = tmp_path / "a disk.img"
    partitions = [{"name": "state", "size": "10M"}, {"name": "root"}]
    result = loop_image(path, tree=tree, label="gpt", partitions=partitions)
    assert result["changed"] is True, result
    return path


def devices(path: Path) -> list[str]:
    return tool("losetup", "--noheadings", "--output", "NAME", "--associated", path).split()


def test_attached_and_detached(disk: Path) -> None:
    before = digest(disk)
    assert loop_image(disk, state="attached", check=True)["changed"] is True
    assert devices(disk) == []
    result = loop_image(disk, state="attached", read_only=True)
    assert result["changed"] is True, result
    assert sorted(result["devices"]) == ["1", "2"]
    assert sorted(result["devices"].values()) == sorted(devices(disk))
    label = tool("blkid", "-p", "-o", "value", "-s", "LABEL", result["devices"]["2"])
    assert label.strip() == "cloudimg-rootfs"
    # Half made: one of the two is gone. Found again under another name of the same file.
    tool("losetup", "--detach", result["devices"]["1"])
    link = disk.with_name("link.img")
    link.symlink_to(disk)
    again = loop_image(link, state="attached", read_only=True)
    assert again["changed"] is True
    assert again["devices"]["2"] == result["devices"]["2"]
    assert loop_image(disk, state="attached")["changed"] is False
    assert len(devices(disk)) == 2
    assert loop_image(disk, state="detached", check=True)["changed"] is True
    assert len(devices(disk)) == 2
    assert loop_image(disk, state="detached")["changed"] is True
    assert loop_image(disk, state="detached")["changed"] is False
    assert devices(disk) == []
    assert digest(disk) == before


def test_mounted_and_absent(disk: Path, tmp_path: Path) -> None:
    place = tmp_path / "the mount"
    assert loop_image(disk, state="mounted", mountpoint=place, partition=2, check=True)["changed"] is True
    assert not place.exists()
    wrong = loop_image(disk, state="mounted", mountpoint=place)
    assert "does not select one of 1, 2" in wrong["msg"]
    assert not place.exists()
    assert loop_image(disk, state="mounted", mountpoint=place, partition=2)["changed"] is True
    assert (place / "etc" / "one").read_text() == "one\n"
    assert loop_image(disk, state="mounted", mountpoint=place, partition=2)["changed"] is False
    other = loop_image(disk, state="mounted", mountpoint=place, partition=1)
    assert "another partition is mounted there" in other["msg"]
    foreign = loop_image(disk, state="mounted", mountpoint="/proc", partition=1)
    assert "something else is mounted there" in foreign["msg"]
    # A busy one is said to be, and stays.
    with open(place / "etc" / "one"):
        busy = loop_image(disk, state="absent")
        assert busy["failed"] is True
        assert f"cannot unmount {place}" in busy["msg"]
    assert disk.exists()
    assert loop_image(disk, state="absent", check=True)["changed"] is True
    assert disk.exists()
    assert loop_image(disk, state="absent")["changed"] is True
    assert not disk.exists()
    assert not os.path.ismount(place)
    assert loop_image(disk, state="absent")["changed"] is False


def test_who_holds_a_mount_elsewhere_changes_nothing(disk: Path, tmp_path: Path) -> None:
    place = tmp_path / "mount"
    assert loop_image(disk, state="mounted", mountpoint=place, partition=2)["changed"] is True
    # A build that began meanwhile has a copy of all mounts, until it ends.
    argv = ["unshare", "--mount", "sh", "-c", "echo ready; exec sleep 60"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout and other.stdout.readline() == "ready\n"
        try:
            for state in ("detached", "absent"):
                assert loop_image(disk, state=state)["changed"] is True
                assert loop_image(disk, state=state)["changed"] is False
            assert not os.path.ismount(place)
        finally:
            other.kill()


def test_a_mount_that_fails_leaves_nothing(tmp_path: Path) -> None:
    image = tmp_path / "empty.img"
    image.write_bytes(bytes(4 * MIB))
    result = loop_image(image, state="mounted", mountpoint=tmp_path / "mnt", partition=0)
    assert result["failed"] is True
    assert "cannot mount" in result["msg"]
    assert not (tmp_path / "mnt").exists()
    assert devices(image) == []


def test_devices_of_a_file_that_is_gone(disk: Path) -> None:
    loop_image(disk, state="attached")
    disk.unlink()
    result = loop_image(disk, state="absent")
    assert result["changed"] is True, result
    assert loop_image(disk, state="absent")["changed"] is False


def test_an_image_in_use_is_not_replaced(disk: Path, tree: Path) -> None:
    arguments = {"tree": tree, "label": "gpt", "partitions": [{"name": "state", "size": "10M"}, {"name": "root"}]}
    loop_image(disk, state="attached", read_only=True)
    assert loop_image(disk, **arguments)["changed"] is False
    (tree / "etc" / "one").write_text("other\n")
    before = digest(disk)
    result = loop_image(disk, **arguments)
    assert "is attached to /dev/loop" in result["msg"]
    assert digest(disk) == before
    loop_image(disk, state="detached")
    assert loop_image(disk, **arguments)["changed"] is True


def test_a_qcow2_is_refused(tmp_path: Path) -> None:
    image = tmp_path / "disk.qcow2"
    image.write_bytes(b"QFI\xfb".ljust(4096, b"\0"))
    for state in ("present", "attached", "detached", "absent"):
        result = loop_image(image, state=state, size="10M")
        assert "is a qcow2" in result["msg"]
    assert image.stat().st_size == 4096


def test_an_ordinary_user_gets_the_same_bytes(grub_tree: Path, tmp_path: Path) -> None:
    """Owners of a user's tree are those inside the user's namespaces."""
    for name in ("etc/two", "dev/null"):
        path = grub_tree / name
        path.unlink()
    os.chown(grub_tree / "etc" / "one", 0, 0)
    expected = tmp_path / "disk.img"
    loop_image(expected, tree=grub_tree, firmware="hybrid", epoch=EPOCH)
    with ordinary_user() as (name, folder):
        tool("cp", "-a", grub_tree, folder / "tree")
        tool("chown", "-Rh", f"{name}:", folder / "tree")
        # chown takes these bits away
        (folder / "tree" / "usr" / "bin" / "tool").chmod(0o6755)
        (folder / "out").mkdir()
        shutil.chown(folder / "out", name)

        def work() -> None:
            layout = disk_layout.Layout(
                label=disk_layout.GPT,
                volumes=disk_layout.default_volumes(disk_layout.GPT, "hybrid", "ext4"),
                seed="disk.img",
                firmware="hybrid",
                tree=str(folder / "tree"),
                epoch=EPOCH,
            )
            image = folder / "out" / "disk.img"
            image.touch()
            writer.write(Runner(), writer.make_plan(Runner(), layout), str(image))

        run_as(name, work)
        assert digest(folder / "out" / "disk.img") == digest(expected)
        shutil.rmtree(next(Path("/var/tmp").glob(f"goldsmith-image-{(folder / 'out').stat().st_uid}")))
