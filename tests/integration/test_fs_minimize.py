# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real file systems made small: nothing in them changes, and the disk around them stays right."""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import signal
import subprocess
import time
from functools import cache
from pathlib import Path

import pytest
from helpers.disks import GUID, LABEL, MIB, UUID, at, make_disk, make_filesystem, snapshot, tool
from helpers.modules import run_module, start_module
from helpers.waiting import wait_for

METHODS = ["rebuild", "shrink"]
SIZE = 192 * MIB


def fill(tree: Path) -> None:
    """Write files of every kind that this user can make."""
    data = random.Random(1)
    for number in range(12):
        folder = tree / f"folder {number}" / "deep"
        folder.mkdir(parents=True)
        (folder / "data").write_bytes(data.randbytes(MIB))
        os.utime(folder / "data", (1_000_000_000, 1_000_000_000 + number))
    (tree / "one").write_text("one")
    for name in ("two", "folder 1/three"):
        if keeps_links():
            os.link(tree / "one", tree / name)
        else:
            (tree / name).write_text("one")
    (tree / "short").symlink_to("one")
    (tree / "long").symlink_to("/nowhere/" + "x" * 100)
    os.mkfifo(tree / "pipe")
    with open(tree / "sparse", "wb") as file:
        file.truncate(50 * MIB)
        file.seek(20 * MIB)
        file.write(b"in the middle")
    (tree / "setuid").write_text("x")
    (tree / "setuid").chmod(0o4755)
    (tree / "sticky").mkdir(mode=0o1777)
    os.setxattr(tree / "one", "user.note", b"kept")
    os.setxattr(tree / "setuid", "user.long", b"v" * 600)
    if os.geteuid() == 0:
        os.mknod(tree / "null", 0o20666, os.makedev(1, 3))
        os.mknod(tree / "block", 0o60660, os.makedev(7, 300))
        os.chown(tree / "sticky", 1234, 70000)
        os.lchown(tree / "short", 77, 88)
        os.chown(tree / "setuid", 5, 6)
        os.chmod(tree / "setuid", 0o6755)
        # cap_net_raw, effective and permitted
        os.setxattr(tree / "setuid", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))
    tree.chmod(0o750)
    os.utime(tree, (1_100_000_000, 1_100_000_000))


@cache
def keeps_links() -> bool:
    """Whether this host's fuse2fs shows hard links as such: built with libfuse 3, it numbers files anew."""
    said = subprocess.run(["fuse2fs", "-V"], check=False, capture_output=True, text=True)
    return "library version 3" not in said.stdout + said.stderr


