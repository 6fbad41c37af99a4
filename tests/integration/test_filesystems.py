# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""File systems other than ext: what our code writes is judged by the tools of each, and read back by them."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from pathlib import Path

import pytest
from helpers import odd_trees, written
from helpers.disks import MIB, put_grub, tool
from helpers.modules import run_module
from helpers.users import ordinary_user, run_as

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import disk_layout, writer
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import volume
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.digests import sha512_of
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

pytestmark = pytest.mark.root
EPOCH = odd_trees.EPOCH


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = odd_trees.fill(tmp_path_factory.mktemp("odd") / "tree")
    (found / "boot" / "zeros").write_bytes(b"x" + bytes(MIB) + b"y")
    return found


def loop_image(path: Path, tree: Path | None, **options: object) -> dict[str, object]:
    words = {"path": str(path), "tree": str(tree) if tree else None, "epoch": EPOCH, **options}
    return run_module("loop_image", {name: value for name, value in words.items() if value is not None})


def judge(kind: str, path: Path) -> None:
    """Let the tools of the file system look for faults."""
    if kind == "xfs":
        tool("xfs_repair", "-n", "-f", path)
    else:
        tool("btrfs", "check", "--check-data-csum", path)


@pytest.mark.parametrize("kind", written.KINDS)
def test_a_tree_is_in_it_whole(tree: Path, tmp_path: Path, kind: str) -> None:
    image = tmp_path / "root"
    made = loop_image(image, tree, filesystem=kind)
    assert made["changed"] is True, made
    part = made["partitions"][0]
    assert (part["label"], part["filesystem"]) == ("rootfs" if kind == "xfs" else "cloudimg-rootfs", kind)
    assert tool("blkid", "-o", "value", "-s", "UUID", image).strip() == part["uuid"]
    judge(kind, image)
    assert written.seen(volume.reader(kind, str(image), 0)) == written.there(tree)
    # A reader of somebody else's: that of GRUB, which cannot read holes of btrfs. In /boot there are none.
    for name in ("usr/one", "usr/lib/deep/er/three", "boot/vmlinuz-6.12.3", "boot/zeros", "var/sparse"):
        if (kind, name) != ("btrfs", "var/sparse"):
            tool("grub-fstest", image, "cmp", f"(loop0)/{name}", tree / name)


def test_the_inodes_of_xfs_are_right(tree: Path, tmp_path: Path) -> None:
    image = tmp_path / "root"
    loop_image(image, tree, filesystem="xfs")
    reader = volume.reader("xfs", str(image), 0)
    numbers: dict[str, int] = {}
    pending = [("", reader.root)]
    while pending:
        path, number = pending.pop()
        numbers[path or "/"] = number
        inode = reader.inode(number)
        if stat.S_ISDIR(inode.mode):
            pending += [(f"{path}/{os.fsdecode(name)}", child) for name, child in reader.folder(inode)]
    asked = [word for number in numbers.values() for word in ("-c", f"inode {number}", "-c", "print")]
    answers = tool("xfs_db", "-r", *asked, image).split("core.magic = 0x494e\n")[1:]
    for path, answer in zip(numbers, answers, strict=True):
        facts = dict(line.split(" = ", 1) for line in answer.splitlines() if " = " in line)
        status = os.lstat(os.path.join(tree, path.lstrip("/")))
        assert int(facts["core.mode"], 8) == status.st_mode, path
        assert (int(facts["core.uid"]), int(facts["core.gid"])) == (status.st_uid, status.st_gid), path
        links = status.st_nlink
        if stat.S_ISDIR(status.st_mode):
            # A btrfs of the host counts none of the folders below.
            links = 2 + sum(entry.is_dir(follow_symlinks=False) for entry in os.scandir(tree / path.lstrip("/")))
        assert int(facts["core.nlinkv2"]) == links, path
        assert "(correct)" in facts["v3.crc"], path
    asked = dict(zip(numbers, answers, strict=True))
    assert 'namelen,valuelen,root,secure,name,value] = [10,20,0,1,"capability"' in asked["/usr/program"] or (
        "aformat = 2 (extents)" in asked["/usr/program"]
    )
    assert '"SGI_ACL_FILE"' in asked["/etc/empty"] and '"SGI_ACL_DEFAULT"' in asked["/home"]
    assert f"u3.dev = {259 << 18 | 70000:#x}" in asked["/var/block"]


