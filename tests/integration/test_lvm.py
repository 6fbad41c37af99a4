# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volume groups in images: lvm2 accepts what we write, and we read what lvm2 writes."""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.disks import MIB, at, has_loop_device, make_filesystem, put_grub, snapshot, tool
from helpers.lvm import Lvm, lvm_on
from helpers.modules import run_module
from helpers.system_trees import make_tree

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit import audit
from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.rule import LogicalVolume
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import disk_areas

pytestmark = pytest.mark.root
EPOCH = 1_600_000_000
SYSTEM = {"name": "system", "volumes": [{"name": "root"}]}
STATE = {
    "name": "my-vg",
    "volumes": [
        {"name": "root", "filesystem": "ext3"},
        {"name": "var-log", "size": "13M", "label": "logs"},
        {"name": "raw", "size": "4M", "filesystem": "none"},
    ],
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A system with a kernel and the GRUB of this host."""
    tree = make_tree(tmp_path / "tree")
    (tree / "boot").mkdir(exist_ok=True)
    (tree / "boot" / "vmlinuz-6.12.3").write_bytes(b"kernel" * 1000)
    (tree / "boot" / "initrd.img-6.12.3").write_bytes(b"initrd" * 1000)
    (tree / "usr" / "data").write_bytes(os.urandom(6 * MIB))
    put_grub(tree)
    return tree


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path, scratch: Path) -> Iterator[None]:
    yield
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()
    assert not has_loop_device(tmp_path)
    assert not list(scratch.glob("goldsmith-*/*"))


def loop_image(path: Path, *, check: bool = False, **options: Any) -> dict[str, Any]:
    words = {name: str(value) if isinstance(value, Path) else value for name, value in options.items()}
    return run_module("loop_image", {"path": str(path), **words}, check=check)


def digest(path: Path) -> str:
    return hashlib.sha512(path.read_bytes()).hexdigest()


def content(path: Path, start: int, size: int) -> bytes:
    with open(path, "rb") as file:
        file.seek(start)
        return file.read(size)


@pytest.mark.parametrize(
    ("options", "group"),
    [
        ({"firmware": "bios"}, SYSTEM),
        ({"firmware": "hybrid"}, SYSTEM),
        ({"firmware": "uefi"}, STATE),
        ({"firmware": "bios", "size": "200M"}, STATE),
        ({"label": "mbr"}, STATE),
    ],
    ids=["bios", "hybrid", "uefi-volumes", "bios-rest", "mbr"],
)
def test_lvm2_accepts_what_is_written(
    tree: Path, tmp_path: Path, options: dict[str, Any], group: dict[str, Any]
) -> None:
    image = tmp_path / "disk.img"
    result = loop_image(image, tree=tree, volume_groups=[group], epoch=EPOCH, **options)
    assert result["changed"] is True, result
    part = next(part for part in result["partitions"] if part["type"] == "lvm")
    assert part["number"] == 1
    assert part["start"] == max(other["start"] for other in result["partitions"]), "the group can grow"
    with lvm_on(image, [(part["start"], part["size"])]) as lvm:
        lvm.run("pvck", lvm.devices[0])
        lvm.run("vgck", group["name"])
        pv = lvm.report("pvs", "pv_uuid,vg_name,pe_start,pv_pe_count")
        assert (pv[0]["pv_uuid"], pv[0]["vg_name"], pv[0]["pe_start"]) == (part["uuid"], group["name"], str(MIB))
        vg = lvm.report("vgs", "vg_uuid,vg_extent_size,vg_free_count,vg_attr,vg_missing_pv_count")[0]
        assert (vg["vg_extent_size"], vg["vg_free_count"], vg["vg_missing_pv_count"]) == (str(4 * MIB), "0", "0")
        assert vg["vg_attr"].startswith("wz--n")
        rows = lvm.report("lvs", "lv_name,lv_uuid,lv_size,seg_pe_ranges,lv_health_status")
    assert {row["lv_name"]: row["lv_size"] for row in rows} == {
        volume["name"]: str(volume["size"]) for volume in part["volumes"]
    }
    first = part["start"] + MIB
    for row in rows:
        volume = next(volume for volume in part["volumes"] if volume["name"] == row["lv_name"])
        extent, last = (int(number) for number in row["seg_pe_ranges"].rpartition(":")[2].split("-"))
        assert (volume["start"], volume["size"]) == (first + extent * 4 * MIB, (last + 1 - extent) * 4 * MIB)
        if volume["filesystem"]:
            tool("e2fsck", "-fn", at(image, volume["start"]))
            found = tool("blkid", "-p", "-o", "export", "-O", str(volume["start"]), image)
            assert {f"TYPE={volume['filesystem']}", f"UUID={volume['uuid']}"} <= set(found.splitlines())
            facts = tool("dumpe2fs", "-h", at(image, volume["start"]))
            blocks = next(line.split()[-1] for line in facts.splitlines() if line.startswith("Block count:"))
            assert int(blocks) * 4096 == volume["size"], "as large as its volume"
        else:
            assert not any(content(image, volume["start"], volume["size"]))
    device = f"/dev/mapper/{group['name'].replace('-', '--')}-root"
    root = next(volume for volume in part["volumes"] if volume["name"] == "root")
    assert root["device"] == device
    assert root["label"] == "cloudimg-rootfs"
    if options.get("firmware"):
        config = tool("debugfs", "-R", "cat /boot/grub/grub.cfg", at(image, root["start"]))
        ids = "/".join([vg["vg_uuid"], *(row["lv_uuid"] for row in rows if row["lv_name"] == "root")])
        hints = f"--hint=lvmid/{ids} --hint=lvm/{device.rpartition('/')[2]}"
        assert f"search --no-floppy --fs-uuid --set=root {hints} {root['uuid']}\n" in config
        assert f"linux /boot/vmlinuz-6.12.3 root={device} ro" in config


def test_the_root_is_as_small_as_without_lvm(tree: Path, tmp_path: Path) -> None:
    plain = loop_image(tmp_path / "plain.img", tree=tree, firmware="bios")["partitions"][0]
    root = loop_image(tmp_path / "lvm.img", tree=tree, firmware="bios", volume_groups=[SYSTEM])["partitions"][0]
    assert plain["size"] <= root["volumes"][0]["size"] < plain["size"] + 4 * MIB


def test_the_same_tree_gives_the_same_bytes(tree: Path, tmp_path: Path) -> None:
    digests = set()
    for number in range(2):
        copy = tmp_path / f"copy{number}"
        tool("cp", "-a", tree, copy)
        (copy / "etc" / "new").write_text("made a moment ago\n")
        image = tmp_path / str(number) / "disk.img"
        image.parent.mkdir()
        assert loop_image(image, tree=copy, firmware="hybrid", volume_groups=[STATE], epoch=EPOCH)["changed"] is True
        digests.add(digest(image))
    assert len(digests) == 1


def test_check_mode_and_a_second_run(tree: Path, tmp_path: Path) -> None:
    image = tmp_path / "disk.img"
    options = {"tree": tree, "firmware": "bios", "volume_groups": [STATE]}
    checked = loop_image(image, check=True, **options)
    assert checked["changed"] is True, checked
    assert not image.exists()
    made = loop_image(image, **options)
    assert made["partitions"] == checked["partitions"]
    assert made["diff"] == checked["diff"]
    for check in (True, False):
        again = loop_image(image, check=check, **options)
        assert (again["changed"], again["diff"]["before"]) == (False, again["diff"]["after"])


def test_groups_without_a_tree_are_the_users(tmp_path: Path) -> None:
    image = tmp_path / "data.img"
    parts = [
        {"name": "one", "type": "lvm", "size": "40M", "number": 3},
        {"name": "plain", "size": "12M", "number": 2},
        {"name": "two", "type": "lvm", "number": 1},
    ]
    groups = [
        {"name": "one", "volumes": [{"name": "a", "size": "12M"}, {"name": "b"}]},
        {"name": "vg-2", "partition": "two", "volumes": [{"name": "a", "size": "12M", "filesystem": "none"}]},
    ]
    options = {"size": "200M", "partitions": parts, "volume_groups": groups}
    assert loop_image(image, check=True, **options)["changed"] is True
    assert not image.exists()
    result = loop_image(image, **options)
    assert (result["changed"], result["label"]) == (True, "gpt")
    lvms = [part for part in result["partitions"] if part["type"] == "lvm"]
    with lvm_on(image, [(part["start"], part["size"]) for part in lvms]) as lvm:
        lvm.run("vgck")
        rows = lvm.report("lvs", "vg_name,lv_name,lv_size,vg_free_count", "-O", "vg_name,lv_name")
    assert [tuple(row.values()) for row in rows] == [
        ("one", "a", str(12 * MIB), "0"),
        ("one", "b", str(24 * MIB), "0"),
        ("vg-2", "a", str(12 * MIB), "33"),
    ]
    tool("debugfs", "-w", "-R", "mkdir kept", at(image, lvms[0]["volumes"][0]["start"]))
    before = digest(image)
    assert loop_image(image, **options)["changed"] is False
    for other, said in (
        ([groups[0], {**groups[1], "name": "vg-3"}], "its volumes in two are others"),
        ([{**groups[0], "volumes": [{"name": "a", "size": "16M"}, {"name": "b"}]}, groups[1]], "its volumes in one"),
        (
            [{**groups[0], "volumes": [{"name": "a", "size": "12M", "filesystem": "ext3"}, {"name": "b"}]}, groups[1]],
            "",
        ),
    ):
        refused = loop_image(image, **{**options, "volume_groups": other})
        assert refused["failed"] is True
        assert (said or "its volume a holds no ext3") in refused["msg"]
    assert digest(image) == before


def devices(path: Path) -> list[str]:
    return tool("losetup", "--noheadings", "--output", "NAME", "--associated", path).split()


def test_volumes_are_attached_and_mounted(tree: Path, tmp_path: Path) -> None:
    image, place = tmp_path / "disk.img", tmp_path / "mnt"
    made = loop_image(image, tree=tree, label="gpt", volume_groups=[STATE])
    before = digest(image)
    assert loop_image(image, state="attached", check=True)["changed"] is True
    result = loop_image(image, state="attached", read_only=True)
    assert sorted(result["devices"]) == ["my-vg/raw", "my-vg/root", "my-vg/var-log"], result
    label = tool("blkid", "-p", "-o", "value", "-s", "LABEL", result["devices"]["my-vg/var-log"])
    assert label.strip() == "logs"
    size = int(tool("blockdev", "--getsize64", result["devices"]["my-vg/raw"]))
    assert size == made["partitions"][0]["volumes"][2]["size"] == 4 * MIB
    assert loop_image(image, state="attached", volume="raw")["changed"] is False
    assert loop_image(image, state="detached")["changed"] is True
    assert devices(image) == []
    several = loop_image(image, state="mounted", mountpoint=place)
    assert "does not select one of my-vg/root, my-vg/var-log, my-vg/raw; name one of them" in several["msg"]
    options = {"state": "mounted", "mountpoint": place, "volume": "root", "read_only": True}
    assert loop_image(image, **options)["changed"] is True
    assert (place / "boot" / "vmlinuz-6.12.3").is_file()
    assert loop_image(image, **options)["changed"] is False
    other = loop_image(image, **{**options, "volume": "var-log"})
    assert "another partition is mounted there" in other["msg"]
    missing = loop_image(image, **{**options, "volume": "nothing"})
    assert "volume=nothing: names 0 logical volumes, not one of my-vg/root, my-vg/var-log, my-vg/raw" in missing["msg"]
    assert loop_image(image, state="detached")["changed"] is True
    assert digest(image) == before


@pytest.mark.parametrize("format", ["raw", "qcow2", "vpc"])
def test_the_root_is_found_in_its_volume(tree: Path, tmp_path: Path, format: str) -> None:
    image, packed = tmp_path / "disk.img", tmp_path / "packed"
    result = loop_image(image, tree=tree, firmware="hybrid", volume_groups=[STATE], epoch=EPOCH)
    tool("qemu-img", "convert", "-O", format, image, packed)
    with audit.open_root(Runner(), str(packed)) as root:
        assert root.volume == LogicalVolume("my-vg", "root", 0)
        assert (root.filesystem, sorted(root.partitions)) == ("ext3", ["bios_boot", "esp", "lvm"])
        assert root.files.text("/etc/fstab") == "UUID=1 / ext4 defaults 0 1\n"
    if format == "raw":
        out = {name: str(tmp_path / name) for name in ("root", "kernel", "ramdisk")}
        taken = run_module("disk_extract", {"src": str(image), **out})
        root = result["partitions"][-1]["volumes"][0]
        assert (taken["start"], taken["root_size"]) == (root["start"], root["size"]), taken
        assert (taken["partition"], taken["volume"], taken["kernel_version"]) == (1, "my-vg/root", "6.12.3")
        assert (tmp_path / "root").read_bytes() == content(image, root["start"], root["size"])
        assert (tmp_path / "kernel").read_bytes() == b"kernel" * 1000
        assert snapshot(tmp_path / "root") == snapshot(image, root["start"])
        assert run_module("disk_extract", {"src": str(image), **out})["changed"] is False


def two_partitions(path: Path) -> list[tuple[int, int]]:
    with open(path, "wb") as file:
        file.truncate(160 * MIB)
    parts = [(MIB, 69 * MIB), (80 * MIB, 80 * MIB)]
    script = "".join(f"start={start // 512}, size={size // 512}, type=8e\n" for start, size in parts)
    tool("sfdisk", "-q", path, stdin=f"label: dos\n{script}")
    return parts


NEW = ("-an", "-Zn", "-Wn", "-y")


def fill(image: Path, parts: list[tuple[int, int]], lvm: Lvm, name: str, source: Path) -> list[tuple[int, int]]:
    """Write a file into a volume, extent by extent as lvm2 says they lie; return its pieces."""
    first_extents = {row["pv_name"]: int(row["pe_start"]) for row in lvm.report("pvs", "pv_name,pe_start")}
    starts = {device: part[0] + first_extents[device] for device, part in zip(lvm.devices, parts, strict=True)}
    pieces = []
    data = source.read_bytes()
    for row in lvm.report("lvs", "seg_start,seg_pe_ranges,vg_extent_size", "-O", "seg_start", f"grown/{name}"):
        device, _colon, extents = row["seg_pe_ranges"].rpartition(":")
        first, last = (int(number) for number in extents.split("-"))
        extent = int(row["vg_extent_size"])
        start, size = starts[device] + first * extent, (last + 1 - first) * extent
        with open(image, "r+b") as file:
            file.seek(start)
            file.write(data[int(row["seg_start"]) :][:size])
        pieces.append((start, size))
    return pieces


def goes_around(image: Path, start: int) -> bool:
    """Whether the current text of a physical volume begins at the end of its ring and ends behind its header."""
    size, place, length = struct.unpack_from("<QQQ", content(image, start + 4096, 512), 32)
    return place + length > size


@pytest.fixture
def grown(tree: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A disk that lvm2 made and grew, its root in three pieces on two partitions, and the file system in it."""
    image, source = tmp_path / "grown.img", tmp_path / "source"
    shutil.rmtree(tree / "usr/lib/grub")
    make_filesystem(source, tree, size=96 * MIB)
    parts = two_partitions(image)
    with lvm_on(image, parts) as lvm:
        # A small ring and a long text, so that it soon goes around the end.
        lvm.run("pvcreate", "--metadatasize", "64k", "--dataalignment", "64k", lvm.devices[0])
        lvm.run("pvcreate", "--dataalignment", "1m", lvm.devices[1])
        lvm.run("vgcreate", "grown", lvm.devices[0])
        lvm.run("lvcreate", *NEW, "-L", "24M", "-n", "root", "grown")
        lvm.run("lvcreate", *NEW, "-L", "20M", "-n", "other", "grown")
        lvm.run("lvextend", "-l", "+100%FREE", "grown/root", "--nofsck")
        lvm.run("vgextend", "grown", lvm.devices[1])
        lvm.run("lvextend", "-L", "96M", "grown/root", "--nofsck")
        lvm.run("vgchange", *(word for letter in "abcdefgh" for word in ("--addtag", letter * 1000)), "grown")
        for number in range(30):
            lvm.run("vgchange", "--addtag" if number % 2 == 0 else "--deltag", "more", "grown")
            if goes_around(image, parts[0][0]):
                break
        else:
            pytest.fail("no text went around the end of the ring")
        assert len(fill(image, parts, lvm, "root", source)) == 3
        assert lvm.report("vgs", "vg_free_count")[0]["vg_free_count"] == "7"
    return image, source


def test_a_volume_that_lvm2_made_is_put_together(grown: tuple[Path, Path], tmp_path: Path) -> None:
    image, source = grown
    areas = {area.name: area for area in disk_areas.of_raw(Runner(), str(image)).areas}
    assert sorted(areas) == ["grown/other", "grown/root"]
    assert (len(areas["grown/root"].pieces), areas["grown/root"].free_extents) == (3, 7)
    out = {name: str(tmp_path / name) for name in ("root", "kernel", "ramdisk")}
    result = run_module("disk_extract", {"src": str(image), **out})
    assert result["volume"] == "grown/root", result
    assert digest(tmp_path / "root") == digest(source)
    assert (tmp_path / "ramdisk").read_bytes() == b"initrd" * 1000
    assert os.stat(tmp_path / "root").st_blocks < os.stat(source).st_blocks + 8192, "with its holes"
    tool("qemu-img", "convert", "-c", "-O", "qcow2", image, tmp_path / "packed")
    verdicts = [
        run_module("image_audit_info", {"path": str(path), "resize": "lvm"})["broken"]
        for path in (image, tmp_path / "packed", tmp_path / "tree")
    ]
    assert verdicts[0] == verdicts[1]
    assert set(verdicts[2]) <= set(verdicts[0])
    pieces = loop_image(image, state="attached", volume="root")
    assert (
        "volume=grown/root: lies in 3 pieces, and a loop device shows one; take it out with disk_extract"
        in (pieces["msg"])
    )
    again = loop_image(image, state="attached", volume="other")
    assert sorted(again["devices"]) == ["grown/other"], again
    assert loop_image(image, state="detached")["changed"] is True


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("second", "grown/root lies in part on a physical volume that is not on this disk"),
        ("metadata", "the LVM metadata is damaged: its checksum is wrong"),
        ("label", "the LVM label is damaged: its checksum is wrong"),
    ],
)
def test_what_is_missing_or_damaged_is_said_in_one_line(
    grown: tuple[Path, Path], tmp_path: Path, damage: str, said: str
) -> None:
    image, _source = grown
    raw = image.read_bytes()
    with open(image, "r+b") as file:
        for start in (MIB, 80 * MIB) if damage != "second" else (80 * MIB,):
            if damage == "metadata":
                # All copies of the text, of which one is the current.
                area = raw[start + 4608 : start + MIB]
                file.seek(start + 4608)
                file.write(area.replace(b"seqno", b"seqnO"))
            else:
                file.seek(start + 512 + (40 if damage == "label" else 0))
                file.write(bytes(8))
    for result in (
        run_module("disk_extract", {"src": str(image), "root": str(tmp_path / "root")}),
        run_module("image_audit_info", {"path": str(image), "resize": "lvm"}),
    ):
        assert result["failed"] is True
        assert said in result["msg"]
        assert "\n" not in result["msg"]
    assert not (tmp_path / "root").exists()


