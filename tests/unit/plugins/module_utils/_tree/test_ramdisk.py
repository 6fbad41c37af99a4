# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree as an initramfs: what is in it, as whom, how old, and the same bytes whoever makes it."""

from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from helpers.busybox import make_busybox_tree

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import initramfs
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import ramdisk

EPOCH = 1_700_000_000


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "tree")


def make_tree(path: Path) -> Path:
    tree = make_busybox_tree(path)
    (tree / "boot/grub").mkdir(parents=True)
    for name in ("boot/initrd.img-1", "boot/grub/grub.cfg", "etc/old", "etc/with blank\nand line"):
        (tree / name).write_text(name)
    (tree / "etc/fstab").write_text("LABEL=cloudimg-rootfs / ext4\n")
    (tree / "sbin").mkdir()
    (tree / "sbin/init").symlink_to("../bin/busybox")
    os.link(tree / "etc/old", tree / "etc/same")
    os.utime(tree / "etc/old", (1, 1))
    (tree / "etc/secret").write_text("x")
    (tree / "etc/secret").chmod(0o600)
    return tree


def entries(path: Path) -> dict[str, dict[str, Any]]:
    """Return mode, owner, time, links and content of each entry as a kernel reads them: of two the last one."""
    found = {}
    packed = gzip.decompress(path.read_bytes())
    place = 0
    while (place := packed.find(b"070701", place)) >= 0:
        fields = [int(packed[at : at + 8], 16) for at in range(place + 6, place + 110, 8)]
        name = packed[place + 110 : place + 110 + fields[11] - 1].decode()
        begin = (place + 110 + fields[11] + 3) & ~3
        content = packed[begin : begin + fields[6]]
        found[name.removeprefix("./")] = dict(zip(("inode", "mode", "uid", "gid", "links", "time"), fields)) | {
            "content": content
        }
        place = (begin + fields[6] + 3) & ~3
    found.pop("TRAILER!!!")
    return found


def test_the_whole_tree_is_in_it_but_what_boots_a_disk(tree: Path, tmp_path: Path) -> None:
    path = tmp_path / "it.initramfs"
    assert ramdisk.make(Runner(), str(tree), str(path), EPOCH) is True
    found = entries(path)
    assert {"bin/busybox", "etc/old", "sbin/init", "boot", "etc/with blank\nand line"} <= found.keys()
    assert not [name for name in found if name.startswith("boot/")]
    assert (found["init"]["content"], found["etc/fstab"]["content"]) == (b"sbin/init", b"")
    assert (tree / "etc/fstab").read_text() != ""
    assert {(entry["uid"], entry["gid"]) for entry in found.values()} == {(0, 0)}
    assert found["etc/secret"]["mode"] & 0o7777 == 0o600
    # One file by two names, and no file is younger; an old one keeps its time.
    assert found["etc/old"]["inode"] == found["etc/same"]["inode"] and found["etc/old"]["links"] == 2
    assert max(entry["time"] for entry in found.values()) == EPOCH and found["etc/old"]["time"] == 1
    assert initramfs.unpacked_size(str(path)) == len(gzip.decompress(path.read_bytes()))


def test_the_same_tree_is_the_same_file(tree: Path, tmp_path: Path) -> None:
    path, other = tmp_path / "it", tmp_path / "other"
    ramdisk.make(Runner(), str(tree), str(path), EPOCH)
    before = (path.stat().st_ino, path.stat().st_mtime_ns)
    assert ramdisk.make(Runner(), str(tree), str(path), EPOCH) is False
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == before
    # In another order, elsewhere
    copy = tmp_path / "copy"
    shutil.copytree(tree, copy, symlinks=True)
    (copy / "etc/same").unlink()
    os.link(copy / "etc/old", copy / "etc/same")
    ramdisk.make(Runner(), str(copy), str(other), EPOCH)
    assert other.read_bytes() == path.read_bytes()
    (tree / "etc/secret").write_text("y")
    assert ramdisk.make(Runner(), str(tree), str(path), EPOCH, check_mode=True) is True
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == before


def test_selinux_is_off_where_there_is_one(tree: Path, tmp_path: Path) -> None:
    (tree / "etc/selinux").mkdir()
    (tree / "etc/selinux/config").write_text("SELINUX=enforcing\n")
    ramdisk.make(Runner(), str(tree), str(tmp_path / "it"), EPOCH)
    assert b"SELINUX=disabled\n" in gzip.decompress((tmp_path / "it").read_bytes())
    assert (tree / "etc/selinux/config").read_text() == "SELINUX=enforcing\n"


def test_what_cannot_be_started_or_read_is_no_ramdisk(tree: Path, tmp_path: Path) -> None:
    (tree / "sbin/init").unlink()
    with pytest.raises(OptionError, match="has no /sbin/init, which the kernel would start; install systemd-sysv"):
        ramdisk.make(Runner(), str(tree), str(tmp_path / "it"), EPOCH)
    assert not (tmp_path / "it").exists()


def test_a_failure_leaves_no_file(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "cpio").write_text("#!/bin/sh\ncat >/dev/null\necho half\nexit 2\n")
    (programs / "cpio").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    with pytest.raises(GoldsmithError):
        ramdisk.make(Runner(), str(tree), str(tmp_path / "it"), EPOCH)
    assert [path.name for path in tmp_path.iterdir() if "it" in path.name] == []
