# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""disk_extract and the trees of xfs and btrfs: as the kernel wrote them, compressed, in subvolumes, with attributes."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from helpers import odd_trees, written
from helpers.disks import MIB, tool, unmount
from helpers.modules import run_module
from helpers.users import ordinary_user, run_as

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import extract as extract_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import volume
from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = odd_trees.fill(tmp_path_factory.mktemp("odd") / "tree")
    folder = found / "var" / "many"
    folder.mkdir()
    for number in range(300):
        (folder / f"a file with a long name, number {number}").write_bytes(b"%d" % number * number)
    (folder / "text").write_bytes(b"the same words again and again\n" * 40_000)
    return found


def make(kind: str, place: Path, size: int = 600 * MIB) -> Path:
    with open(place, "wb") as file:
        file.truncate(size)
    tool("mkfs.xfs" if kind == "xfs" else "mkfs.btrfs", "-q", place)
    return place


@contextmanager
def mounted(image: Path, folder: Path, options: str = "loop") -> Iterator[Path]:
    folder.mkdir(exist_ok=True)
    tool("mount", "-o", options, image, folder)
    try:
        yield folder
    finally:
        unmount(folder, image)


def extract(disk: Path, tree: Path, **more: Any) -> dict[str, Any]:
    return run_module("disk_extract", {"src": str(disk), "tree": str(tree), **more})


@pytest.mark.parametrize("kind", written.KINDS)
def test_what_we_write_comes_out_again(tree: Path, tmp_path: Path, kind: str) -> None:
    words = {"path": str(tmp_path / "disk"), "tree": str(tree), "filesystem": kind, "epoch": odd_trees.EPOCH}
    assert run_module("loop_image", words)["changed"] is True
    result = extract(tmp_path / "disk", tmp_path / "out")
    assert result.get("changed") is True, result
    assert result["filesystems"][0]["filesystem"] == kind
    assert odd_trees.facts(tmp_path / "out") == odd_trees.facts(tree)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("xfs", "loop"),
        ("btrfs", "loop"),
        ("btrfs", "loop,compress-force=zlib"),
        ("btrfs", "loop,compress-force=zstd:3"),
        ("btrfs", "loop,compress-force=lzo"),
    ],
)
def test_what_the_kernel_writes_comes_out(tree: Path, tmp_path: Path, kind: str, options: str) -> None:
    image = make(kind, tmp_path / "disk")
    with mounted(image, tmp_path / "mounted", options) as folder:
        tool("cp", "-a", f"{tree}/.", folder)
        before = odd_trees.facts(folder)
    for *_others, attributes in before.values():
        # The kernel shows root the form in which xfs keeps them too.
        for name in ("trusted.SGI_ACL_FILE", "trusted.SGI_ACL_DEFAULT"):
            attributes.pop(name, None)
    result = extract(image, tmp_path / "out")
    assert result.get("changed") is True, result
    assert odd_trees.facts(tmp_path / "out") == before
    sparse = (tmp_path / "out" / "var" / "sparse").stat()
    assert (sparse.st_size, sparse.st_blocks * 512 < MIB) == (50 * MIB, True)


@pytest.mark.parametrize(("kind", "longest"), [("xfs", 60_000), ("btrfs", 12_000)])
def test_many_and_long_attributes(tmp_path: Path, kind: str, longest: int) -> None:
    image = make(kind, tmp_path / "disk")
    with mounted(image, tmp_path / "mounted") as folder:
        (folder / "file").write_text("x")
        for number in range(300):
            os.setxattr(folder / "file", f"user.attribute{number}", b"%d" % number * 30)
        os.setxattr(folder / "file", "trusted.ours", b"x" * 200)
        os.setxattr(folder / "file", "user.long", os.urandom(longest))
        expected = {name: os.getxattr(folder / "file", name) for name in os.listxattr(folder / "file")}
    reader = volume.reader(kind, str(image), 0)
    number = dict(reader.folder(reader.inode(reader.root)))[b"file"]
    assert len(expected) >= 302 and reader.attributes(reader.inode(number)) == expected


@pytest.mark.parametrize("kind", written.KINDS)
def test_an_ordinary_user_takes_out_the_same(tree: Path, tmp_path: Path, checkout: Path, kind: str) -> None:
    image = make(kind, tmp_path / "disk")
    with mounted(image, tmp_path / "mounted") as folder:
        (folder / "boot").mkdir()
        for name in ("vmlinuz-1", "initrd.img-1"):
            (folder / "boot" / name).write_text("x")
        (folder / "owned").write_text("text")
        os.chown(folder / "owned", 33, 1234)
    with ordinary_user() as (name, folder):
        shutil.copy(image, folder / "disk")
        (folder / "disk").chmod(0o644)

        def work() -> str:
            sys.executable = "/usr/bin/python3"  # that of the tests may lie in a home folder
            outputs = extract_module.Outputs(None, None, None, str(folder / "out"))
            extract_module.extract(Runner(), str(folder / "disk"), outputs, check_mode=False)
            seen = Runner().run([*namespaces.prefix(), "stat", "-c", "%u:%g %s", str(folder / "out/owned")]).stdout
            Runner().run([*namespaces.prefix(), "rm", "-r", str(folder / "out")])
            return seen

        assert run_as(name, work) == "33:1234 4\n"
        shutil.rmtree(f"/var/tmp/goldsmith-extract-{folder.stat().st_uid}")


