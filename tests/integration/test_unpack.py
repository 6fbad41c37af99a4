# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""disk_extract and its tree: what comes out is what went in, whoever takes it out."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers import odd_trees
from helpers.disks import MIB, at, make_disk, make_filesystem, tool, unmount
from helpers.modules import run_module, start_module
from helpers.users import ordinary_user, run_as
from helpers.waiting import wait_for

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import extract as extract_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return odd_trees.fill(tmp_path_factory.mktemp("source") / "tree")


def extract(disk: Path, tree: Path, *, check: bool = False, **more: Any) -> dict[str, Any]:
    return run_module("disk_extract", {"src": str(disk), "tree": str(tree), **more}, check=check)


def image_of(tree: Path, path: Path) -> str:
    """Make an image of a tree; return its digest."""
    words = {"path": str(path), "tree": str(tree), "firmware": "none", "seed": "same", "epoch": odd_trees.EPOCH}
    made = run_module("loop_image", words)
    assert made.get("changed") is True, made
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_round_trip(tree: Path, tmp_path: Path) -> None:
    before = odd_trees.facts(tree)
    digest = image_of(tree, tmp_path / "one.img")
    planned = extract(tmp_path / "one.img", tmp_path / "out", check=True)
    assert planned["changed"] is True, planned
    assert not (tmp_path / "out").exists()
    result = extract(tmp_path / "one.img", tmp_path / "out")
    assert result["changed"] is True, result
    assert odd_trees.facts(tmp_path / "out") == before == odd_trees.facts(tree)
    assert result["kernel_version"] == "6.12.3"
    (root,) = result["filesystems"]
    assert (root["mountpoint"], root["hard_links"], root["devices_left_out"]) == ("/", 3, 0)
    assert root["attributes_left_out"] == {}
    sparse = (tmp_path / "out" / "var" / "sparse").stat()
    assert (sparse.st_size, sparse.st_blocks * 512 < MIB) == (50 * MIB, True)
    assert not (tmp_path / "out" / "lost+found").exists()
    assert image_of(tmp_path / "out", tmp_path / "two.img") == digest
    again = extract(tmp_path / "one.img", tmp_path / "out")
    assert again["changed"] is False
    assert again["filesystems"] == result["filesystems"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.img", "out", "out.json", "two.img"]


def test_an_ordinary_user_takes_out_the_same(tree: Path, tmp_path: Path, checkout: Path) -> None:
    image_of(tree, tmp_path / "disk.img")
    with ordinary_user() as (name, folder):
        shutil.copy(tmp_path / "disk.img", folder / "disk.img")
        shutil.copy(checkout / "tests" / "helpers" / "odd_trees.py", folder / "facts.py")
        for path in folder.iterdir():
            path.chmod(0o644)

        def work() -> tuple[dict[str, Any], str]:
            sys.executable = "/usr/bin/python3"  # that of the tests may lie in a home folder
            outputs = extract_module.Outputs(None, None, None, str(folder / "out"))
            result = extract_module.extract(Runner(), str(folder / "disk.img"), outputs, check_mode=False)
            words = [*namespaces.prefix(), sys.executable, str(folder / "facts.py"), str(folder / "out")]
            seen = Runner().run(words).stdout
            Runner().run([*namespaces.prefix(), "rm", "-r", str(folder / "out")])
            return result, seen

        result, seen = run_as(name, work)
        shutil.rmtree(f"/var/tmp/goldsmith-extract-{folder.stat().st_uid}")
    expected = odd_trees.facts(tree)
    for device in ("b'var/null'", "b'var/block'"):
        del expected[device]
    # In its namespace the user has no root of the host to name in a capability, and sees it as it was given.
    assert json.loads(seen) == expected
    assert result["filesystems"][0]["devices_left_out"] == 2


@pytest.mark.parametrize(
    "options",
    [
        ["-t", "ext3", "-b", "1024"],
        ["-t", "ext2", "-I", "128"],
        ["-t", "ext4", "-O", "meta_bg,^resize_inode", "-b", "1024"],
        ["-t", "ext4", "-O", "bigalloc", "-C", "65536"],
        ["-t", "ext4", "-O", "^64bit,^metadata_csum,^flex_bg"],
        ["-t", "ext4", "-O", "ea_inode,metadata_csum_seed,quota"],
    ],
    ids=" ".join,
)
def test_shapes_of_file_systems(tree: Path, tmp_path: Path, options: list[str]) -> None:
    tool("mke2fs", "-q", "-F", *options, "-d", tree, tmp_path / "disk", "128M")
    result = extract(tmp_path / "disk", tmp_path / "out", repair="quota" in options[-1])
    assert result.get("changed") is True, result
    assert odd_trees.facts(tmp_path / "out") == odd_trees.facts(tree)


def test_small_files_in_their_inodes(tmp_path: Path) -> None:
    (tmp_path / "tree" / "boot").mkdir(parents=True)
    for name in ("vmlinuz-1", "initrd.img-1"):
        (tmp_path / "tree" / "boot" / name).write_text("in a block " * 100)
    for length in (0, 1, 59, 60, 61, 100, 150):
        (tmp_path / "tree" / f"of {length}").write_bytes(b"z" * length)
    tool("mke2fs", "-q", "-F", "-t", "ext4", "-O", "inline_data", "-I", "512", "-d", tmp_path / "tree",
         tmp_path / "disk", "32M")  # fmt: skip
    assert extract(tmp_path / "disk", tmp_path / "out").get("changed") is True
    assert odd_trees.facts(tmp_path / "out") == odd_trees.facts(tmp_path / "tree")


def test_a_file_system_that_a_kernel_wrote(tree: Path, tmp_path: Path) -> None:
    disk, mounted = tmp_path / "disk", tmp_path / "mounted"
    mounted.mkdir()
    tool("mke2fs", "-q", "-F", "-t", "ext4", "-b", "1024", disk, "128M")
    tool("mount", "-o", "loop", disk, mounted)
    try:
        tool("cp", "-a", f"{tree}/.", mounted)
        scattered = mounted / "usr" / "scattered"
        with open(scattered, "wb") as file:
            # Every other block: its extents need a tree of their own. What is reserved at the end was never written.
            for number in range(0, 2000, 2):
                file.seek(number * 1024)
                file.write(bytes([number % 251]) * 1024)
            os.posix_fallocate(file.fileno(), 2000 * 1024, MIB)
        os.setxattr(scattered, "trusted.note", b"root's")
        (mounted / "usr" / "inside").write_text("x")
        os.utime(mounted / "usr" / "inside", ns=(1, 4_000_000_000_123_456_789))
        os.utime(mounted / "etc" / "empty", ns=(-1, -5_000_000_001))
        for number in range(0, 600, 3):
            (mounted / "usr" / "many" / f"a file with a name that is rather long {number}").unlink()
        before = odd_trees.facts(mounted, nanoseconds=True)
    finally:
        unmount(mounted, disk)
    result = extract(disk, tmp_path / "out")
    assert result.get("changed") is True, result
    assert odd_trees.facts(tmp_path / "out", nanoseconds=True) == before


def test_a_disk_in_any_format_gives_the_same_tree(tree: Path, tmp_path: Path) -> None:
    make_disk(tmp_path / "disk.raw", tree, label="gpt", size=160 * MIB)
    tool("qemu-img", "convert", "-O", "qcow2", "-c", tmp_path / "disk.raw", tmp_path / "disk.qcow2")
    tool("qemu-img", "convert", "-O", "vpc", "-o", "force_size=on", tmp_path / "disk.raw", tmp_path / "disk.vhd")
    for format in ("raw", "qcow2", "vhd"):
        out = tmp_path / format
        result = extract(tmp_path / f"disk.{format}", out, kernel=f"{out}.vmlinuz", ramdisk=f"{out}.initrd")
        assert result.get("changed") is True, result
        assert odd_trees.facts(out) == odd_trees.facts(tree)
        assert Path(f"{out}.vmlinuz").read_bytes() == b"kernel 6.12.3" * 1000
        assert Path(f"{out}.initrd").read_bytes() == b"initrd 6.12.3" * 1000


def make_parts(path: Path, folder: Path, fstab: str) -> None:
    """Make a disk with the partitions root, boot, var, home and swap, named in fstab in one way each."""
    table = "label: gpt\n"
    for number, uuid in enumerate((None, None, "AAAAAAAA-BBBB-CCCC-DDDD-EEEEEEEEEE03", None, None), 1):
        table += f"{number} : start={number * 32768}, size=32768{f', uuid={uuid}' if uuid else ''}\n"
    path.write_bytes(b"")
    os.truncate(path, 100 * MIB)
    tool("sfdisk", "-q", path, stdin=table)
    root, boot, var, home = (folder / name for name in ("root", "boot", "var", "home"))
    for name in ("boot/hidden", "etc", "var", "home", "proc"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "etc" / "fstab").write_text(fstab)
    (root / "etc" / "fstab").chmod(0o640)
    (root / "swapfile").write_text("memory")
    for name in ("grub", "log"):
        (boot / name).mkdir(parents=True)
    for version in ("5.1", "6.1"):
        (boot / f"vmlinuz-{version}").write_text(f"kernel {version}")
        (boot / f"initrd.img-{version}").write_text(f"initrd {version}")
    (boot / "grub" / "grub.cfg").write_text(
        'set default="${saved_entry}"\n'
        "menuentry 'new' --id new {\n linux /vmlinuz-6.1 root=x\n initrd /initrd.img-6.1\n}\n"
        "menuentry 'old' --id old {\n linux /vmlinuz-5.1 root=x\n initrd /initrd.img-5.1\n}\n"
    )
    (boot / "grub" / "grubenv").write_text("# GRUB Environment Block\nsaved_entry=old\n#####\n")
    var.mkdir()
    (var / "data").write_text("var")
    home.mkdir()
    (home / "file").write_text("home")
    for number, (tree, identity) in enumerate(
        ((root, []), (boot, ["-U", "11111111-2222-3333-4444-000000000002"]), (var, []), (home, ["-L", "the homes"])), 1
    ):
        start = number * 16 * MIB
        tool("mke2fs", "-q", "-F", "-t", "ext4", *identity, "-E", f"offset={start}", "-d", tree, path, "15M")
    tool("debugfs", "-w", "-R", "sif <2> mode 040711", at(path, 3 * 16 * MIB))


FSTAB = """\
# a comment stays
/dev/vda1\t/     ext4\terrors=remount-ro 0 1
UUID=11111111-2222-3333-4444-000000000002 /boot ext4 defaults 0 2
PARTUUID=aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeee03 /var auto defaults 0 2
LABEL=the\\040homes /home ext4 defaults 0 2
/dev/vda5 none swap sw 0 0
/swapfile swap swap sw 0 0
UUID=ABCD-1234 /boot/efi vfat umask=0077 0 1
/dev/vdb1 /srv/data ext4 defaults 0 2
/dev/sr0 /media/cdrom0 udf,iso9660 user,noauto 0 0
server:/export /srv/net nfs defaults 0 0
proc /proc proc defaults 0 0
"""


def test_the_file_systems_that_fstab_joins(tmp_path: Path) -> None:
    make_parts(tmp_path / "disk", tmp_path, FSTAB)
    out = tmp_path / "out"
    result = extract(tmp_path / "disk", out, kernel=str(tmp_path / "vmlinuz"))
    assert result.get("changed") is True, result
    parts = [(part["mountpoint"], part["partition"]) for part in result["filesystems"]]
    assert parts == [("/", 1), ("/boot", 2), ("/home", 4), ("/var", 3)]
    assert (out / "var" / "data").read_text() == "var"
    assert (out / "var").stat().st_mode & 0o777 == 0o711
    assert (out / "home" / "file").read_text() == "home"
    # What a mount hides is no part of the system.
    assert not (out / "boot" / "hidden").exists()
    assert not (out / "boot" / "lost+found").exists()
    # The kernel is the one that GRUB starts, by a path that begins in the file system of /boot.
    assert result["kernel_version"] == "5.1"
    assert (tmp_path / "vmlinuz").read_text() == "kernel 5.1"
    assert (out / "etc" / "fstab").read_text() == (
        "# a comment stays\n"
        "LABEL=cloudimg-rootfs\t/     ext4\terrors=remount-ro 0 1\n"
        "/dev/sr0 /media/cdrom0 udf,iso9660 user,noauto 0 0\n"
        "server:/export /srv/net nfs defaults 0 0\n"
        "proc /proc proc defaults 0 0\n"
    )
    assert (out / "etc" / "fstab").stat().st_mode & 0o777 == 0o640
    reasons = {left["mountpoint"]: left["reason"] for left in result["left_out"]}
    assert reasons["none"] == "swap"
    assert reasons["swap"] == "a swap file: what was in memory"
    assert reasons["/srv/data"] == "not on this disk"
    assert not (out / "swapfile").exists()
    lines = [
        "/etc/fstab loses /dev/vda5 on none: swap",
        "/etc/fstab loses /swapfile on swap: a swap file: what was in memory",
        "/etc/fstab loses UUID=ABCD-1234 on /boot/efi: vfat, made anew where it is needed",
        "/etc/fstab loses /dev/vdb1 on /srv/data: not on this disk",
    ]
    assert [line for line in lines if f"'{line}'" in str(result["warnings"])] == lines
    kept = extract(tmp_path / "disk", tmp_path / "kept", root_source="")
    assert kept.get("changed") is True
    assert (tmp_path / "kept" / "etc" / "fstab").read_text() == FSTAB
    assert (tmp_path / "kept" / "swapfile").read_text() == "memory"
    assert "warnings" not in kept


def test_a_file_system_that_nothing_mounts_is_told(tmp_path: Path) -> None:
    make_parts(tmp_path / "disk", tmp_path, FSTAB.replace("LABEL=the\\040homes", "#"))
    result = extract(tmp_path / "disk", tmp_path / "out")
    told = {"source": "4", "mountpoint": "", "reason": "fstab does not mount it", "dropped": False}
    assert told in result["left_out"]
    assert "4 holds a file system that fstab does not mount; it is left out" in str(result["warnings"])


@pytest.mark.parametrize(
    ("fstab", "said"),
    [
        ("/dev/vdb1 /var ext4 defaults 0 2\n", "/var is mounted from /dev/vdb1, which is not on the disk"),
        ("/dev/vda2 /boot/../../../canary ext4 defaults 0 2\n", "which is no plain path"),
        ("/dev/vda2 /nowhere ext4 defaults 0 2\n", "the mount point /nowhere is no folder of its root"),
        ("/dev/vda2 /etc/out ext4 defaults 0 2\n", "the mount point /etc/out is no folder of its root"),
        ("/dev/vda5 /home ext4 defaults 0 2\n", "/home lies in partition 5 of"),
    ],
)
def test_what_cannot_be_joined(tmp_path: Path, fstab: str, said: str) -> None:
    canary = tmp_path / "canary"
    canary.mkdir()
    (tmp_path / "root" / "etc").mkdir(parents=True)
    (tmp_path / "root" / "etc" / "out").symlink_to(canary)
    make_parts(tmp_path / "disk", tmp_path, fstab)
    before = sorted(path.name for path in tmp_path.iterdir())
    result = extract(tmp_path / "disk", tmp_path / "out")
    assert result.get("failed") is True, result
    assert said in result["msg"]
    assert "\n" not in result["msg"]
    assert not list(canary.iterdir())
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_folder_with_other_content_and_one_for_everybody(tree: Path, tmp_path: Path) -> None:
    make_filesystem(tmp_path / "disk", tree, size=128 * MIB)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine")
    result = extract(tmp_path / "disk", tmp_path / "out")
    assert "is a folder with other content; choose one that is empty" in result["msg"]
    with_setuid = Path("/var/tmp/goldsmith-test-tree")
    result = extract(tmp_path / "disk", with_setuid)
    assert (
        "could start the setuid programs of the disk there; put it below a folder of your own with mode 0700"
        in result["msg"]
    )
    assert not with_setuid.exists()
    assert (tmp_path / "out" / "mine").read_text() == "mine"


def test_what_was_not_shut_down_is_refused_or_repaired_in_a_copy(tree: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    make_filesystem(disk, tree, size=128 * MIB)
    inode = tool("debugfs", "-R", "stat /usr/program", disk).split("Inode: ")[1].split()[0]
    tool("debugfs", "-w", "-R", f"sif <{inode}> links_count 9", disk)
    tool("debugfs", "-w", "-R", "dirty", disk)
    before = disk.read_bytes()
    result = extract(disk, tmp_path / "out")
    assert "is not clean: the guest was not shut down cleanly" in result["msg"]
    tool("debugfs", "-w", "-R", "ssv state 1", disk)
    result = extract(disk, tmp_path / "out")
    assert f"the file system in {disk} has errors (" in result["msg"]
    assert "set repair=true" in result["msg"]
    disk.write_bytes(before)
    names = {"root": str(tmp_path / "root.ext4"), "repair": True}
    result = extract(disk, tmp_path / "out", **names)
    assert result.get("changed") is True, result
    assert (result["repaired"], result["filesystems"][0]["repaired"]) == (True, True)
    assert odd_trees.facts(tmp_path / "out") == odd_trees.facts(tree)
    assert disk.read_bytes() == before
    tool("e2fsck", "-fn", tmp_path / "root.ext4")
    again = extract(disk, tmp_path / "other", **names)
    assert again["diff"]["after"] == f"{tmp_path / 'other'}\n"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_killed_in_the_middle(tree: Path, tmp_path: Path, scratch: Path, number: int) -> None:
    disk, out = tmp_path / "disk.qcow2", tmp_path / "out"
    make_filesystem(tmp_path / "raw", tree, size=128 * MIB)
    tool("qemu-img", "convert", "-O", "qcow2", tmp_path / "raw", disk)
    process = start_module("disk_extract", {"src": str(disk), "tree": str(out)})
    wait_for(lambda: Path(f"{out}.partial/usr").exists() or process.poll() is not None)
    process.send_signal(number)
    process.communicate()
    assert not out.exists()
    wait_for(lambda: not processes_on(tmp_path))
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()
    done = extract(disk, out)
    assert done.get("changed") is True, done
    assert odd_trees.facts(out) == odd_trees.facts(tree)
    assert not Path(f"{out}.partial").exists()
    assert [entry for folder in scratch.glob("goldsmith-*") for entry in folder.iterdir()] == []


def processes_on(folder: Path) -> list[str]:
    found = subprocess.run(["ps", "-eo", "pid,args"], text=True, capture_output=True, check=True).stdout
    return [line for line in found.splitlines() if str(folder) in line and " ps " not in line]


def test_the_copy_at_an_offset(tree: Path, tmp_path: Path) -> None:
    start = make_disk(tmp_path / "disk", tree, label="dos", size=160 * MIB)
    result = extract(tmp_path / "disk", tmp_path / "out", root=str(tmp_path / "root.ext4"))
    assert (result["start"], result["partition"]) == (start, 1)
    assert odd_trees.facts(tmp_path / "out") == odd_trees.facts(tree)
    tool("e2fsck", "-fn", at(tmp_path / "disk", start))