def test_hard_links_are_kept_or_the_rebuild_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "one").write_text("one")
    os.link(tmp_path / "tree" / "one", tmp_path / "tree" / "two")
    (tmp_path / "tree" / "data").write_bytes(os.urandom(8 * MIB))
    image = tmp_path / "image"
    make_filesystem(image, tmp_path / "tree", size=64 * MIB)
    files, before = snapshot(image, 0), image.read_bytes()
    done = run_module("fs_minimize", {"path": str(image), "method": "rebuild"})
    if keeps_links():
        assert done.get("changed") is True, done
        assert snapshot(image, 0) == files
    else:
        assert "does this host's fuse2fs split hard links? set method=shrink" in done["msg"]
        assert image.read_bytes() == before


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree of 12 MiB."""
    folder = tmp_path_factory.mktemp("source") / "tree"
    folder.mkdir()
    fill(folder)
    return folder


def make(path: Path, tree: Path, kind: str) -> int:
    """Make an image of a kind (ext4, ext3, dos, gpt), older than today and with space in it; return the offset."""
    offset = 0
    if kind in ("dos", "gpt"):
        offset = make_disk(path, tree, label=kind, size=SIZE)
    else:
        make_filesystem(path, tree, size=SIZE, fstype=kind, block=1024 if kind == "ext3" else 4096)
    edits = ["rm one", "rm two", 'rm "folder 1/three"'] if kind == "ext3" else []
    edits += ["sif <2> mode 040750", "sif <2> mtime @1100000000", "ssv mkfs_time @1200000000", "ssv mnt_count 7"]
    tool("debugfs", "-w", "-f", "/dev/stdin", at(path, offset), stdin="\n".join(edits) + "\n")
    tool("e2fsck", "-fn", at(path, offset))
    return offset


def superblock(path: Path, offset: int) -> dict[str, str]:
    """The lines of the superblock that a smaller file system has in common with the big one."""
    text = tool("debugfs", "-R", "show_super_stats -h", at(path, offset))
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    names = ("Filesystem volume name", "Filesystem UUID", "Filesystem features", "Inode size", "Journal inode",
             "Errors behavior", "Default mount options", "Filesystem created", "Mount count", "Directory Hash Seed",
             "Block size", "Total journal size")  # fmt: skip
    return {name: fields[name].strip() for name in names if name in fields}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ["ext4", "ext3", "dos", "gpt"])
def test_smaller_and_otherwise_the_same(tmp_path: Path, tree: Path, kind: str, method: str) -> None:
    path = tmp_path / "image"
    offset = make(path, tree, kind)
    path.chmod(0o640)
    files, facts, head = snapshot(path, offset), superblock(path, offset), path.read_bytes()[:offset]
    assert len(files) > 30

    planned = run_module("fs_minimize", {"path": str(path), "method": method}, check=True)
    assert planned["changed"] is True, planned
    assert path.stat().st_size == SIZE
    done = run_module("fs_minimize", {"path": str(path), "method": method})
    assert done["changed"] is True, done
    assert done["before"]["size"] == SIZE
    assert done["after"]["size"] == path.stat().st_size
    assert done["saved"] == SIZE - path.stat().st_size > SIZE / 2
    assert path.stat().st_mode & 0o777 == 0o640
    assert [entry.name for entry in tmp_path.iterdir()] == ["image"]

    tool("e2fsck", "-fn", at(path, offset))
    assert snapshot(path, offset) == files
    assert superblock(path, offset) == facts
    assert facts["Filesystem UUID"] == UUID
    assert facts["Filesystem volume name"] == LABEL
    if offset:
        assert_disk_is_right(path, offset, kind, head, done["after"])
    else:
        assert done["after"]["size"] == done["after"]["filesystem_size"]

    inode = path.stat().st_ino
    again = run_module("fs_minimize", {"path": str(path), "method": method})
    assert again["changed"] is False, again
    assert again["before"] == again["after"]
    assert path.stat().st_ino == inode


def assert_disk_is_right(path: Path, offset: int, label: str, head: bytes, after: dict[str, int]) -> None:
    now = path.read_bytes()[:offset]
    assert now[:440] == head[:440]
    assert now[MIB:] == head[MIB:]
    verified = tool("sfdisk", "--verify", path)
    assert "No errors detected" in verified or label == "dos"
    dump = tool("sfdisk", "--dump", path)
    assert f"start=        {offset // 512}, size=" in " ".join(dump.split("\n"))
    assert f"size={after['filesystem_size'] // 512:12}".replace(" ", "") in dump.replace(" ", "")
    if label == "gpt":
        assert GUID in dump
        assert UUID in dump
        assert 'name="root"' in dump
        assert after["size"] % MIB == 0
    else:
        assert "bootable" in dump
        assert "0xcafe1234" in dump
        assert now[512:MIB] == head[512:MIB]
        assert after["size"] == offset + after["filesystem_size"]


def test_a_rebuild_is_smaller_than_a_shrink(tmp_path: Path, tree: Path) -> None:
    sizes = {}
    for method in METHODS:
        make(tmp_path / method, tree, "ext4")
        done = run_module("fs_minimize", {"path": str(tmp_path / method), "method": method, "free": 0})
        assert done.get("changed"), done
        sizes[method] = done["after"]["filesystem_size"]
    assert sizes["rebuild"] < sizes["shrink"]


@pytest.mark.parametrize("method", METHODS)
def test_the_same_input_gives_the_same_bits(tmp_path: Path, tree: Path, method: str) -> None:
    make(tmp_path / "one", tree, "gpt")
    shutil.copy(tmp_path / "one", tmp_path / "two")
    for name in ("one", "two"):
        run_module("fs_minimize", {"path": str(tmp_path / name), "method": method})
        time.sleep(1.1)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize("method", METHODS)
def test_as_much_stays_free_as_is_asked_for_and_it_grows_again(tmp_path: Path, tree: Path, method: str) -> None:
    path = tmp_path / "image"
    make(path, tree, "ext4")
    after = run_module("fs_minimize", {"path": str(path), "method": method, "free": 40})["after"]
    assert 0.39 < after["filesystem_free"] / after["filesystem_size"] < 0.6
    with open(path, "r+b") as file:
        file.truncate(4 << 30)
    tool("resize2fs", path)
    tool("e2fsck", "-fn", path)


def refused(path: Path, said: str, **options: object) -> None:
    """Each method refuses an image with one line, in check mode too, and leaves all as it was."""
    before, names = path.read_bytes(), sorted(path.parent.iterdir())
    for method in METHODS:
        for check in (True, False):
            result = run_module("fs_minimize", {"path": str(path), "method": method, **options}, check=check)
            assert result.get("failed"), result
            assert said in result["msg"]
            assert "\n" not in result["msg"]
    assert path.read_bytes() == before
    assert sorted(path.parent.iterdir()) == names


def test_a_dirty_file_system_is_refused(tmp_path: Path, tree: Path) -> None:
    make(tmp_path / "image", tree, "ext4")
    tool("debugfs", "-w", "-R", "dirty", tmp_path / "image")
    refused(tmp_path / "image", "was not unmounted, or has errors")


def test_a_damaged_file_system_is_refused(tmp_path: Path, tree: Path) -> None:
    make(tmp_path / "image", tree, "ext4")
    tool("debugfs", "-w", "-R", "sif <13> links_count 9", tmp_path / "image")
    refused(tmp_path / "image", "has errors")


def test_a_file_system_that_was_cut_off_is_refused(tmp_path: Path, tree: Path) -> None:
    make(tmp_path / "image", tree, "ext4")
    with open(tmp_path / "image", "r+b") as file:
        file.truncate(SIZE // 2)
    refused(tmp_path / "image", "is bigger than its file")


def test_only_the_last_partition_can_be_cut(tmp_path: Path, tree: Path) -> None:
    make(tmp_path / "image", tree, "gpt")
    refused(tmp_path / "image", "partition=14: is not the last on the disk", partition=14)
    refused(tmp_path / "image", "partition=3: is missing", partition=3)


def test_other_file_systems_are_refused(tmp_path: Path, tree: Path) -> None:
    tool("mke2fs", "-q", "-F", "-t", "ext2", tmp_path / "image", "16M")
    refused(tmp_path / "image", "holds ext2")
    tool("qemu-img", "create", "-q", "-f", "qcow2", tmp_path / "disk", "16M")
    refused(tmp_path / "disk", "is a qcow2 image")


def test_an_image_that_a_machine_uses_is_refused(tmp_path: Path, tree: Path) -> None:
    path = tmp_path / "image"
    make(path, tree, "ext4")
    with open(path, "rb") as file:
        # QEMU shares byte 201 with other readers.
        fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, 201)
        result = run_module("fs_minimize", {"path": str(path)})
    assert result.get("failed"), result
    assert "is in use" in result["msg"]


@pytest.mark.root
def test_an_image_on_a_loop_device_is_refused(tmp_path: Path, tree: Path) -> None:
    path = tmp_path / "image"
    make(path, tree, "ext4")
    device = tool("losetup", "--find", "--show", path).strip()
    try:
        refused(path, f"is attached to {device}")
    finally:
        tool("losetup", "--detach", device)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_killed_in_the_middle_nothing_is_left(tmp_path: Path, tree: Path, method: str, number: int) -> None:
    path, partial = tmp_path / "image", tmp_path / ".image.partial"
    make(path, tree, "gpt")
    before = path.read_bytes()
    wish = {"path": str(path), "method": method}
    process = start_module("fs_minimize", wish, environment={"TMPDIR": str(tmp_path)})
    wait_for(lambda: partial.exists() or process.poll() is not None)
    process.send_signal(number)
    process.communicate()
    assert path.read_bytes() == before
    wait_for(lambda: not processes_on(path))
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()
    done = run_module("fs_minimize", wish, environment={"TMPDIR": str(tmp_path)})
    assert done.get("changed") is True, done
    assert not partial.exists()
    left = [entry for folder in tmp_path.glob("goldsmith-*") for entry in folder.iterdir()]
    assert left == []


def processes_on(path: Path) -> list[str]:
    """The processes that name a file in their arguments, fuse2fs among them."""
    found = subprocess.run(["ps", "-eo", "pid,args"], text=True, capture_output=True, check=True).stdout
    return [line for line in found.splitlines() if str(path.parent) in line and " ps " not in line]