def test_all_that_btrfs_restore_knows_is_right(tree: Path, tmp_path: Path) -> None:
    image, out = tmp_path / "root", tmp_path / "out"
    loop_image(image, tree, filesystem="btrfs")
    out.mkdir()
    tool("btrfs", "restore", "-m", "-S", "-x", image, out)
    ours, theirs = odd_trees.facts(out), odd_trees.facts(tree)
    # Access control lists it cannot set, and it leaves out what is no file, folder or link; names are joined no more.
    kinds = {name: int(facts[0], 8) for name, facts in theirs.items()}
    plain = [name for name, mode in kinds.items() if stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)]
    assert ours.keys() == set(plain)
    for name in plain:
        # What is empty it makes, and no more.
        if stat.S_ISDIR(kinds[name]) and not any(other.startswith(f"{name[:-1]}/") for other in theirs):
            continue
        wanted, found = theirs[name], ours[name]
        for key in [key for key in found[8] if key.startswith("system.")]:
            del found[8][key]
        attributes = {key: value for key, value in wanted[8].items() if not key.startswith("system.")}
        # Mode, owners, size, time, content
        assert [*found[:4], found[5], found[7], found[8]] == [*wanted[:4], wanted[5], wanted[7], attributes], name


@pytest.mark.parametrize("kind", written.KINDS)
def test_a_disk_boots_from_it_and_is_the_same_again(tree: Path, tmp_path: Path, kind: str) -> None:
    whole = tmp_path / "tree"
    tool("cp", "-a", tree, whole)
    put_grub(whole)
    one, other = tmp_path / "one.raw", tmp_path / "other.raw"
    for path in (one, other):
        made = loop_image(path, whole, filesystem=kind, firmware="hybrid", seed="it")
        assert made["changed"] is True, made
    assert sha512_of(str(one)) == sha512_of(str(other))
    part = next(part for part in made["partitions"] if part["name"] == "root")
    tool(
        "dd",
        f"if={one}",
        f"of={tmp_path}/root",
        "bs=1M",
        f"skip={part['start'] // MIB}",
        f"count={part['size'] // MIB}",
    )
    judge(kind, tmp_path / "root")
    # The files of the boot loader are there, and its core image has what reads them.
    tool("grub-fstest", tmp_path / "root", "cat", "(loop0)/boot/grub/grub.cfg")
    modules = whole / "usr/lib/grub/i386-pc"
    tool("grub-fstest", tmp_path / "root", "cmp", f"(loop0)/boot/grub/i386-pc/{kind}.mod", modules / f"{kind}.mod")
    assert loop_image(one, whole, filesystem=kind, firmware="hybrid", seed="it")["changed"] is False


@pytest.mark.parametrize("kind", written.KINDS)
def test_an_ordinary_user_gets_the_same_bytes(tree: Path, tmp_path: Path, kind: str) -> None:
    plain = tmp_path / "tree"
    written.some_tree(plain)
    (plain / "large").unlink()
    os.utime(plain, (EPOCH, EPOCH))
    for folder, folders, names in os.walk(plain):
        for name in (*folders, *names):
            os.utime(os.path.join(folder, name), (EPOCH, EPOCH), follow_symlinks=False)
    loop_image(tmp_path / "disk", plain, filesystem=kind, label="gpt")
    with ordinary_user() as (name, folder):
        tool("cp", "-a", plain, folder / "tree")
        tool("chown", "-hR", f"{name}:", folder / "tree")
        # chown takes these bits away
        (folder / "tree" / "some").chmod(0o2750)
        (folder / "tree" / "some" / "again").chmod(0o4755)
        (folder / "out").mkdir()
        shutil.chown(folder / "out", name)

        def work() -> None:
            sys.executable = "/usr/bin/python3"  # that of the tests may lie in a home folder
            volumes = disk_layout.default_volumes(disk_layout.GPT, "none", kind)
            layout = disk_layout.Layout("gpt", volumes, "disk", tree=str(folder / "tree"), epoch=EPOCH)
            image = folder / "out" / "disk"
            image.touch()
            writer.write(Runner(), writer.make_plan(Runner(), layout), str(image))

        run_as(name, work)
        assert sha512_of(str(folder / "out" / "disk")) == sha512_of(str(tmp_path / "disk"))
        for left in Path("/var/tmp").glob(f"goldsmith-image-{(folder / 'out').stat().st_uid}"):
            shutil.rmtree(left)