def test_stripes_are_refused(tmp_path: Path) -> None:
    image = tmp_path / "striped.img"
    with lvm_on(image, two_partitions(image)) as lvm:
        lvm.run("vgcreate", "grown", *lvm.devices)
        lvm.run("lvcreate", *NEW, "-i", "2", "-l", "10", "-n", "root", "grown")
    out = {"src": str(image), "root": str(tmp_path / "root")}
    for result, said in (
        (run_module("disk_extract", out), "grown/root is striped, only linear ones can be read"),
        (run_module("disk_extract", {**out, "volume": "root"}), "volume=root: is striped, only linear ones can be"),
        (run_module("image_audit_info", {"path": str(image)}), "grown/root is striped, only linear ones can be read"),
    ):
        assert result["failed"] is True
        assert said in result["msg"]


def test_of_several_systems_one_is_named(tree: Path, tmp_path: Path) -> None:
    image, source = tmp_path / "disk.img", tmp_path / "source"
    shutil.rmtree(tree / "usr/lib/grub")
    group = {"name": "vg", "volumes": [{"name": name, "size": "32M"} for name in ("root", "data", "other")]}
    made = loop_image(image, tree=tree, label="mbr", volume_groups=[group])
    volumes = {volume["name"]: volume for volume in made["partitions"][0]["volumes"]}
    out = {"root": str(tmp_path / "out")}
    # The others hold no system.
    assert run_module("disk_extract", {"src": str(image), **out, "kernel": str(tmp_path / "k")})["volume"] == "vg/root"
    make_filesystem(source, tree, size=32 * MIB)
    tool(
        "dd",
        "status=none",
        "conv=notrunc",
        "bs=1M",
        f"seek={volumes['other']['start'] // MIB}",
        f"if={source}",
        f"of={image}",
    )
    result = run_module("disk_extract", {"src": str(image), **out})
    assert "selects 2 file systems" in result["msg"]
    assert "name the partition or volume, one of vg/root, vg/other" in result["msg"]
    result = run_module("disk_extract", {"src": str(image), **out, "volume": "other"})
    assert result["start"] == volumes["other"]["start"]
    assert digest(tmp_path / "out") == digest(source)