def subvolumes(tree: Path, folder: Path, names: dict[str, str]) -> None:
    """Make subvolumes, each filled from a folder of the tree."""
    for name, source in names.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        tool("btrfs", "subvolume", "create", folder / name)
        if source:
            tool("cp", "-a", f"{tree / source}/.", folder / name)


def test_subvolumes_as_fedora_has_them(tree: Path, tmp_path: Path) -> None:
    image = make("btrfs", tmp_path / "part")
    uuid = tool("blkid", "-o", "value", "-s", "UUID", image).strip()
    with mounted(image, tmp_path / "mounted") as folder:
        subvolumes(tree, folder, {"root": ".", "home": "home"})
        shutil.rmtree(folder / "root" / "home")
        (folder / "root" / "home").mkdir()
        lines = [f"UUID={uuid} / btrfs subvol=root,compress=zstd:1 0 0"]
        lines.append(f"UUID={uuid} /home btrfs subvol=home,compress=zstd:1 0 0")
        (folder / "root" / "etc" / "fstab").write_text("".join(f"{line}\n" for line in lines))
        tool("btrfs", "subvolume", "snapshot", folder / "root", folder / ".snapshots")
        expected = odd_trees.facts(folder / "home")
    result = extract(image, tmp_path / "out")
    assert result.get("changed") is True, result
    found = [(part["mountpoint"], part["subvolume"]) for part in result["filesystems"]]
    assert found == [("/", "root"), ("/home", "home")]
    assert odd_trees.facts(tmp_path / "out" / "home") == expected
    assert (tmp_path / "out/etc/fstab").read_text() == "LABEL=cloudimg-rootfs / ext4 defaults 0 0\n"


def test_subvolumes_as_opensuse_has_them(tree: Path, tmp_path: Path) -> None:
    image = make("btrfs", tmp_path / "part")
    uuid = tool("blkid", "-o", "value", "-s", "UUID", image).strip()
    with mounted(image, tmp_path / "mounted") as folder:
        names = {"@": "", "@/.snapshots": "", "@/.snapshots/1/snapshot": ".", "@/srv/deep": "home"}
        subvolumes(tree, folder, names)
        snapshot = folder / "@/.snapshots/1/snapshot"
        for name in ("srv", "srv/deep", ".snapshots"):
            (snapshot / name).mkdir(exist_ok=True)
        lines = [f"UUID={uuid} / btrfs defaults 0 0", f"UUID={uuid} /srv/deep btrfs subvol=/@/srv/deep 0 0"]
        lines.append(f"UUID={uuid} /.snapshots btrfs subvol=/@/.snapshots 0 0")
        (snapshot / "etc" / "fstab").write_text("".join(f"{line}\n" for line in lines))
        tool("btrfs", "subvolume", "set-default", snapshot)
        expected = odd_trees.facts(folder / "@/srv/deep")
    result = extract(image, tmp_path / "out")
    assert result.get("changed") is True, result
    found = [(part["mountpoint"], part["subvolume"]) for part in result["filesystems"]]
    assert found == [("/", None), ("/srv/deep", "@/srv/deep")]
    assert odd_trees.facts(tmp_path / "out/srv/deep") == expected
    assert list((tmp_path / "out/.snapshots").iterdir()) == []
    (left,) = result["left_out"]
    assert (left["mountpoint"], left["reason"]) == ("/.snapshots", "older states of the system")
    assert (tmp_path / "out/etc/fstab").read_text() == "LABEL=cloudimg-rootfs / ext4 defaults 0 0\n"


def test_two_systems_are_one_too_many(tree: Path, tmp_path: Path) -> None:
    image = make("btrfs", tmp_path / "disk")
    with mounted(image, tmp_path / "mounted") as folder:
        subvolumes(tree, folder, {"one": ".", "two": "."})
    said = extract(image, tmp_path / "out")["msg"]
    assert "has 2 subvolumes with a system: one, two; make one of them its default" in said
    assert not (tmp_path / "out").exists()


def test_a_dirty_xfs_is_told(tree: Path, tmp_path: Path) -> None:
    image = make("xfs", tmp_path / "disk")
    with mounted(image, tmp_path / "mounted") as folder:
        (folder / "etc").mkdir()
        tool("sync", "--file-system", folder)
        shutil.copy(image, tmp_path / "copy")
    assert "is not clean: the guest was not shut down cleanly" in extract(tmp_path / "copy", tmp_path / "out")["msg"]
