# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""disk_extract: the parts of a disk are those that went in, and a hostile disk writes nowhere else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from helpers.disks import MIB, at, make_disk, make_filesystem, tool
from helpers.modules import run_module


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    boot = tmp_path / "tree" / "boot"
    boot.mkdir(parents=True)
    for version in ("6.9.12", "6.12.3"):
        (boot / f"vmlinuz-{version}").write_bytes(f"kernel {version}".encode() * 1000)
        (boot / f"initrd.img-{version}").write_bytes(f"initrd {version}".encode() * 1000)
    (boot / "vmlinuz-7.0.0").write_bytes(b"without an initrd")
    return tmp_path / "tree"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def extract(disk: Path, out: Path, *, check: bool = False, **more: Any) -> dict[str, Any]:
    names = {"root": str(out / "root.ext4"), "kernel": str(out / "vmlinuz"), "ramdisk": str(out / "initrd")}
    return run_module("disk_extract", {"src": str(disk), **names, **more}, check=check)


@pytest.mark.parametrize("label", ["gpt", "dos", None])
def test_the_parts_of_a_disk(tree: Path, tmp_path: Path, out: Path, label: str | None) -> None:
    disk, start = tmp_path / "disk.img", 0
    if label:
        start = make_disk(disk, tree, label=label, size=40 * MIB)
    else:
        make_filesystem(disk, tree, size=32 * MIB)
    checked = extract(disk, out, check=True)
    assert checked["changed"] is True, checked
    assert not list(out.iterdir())
    result = extract(disk, out)
    assert result["changed"] is True
    assert (result["kernel_version"], result["start"]) == ("6.12.3", start)
    assert (out / "vmlinuz").read_bytes() == b"kernel 6.12.3" * 1000
    assert (out / "initrd").read_bytes() == b"initrd 6.12.3" * 1000
    root = (out / "root.ext4").read_bytes()
    assert len(root) == result["root_size"]
    assert root == disk.read_bytes()[start : start + len(root)]
    tool("e2fsck", "-fn", out / "root.ext4")
    inodes = {path.name: path.stat().st_ino for path in out.iterdir()}
    again = extract(disk, out)
    assert again["changed"] is False
    (out / "vmlinuz").write_text("other")
    one = extract(disk, out)
    assert one["changed"] is True
    assert one["diff"]["after"] == f"{out / 'vmlinuz'}\n"
    assert (out / "root.ext4").stat().st_ino == inodes["root.ext4"]
    assert sorted(path.name for path in out.iterdir()) == ["initrd", "root.ext4", "vmlinuz"]


@pytest.mark.parametrize("kind", ["monolithicSparse", "streamOptimized"])
def test_a_vmdk_of_one_file(tree: Path, tmp_path: Path, out: Path, kind: str) -> None:
    start, disk = make_disk(tmp_path / "disk.img", tree, label="gpt", size=40 * MIB), tmp_path / "disk.vmdk"
    tool("qemu-img", "convert", "-O", "vmdk", "-o", f"subformat={kind}", tmp_path / "disk.img", disk)
    result = extract(disk, out)
    assert (result["format"], result["virtual_size"], result["start"]) == ("vmdk", 40 * MIB, start)
    size = result["root_size"]
    assert (out / "root.ext4").read_bytes() == (tmp_path / "disk.img").read_bytes()[start : start + size]
    assert (out / "vmlinuz").read_bytes() == b"kernel 6.12.3" * 1000
    assert extract(disk, out)["changed"] is False
    os.truncate(disk, disk.stat().st_size // 2)
    assert extract(disk, out)["failed"] is True


def test_hostile_names_and_links_are_no_kernels(tree: Path, tmp_path: Path, out: Path) -> None:
    for name in ("vmlinuz-9.9 x", 'vmlinuz-9.9" "evil', "vmlinuz-9.9\nq"):
        (tree / "boot" / name).write_text("evil")
        (tree / "boot" / name.replace("vmlinuz-", "initrd.img-")).write_text("evil")
    (tree / "boot" / "vmlinuz-8.0").symlink_to("/etc/passwd")
    (tree / "boot" / "initrd.img-8.0").symlink_to("/etc/passwd")
    disk = tmp_path / "disk.img"
    make_filesystem(disk, tree, size=32 * MIB)
    assert extract(disk, out)["kernel_version"] == "6.12.3"
    assert sorted(path.name for path in out.iterdir()) == ["initrd", "root.ext4", "vmlinuz"]


def test_one_line_tells_why(tree: Path, tmp_path: Path, out: Path) -> None:
    two, none, empty, bare = (tmp_path / name for name in ("two.img", "none.img", "empty.img", "bare.img"))
    start = make_disk(two, tree, label="gpt", size=40 * MIB)
    (tmp_path / "nothing").mkdir()
    make_filesystem(bare, tmp_path / "nothing", size=32 * MIB)
    none.write_bytes(bytes(MIB))
    empty.write_bytes(b"")
    qcow2 = tmp_path / "disk.qcow2"
    tool("qemu-img", "create", "-q", "-f", "qcow2", qcow2, "10M")
    for disk, more, message in (
        (two, {"partition": 14}, "selects 0 file systems"),
        (none, {}, "has neither a partition table nor a known file system"),
        (empty, {}, "has neither"),
        (bare, {}, "has no files in /boot"),
        (qcow2, {}, "has neither a partition table nor a known file system"),
        (tmp_path, {}, "of which only a tree can be made"),
        (two, {"root": str(two)}, "must be different files"),
        (two, {"kernel": str(out / "root.ext4")}, "must be different files"),
    ):
        result = extract(disk, out, **more)
        assert result["failed"] is True, message
        assert message in result["msg"]
        assert "\n" not in result["msg"]
    assert not list(out.iterdir())
    tool("e2fsck", "-fn", at(two, start))
    assert os.path.getsize(two) == 40 * MIB