def test_fs_minimize_names_lvm(tree: Path, tmp_path: Path) -> None:
    image = tmp_path / "disk.img"
    loop_image(image, tree=tree, firmware="bios", volume_groups=[SYSTEM])
    before = digest(image)
    result = run_module("fs_minimize", {"path": str(image)})
    assert result["failed"] is True
    assert "partition 1 of" in result["msg"]
    assert "holds an LVM physical volume; a group is not made smaller; take its root out with" in result["msg"]
    assert digest(image) == before


@pytest.mark.parametrize(
    ("group", "more", "said"),
    [
        ({"volumes": [{"name": "root", "size": "20M"}]}, {}, "does not fit into a file system of 20971520 bytes"),
        ({"volumes": [{"name": "root", "size": "500M"}]}, {"size": "100M"}, "is more than the 100663296 bytes of the"),
        ({"volumes": [{"name": "a", "size": "8M"}, {"name": "root"}]}, {}, "8388608 bytes are too small for ext4"),
        ({"volumes": [{"name": "data", "size": "20M"}]}, {}, "no volume is named root"),
        ({"partition": "pv", "volumes": [{"name": "root"}]}, {"label": "none"}, "label=none: a volume group lies in a"),
    ],
)
def test_what_cannot_be_leaves_nothing(
    tree: Path, tmp_path: Path, group: dict[str, Any], more: dict[str, Any], said: str
) -> None:
    result = loop_image(
        tmp_path / "disk.img", tree=tree, **{"label": "mbr", **more}, volume_groups=[{"name": "g", **group}]
    )
    assert result["failed"] is True
    assert said in result["msg"]
    assert "\n" not in result["msg"]
    assert [path.name for path in tmp_path.iterdir()] == ["tree"]