@pytest.mark.parametrize("kind", written.KINDS)
def test_volumes_of_a_group_may_be_of_it(tree: Path, tmp_path: Path, kind: str) -> None:
    volumes = [
        {"name": "root", "filesystem": kind},
        {"name": "srv", "filesystem": kind, "size": "320M", "label": "srv"},
    ]
    group = [{"name": "system", "volumes": volumes}]
    made = loop_image(tmp_path / "disk", tree, label="gpt", volume_groups=group)
    assert made["changed"] is True, made
    for placed in made["partitions"][0]["volumes"]:
        assert volume.read_file(str(tmp_path / "disk"), placed["start"]).size == placed["size"]
        found = written.seen(volume.reader(kind, str(tmp_path / "disk"), placed["start"]))
        assert found == written.there(tree) if placed["name"] == "root" else list(found) == ["/"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"filesystem": "xfs", "size": "200M"}, "209715200 bytes are too small for xfs; give it 314572800 or more"),
        ({"filesystem": "btrfs", "size": "100M"}, "104857600 bytes are too small for btrfs; give it 136314880 or more"),
        (
            {"label": "gpt", "partitions": [{"name": "root", "filesystem": "xfs", "size": "100M"}]},
            "partitions.size=104857600: is too small for xfs; give it 314572800 or more",
        ),
        (
            {"label": "gpt", "partitions": [{"name": "root", "filesystem": "xfs", "label": "more than twelve"}]},
            "partitions.label=more than twelve: is too long; xfs has room for 12 bytes",
        ),
    ],
)
def test_what_cannot_be_is_told_at_once(tree: Path, tmp_path: Path, options: dict[str, object], said: str) -> None:
    made = loop_image(tmp_path / "disk", tree, **options)
    assert said in made["msg"]
    assert not (tmp_path / "disk").exists()


def test_what_mkfs_xfs_makes_is_read(tree: Path, tmp_path: Path) -> None:
    content = tmp_path / "content"
    content.write_bytes(os.urandom(100_000))
    names = "\n".join(f"file{number} ---644 1 2 {content}" for number in range(700))
    prototype = tmp_path / "prototype"
    prototype.write_text(f"/boot/none\n0 0\nd--755 3 4\n{names}\nlink l--777 0 0 file1\nsub d--700 5 6\n$\n$\n")
    image = tmp_path / "image"
    with open(image, "wb") as file:
        file.truncate(400 * MIB)
    tool("mkfs.xfs", "-q", "-p", prototype, image)
    found = written.seen(volume.reader("xfs", str(image), 0))
    assert len(found) == 703 and found["/file699"][5] == content.read_bytes()
    assert found["/sub"][:3] == (0o040700, 5, 6) and found["/link"][5] == b"file1"
    assert volume.reader("xfs", str(image), 0).is_clean


def test_what_mkfs_btrfs_makes_is_read(tree: Path, tmp_path: Path) -> None:
    image = tmp_path / "image"
    with open(image, "wb") as file:
        file.truncate(400 * MIB)
    tool("mkfs.btrfs", "-q", "--rootdir", tree, image)
    ours, theirs = written.seen(volume.reader("btrfs", str(image), 0)), written.there(tree)
    # mkfs.btrfs 6.2 takes whole seconds.
    assert {name: (*facts[:4], facts[5]) for name, facts in ours.items()} == {
        name: (*facts[:4], facts[5]) for name, facts in theirs.items()
    }


@pytest.mark.parametrize("kind", written.KINDS)
def test_a_triplet_comes_out_of_it(tree: Path, tmp_path: Path, kind: str) -> None:
    whole = tmp_path / "tree"
    tool("cp", "-a", tree, whole)
    put_grub(whole)
    disk = tmp_path / "disk.raw"
    made = loop_image(disk, whole, filesystem=kind, firmware="bios")
    assert made["changed"] is True, made
    out = {name: str(tmp_path / name) for name in ("root", "kernel", "ramdisk")}
    taken = run_module("disk_extract", {"src": str(disk), **out})
    assert taken["changed"] is True, taken
    assert Path(out["kernel"]).read_bytes() == (tree / "boot/vmlinuz-6.12.3").read_bytes()
    judge(kind, tmp_path / "root")


# The blocks that a single file can have in the first group of the smallest xfs, and in both.
FIRST, BOTH = 56_296, 60_386


@pytest.mark.parametrize("blocks", [FIRST - 1, FIRST, FIRST + 1, BOTH - 1, BOTH])
def test_an_xfs_may_be_full(tmp_path: Path, blocks: int) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "large").write_bytes(b"\1" * (blocks * 4096))
    image = written.write("xfs", tmp_path / "image", tmp_path / "tree")
    judge("xfs", image)
    (extents,) = [
        line.split(" = ")[1]
        for line in tool("xfs_db", "-r", "-c", "inode 131", "-c", "print core.nextents", image).splitlines()
    ]
    assert int(extents) == (1 if blocks <= FIRST else 2)
    with open(tmp_path / "tree" / "large", "ab") as file:
        file.write(b"\1" * ((BOTH - blocks) * 4096 + 1))
    with pytest.raises(GoldsmithError, match="the tree does not fit into an xfs of 314572800 bytes"):
        written.write("xfs", tmp_path / "image", tmp_path / "tree")


@pytest.mark.parametrize("files", [253 * 64 - 4, 253 * 64 - 3, 17_000])
def test_the_inodes_of_xfs_may_need_several_blocks(tmp_path: Path, files: int) -> None:
    for number in range(files - 100):
        (tmp_path / "tree" / str(number % 99)).mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / str(number % 99) / str(number)).touch()
    image = written.write("xfs", tmp_path / "image", tmp_path / "tree")
    judge("xfs", image)


@pytest.fixture(scope="module")
def sizes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Attributes, folders and links of all sizes at which their form changes."""
    top = tmp_path_factory.mktemp("sizes") / "tree"
    for name in ("files", "folders", "links"):
        (top / name).mkdir(parents=True)
    for size in range(1, 400):
        path = top / "files" / f"{size}"
        path.write_bytes(b"x" * (size * 13))
        os.setxattr(path, "user.a", b"v" * size)
    for count in (*range(0, 40, 3), *range(80, 120), *range(490, 510)):
        for size in (0, 200, 255, 256, 300):
            folder = top / "folders" / f"{count}-{size}"
            folder.mkdir()
            for number in range(count):
                (folder / f"{number}{'n' * (number % 9)}").touch()
            if size:
                os.setxattr(folder, "user.a", b"v" * size)
    for length in (1, 56, 57, 100, 200, 280, *range(328, 340), 1000, 1023):
        for size in (0, 1, 50, 200, 255, 256, 330):
            link = top / "links" / f"{length}-{size}"
            os.symlink(("z/" * 600)[:length], link)
            if size:
                os.setxattr(link, "trusted.a", b"v" * size, follow_symlinks=False)
    return top


@pytest.mark.parametrize("kind", written.KINDS)
def test_every_size_has_its_form(sizes: Path, tmp_path: Path, kind: str) -> None:
    image = written.write(kind, tmp_path / "image", sizes, size=400 * MIB)
    judge(kind, image)
    assert written.seen(volume.reader(kind, str(image), 0)) == written.there(sizes)


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_data_of_btrfs_may_end_where_the_copy_of_the_superblock_lies(tmp_path: Path, more: int) -> None:
    (tmp_path / "tree").mkdir()
    # The first block group of data begins at 17 MiB and ends at 64 MiB.
    (tmp_path / "tree" / "large").write_bytes(b"\1" * (47 * MIB + more * 4096))
    (tmp_path / "tree" / "second").write_bytes(b"\2" * 5000)
    image = written.write("btrfs", tmp_path / "image", tmp_path / "tree", size=400 * MIB)
    judge("btrfs", image)
    assert written.seen(volume.reader("btrfs", str(image), 0)) == written.there(tmp_path / "tree")
