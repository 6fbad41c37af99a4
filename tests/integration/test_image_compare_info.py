# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs of real images with one difference each: exactly that difference is named."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.disks import MIB, at, debugfs, make_disk, make_repeatable, poke, tool
from helpers.modules import run_module

TIME = 1_000_000_000


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    (tree / "etc/d").mkdir(parents=True)
    (tree / "etc/hostname").write_text("goldsmith\n")
    (tree / "etc/large").write_bytes(b"line\n" * 40000)
    (tree / "etc/link").symlink_to("hostname")
    (tree / "etc/d/inner").write_text("inner")
    return settle(tree)


def settle(tree: Path) -> Path:
    """Give all files of a tree the same time."""
    for folder, folders, files in os.walk(tree, topdown=False):
        for name in [*files, *folders, "."]:
            os.utime(os.path.join(folder, name), (TIME, TIME), follow_symlinks=False)
    return tree


def compare(path: Path, other: Path, **options: Any) -> dict[str, Any]:
    folder = path.parent / "scratch"
    folder.mkdir(exist_ok=True)
    words = {"path": str(path), "other": str(other), **options}
    result = run_module("image_compare_info", words, environment={"TMPDIR": str(folder)})
    assert result.get("changed") is False, result
    assert len(result["summary"]) >= min(1, len(result["differences"]))
    assert [entry for left in folder.iterdir() for entry in left.iterdir()] == []
    return result


def named(result: dict[str, Any]) -> list[tuple[Any, ...]]:
    """What differs, apart from that the bytes of the whole image do."""
    rows = [tuple(entry[key] for key in ("where", "what", "one", "other")) for entry in result["differences"]]
    return [row for row in rows if row != ("image", "bytes", None, None)]


def write_late(tree: Path) -> None:
    with open(tree / "etc/large", "r+b") as file:
        file.seek(123456)
        file.write(b"XYZ")


def remove_folder(tree: Path) -> None:
    shutil.rmtree(tree / "etc/d")


def link_again(tree: Path) -> None:
    (tree / "etc/link").unlink()
    (tree / "etc/link").symlink_to("large")


def replace_by_folder(tree: Path) -> None:
    (tree / "etc/hostname").unlink()
    (tree / "etc/hostname").mkdir()
    (tree / "etc/hostname/new").touch()


def change_time(tree: Path) -> None:
    os.utime(tree / "etc/hostname", ns=(TIME * 10**9, 5 * 10**9 + 7))


CHANGES = {
    "mode": (
        lambda tree: (tree / "etc/hostname").chmod(0o4600),
        [("/etc/hostname", "mode", "0644", "4600")],
    ),
    "content": (write_late, [("/etc/large", "content", "200000 bytes", "200000 bytes")]),
    "longer": (
        lambda tree: (tree / "etc/hostname").write_text("goldsmith\nx"),
        [("/etc/hostname", "content", "10 bytes", "11 bytes")],
    ),
    "link": (link_again, [("/etc/link", "target", "hostname", "large")]),
    "missing": (remove_folder, [("/etc/d", "missing", "folder with 1 below it", None)]),
    "kind": (replace_by_folder, [("/etc/hostname", "kind", "file", "folder with 1 below it")]),
    "extra": (
        lambda tree: (tree / "etc/extra\n").touch(),
        [("/etc/extra\\n", "missing", None, "file")],
    ),
}


@pytest.mark.parametrize(("change", "block"), list(zip(CHANGES, [1024, 4096] * len(CHANGES))))
def test_a_change_in_the_tree(tree: Path, tmp_path: Path, change: str, block: int) -> None:
    act, expected = CHANGES[change]
    (tree / "etc/hostname").chmod(0o644)
    one = make_repeatable(tmp_path / "one", tree, block=block)
    same = make_repeatable(tmp_path / "same", tree, block=block)
    result = compare(one, same)
    assert (result["identical"], result["differences"]) == (True, [])
    act(tree)
    other = make_repeatable(tmp_path / "other", settle(tree), block=block)
    result = compare(one, other)
    assert (result["identical"], result["same_content"]) == (False, False)
    found = [row for row in named(result) if row[0] != "file system: superblock"]
    # A file that becomes a folder has another mode and other times as well.
    found = found[:1] if change == "kind" else found
    assert found == [(f"file system: {where}", *rest) for where, *rest in expected]
    if change == "content":
        (entry,) = [entry for entry in result["differences"] if entry["what"] == "content"]
        assert (entry["byte"], entry["count"]) == (123456, 3)
    if change == "longer":
        (entry,) = [entry for entry in result["differences"] if entry["what"] == "content"]
        assert (entry["byte"], entry["count"]) == (10, 1)


def test_the_time_of_a_file(tree: Path, tmp_path: Path) -> None:
    one = make_repeatable(tmp_path / "one", tree)
    change_time(tree)
    result = compare(one, make_repeatable(tmp_path / "other", tree))
    times = ("2001-09-09T01:46:40Z", "1970-01-01T00:00:05.000000007Z")
    # mke2fs before 1.47.1 leaves parts of a second out.
    shorter = (times[0], "1970-01-01T00:00:05Z")
    assert named(result) in [[("file system: /etc/hostname", "mtime", *pair)] for pair in (times, shorter)]


INSIDE = {
    "owner": ("sif /etc/hostname uid 70000", [("/etc/hostname", "owner", "{uid}", "70000")]),
    "group": ("sif /etc/hostname gid 1234", [("/etc/hostname", "group", "{gid}", "1234")]),
    "times": (
        "sif /etc/hostname ctime @5",
        [("/etc/hostname", "other times", "ctime 2001-09-09T01:46:40Z", "ctime 1970-01-01T00:00:05Z")],
    ),
    "flags": ("sif /etc/hostname flags 0x80010", [("/etc/hostname", "flags", "0x0", "0x10")]),
    "attribute": (
        "ea_set /etc/hostname user.colour blue",
        [("/etc/hostname", "attribute user.colour", None, "blue")],
    ),
    "label": ("ssv volume_name gold", [("superblock", "label", "", "gold"), ("superblock", "bytes", None, None)]),
    "generation": ("sif /etc/hostname generation 7", [("inode tables", "bytes", None, None)]),
}


@pytest.mark.parametrize("change", INSIDE)
def test_a_change_inside(tree: Path, tmp_path: Path, change: str) -> None:
    command, expected = INSIDE[change]
    one = make_repeatable(tmp_path / "one", tree)
    debugfs(one, "sif /etc/hostname mode 0100644")
    shutil.copyfile(one, tmp_path / "other")
    debugfs(tmp_path / "other", command)
    owner = {"uid": os.getuid(), "gid": os.getgid()}
    rows = [tuple(text and text.format(**owner) for text in row) for row in expected]
    assert named(compare(one, tmp_path / "other")) == [(f"file system: {row[0]}", *row[1:]) for row in rows]


def block_of(path: Path, command: str) -> int:
    return int(tool("debugfs", "-R", command, path).split()[-1])


REGIONS: dict[str, tuple[Callable[[Path], int], str]] = {
    "boot": (lambda path: 100, "boot block"),
    "free": (lambda path: block_of(path, "ffb 1 1500") * 4096 + 5, "free blocks"),
    "journal": (lambda path: block_of(path, "bmap <8> 3") * 4096 + 9, "journal"),
    "end": (
        lambda path: block_of(path, "bmap /etc/hostname 0") * 4096 + 100,
        "unused ends of files, first that of /etc/hostname",
    ),
    "folder": (lambda path: block_of(path, "bmap /etc/d 0") * 4096 + 4000, "folders, first that of /etc/d"),
    "behind": (lambda path: 12 * MIB + 77, "behind the file system"),
}


@pytest.mark.parametrize("region", REGIONS)
def test_bytes_that_belong_to_no_file(tree: Path, tmp_path: Path, region: str) -> None:
    find, name = REGIONS[region]
    one = make_repeatable(tmp_path / "one", tree)
    os.truncate(one, 13 * MIB)
    shutil.copyfile(one, tmp_path / "other")
    place = find(one)
    poke(tmp_path / "other", place, b"\xaa\xbb")
    result = compare(one, tmp_path / "other")
    assert named(result) == [(f"file system: {name}", "bytes", None, None)]
    assert (result["differences"][-1]["byte"], result["differences"][-1]["count"]) == (place, 2)


def test_files_that_lie_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("a", "b"):
        (tmp_path / name).write_text(name * 3)
    os.utime(tmp_path / "a", (TIME, TIME))
    for image, order in (("one", "ab"), ("other", "ba")):
        path = make_repeatable(tmp_path / image, settle(tmp_path / "empty"))
        debugfs(path, *(f"write {tmp_path / name} {name}" for name in order))
    found = named(compare(tmp_path / "one", tmp_path / "other"))
    assert ("file system: /a, and 1 more", "lies at another place", None, None) in found


def test_the_list_is_capped_and_the_rest_counted(tree: Path, tmp_path: Path) -> None:
    one = make_repeatable(tmp_path / "one", tree)
    for number in range(30):
        (tree / f"new{number:02}").touch()
    result = compare(one, make_repeatable(tmp_path / "other", settle(tree)), limit=12)
    listed = [entry for entry in result["differences"] if entry["where"] != "image"]
    missing = sum(entry["what"] == "missing" for entry in listed)
    assert (len(listed), result["left_out"]) == (12, 30 - missing)
    assert result["summary"][-1] == f"file system: {30 - missing} more are not listed: missing {30 - missing}"


def test_a_file_system_that_cannot_be_read_is_compared_by_its_bytes(tree: Path, tmp_path: Path) -> None:
    one = make_repeatable(tmp_path / "one", tree)
    shutil.copyfile(one, tmp_path / "other")
    place = block_of(one, "bmap /etc 0") * 4096
    poke(tmp_path / "other", place + 4, b"\x03")
    found = named(compare(one, tmp_path / "other"))
    assert found == [
        ("file system", "its files cannot be read: in that of other: a folder is damaged", None, None),
        ("file system", "bytes", None, None),
    ]


@pytest.mark.parametrize("label", ["dos", "gpt"])
def test_disks(tree: Path, tmp_path: Path, label: str) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    start = make_disk(one, tree, label=label, size=24 * MIB)
    debugfs(one, "sif /etc/hostname mode 0100644", offset=start)
    shutil.copyfile(one, other)
    poke(other, 20, b"\x01\x02\x03")
    debugfs(other, "sif /etc/hostname mode 0100600", offset=start)
    part = {"dos": "gap before partition 1", "gpt": "partition 14"}[label]
    poke(other, {"dos": 512, "gpt": MIB}[label] + 7, b"\xff")
    expected = [
        ("boot code", "bytes", None, None),
        (part, "bytes", None, None),
        ("partition 1: /etc/hostname", "mode", "0644", "0600"),
    ]
    assert sorted(named(compare(one, other))) == sorted(expected)
    tool("sfdisk", "-q", "--part-type", other, "1", {"dos": "8e", "gpt": "lvm"}[label])
    found = named(compare(one, other))
    assert ("partition table", "type of partition 1", "linux", "lvm") in found
    assert ("partition 1: /etc/hostname", "mode", "0644", "0600") in found
    assert list(dict.fromkeys(row[0] for row in found if "GPT" in row[0])) == (
        ["partition table (GPT)", "copy of the partition table (GPT)"] if label == "gpt" else []
    )


@pytest.mark.parametrize("format", ["qcow2", "vpc"])
def test_formats(tree: Path, tmp_path: Path, format: str) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    start = make_disk(one, tree, label="gpt", size=24 * MIB)
    debugfs(one, "sif /etc/hostname mode 0100644", offset=start)
    options = ["-o", "force_size=on"] if format == "vpc" else []
    tool("qemu-img", "convert", "-O", format, *options, one, tmp_path / "image")
    result = compare(one, tmp_path / "image")
    assert (result["identical"], result["same_content"]) == (False, True)
    assert ("image", "format", "raw", format) in named(result)
    assert result["other"]["virtual_size"] == 24 * MIB
    shutil.copyfile(one, other)
    debugfs(other, "sif /etc/hostname mode 0100600", offset=start)
    tool("qemu-img", "convert", "-O", format, *options, other, tmp_path / "changed")
    result = compare(tmp_path / "image", tmp_path / "changed")
    rows = [row for row in named(result) if row[0] != "image"]
    assert rows == [("partition 1: /etc/hostname", "mode", "0644", "0600")]
    if format == "qcow2":
        tool("qemu-img", "convert", "-c", "-O", format, one, tmp_path / "compressed")
        result = compare(tmp_path / "image", tmp_path / "compressed")
        assert (result["identical"], result["same_content"]) == (False, True)
        assert "the same disk is stored in another way" in result["summary"][-1]


def test_logical_volumes(tree: Path, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    group = {"name": "system", "volumes": [{"name": "root"}, {"name": "state", "size": "12M"}]}
    words = {"path": str(one), "tree": str(tree), "label": "gpt", "volume_groups": [group]}
    made = run_module("loop_image", words)
    (part,) = made["partitions"]
    root, _state = part["volumes"]
    debugfs(one, "sif /etc/hostname mode 0100644", offset=root["start"])
    shutil.copyfile(one, other)
    debugfs(other, "sif /etc/hostname mode 0100600", offset=root["start"])
    poke(other, part["start"] + MIB - 100, b"free metadata")
    expected = [
        ("LVM metadata in partition 1", "bytes", None, None),
        ("volume system/root: /etc/hostname", "mode", "0644", "0600"),
    ]
    assert named(compare(one, other)) == expected
    made = run_module("loop_image", {**words, "path": str(tmp_path / "second"), "seed": "another"})
    found = {row[0:2] for row in named(compare(one, tmp_path / "second"))}
    assert {("LVM", "physical volume in partition 1"), ("volume system/state: superblock", "UUID")} <= found
    assert ("partition table", "identifier") in found


def test_other_files(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"\0" * 510 + b"\x55\xaa\0\0HdrS" + b"k" * 20000)
    other.write_bytes(one.read_bytes() + b"x")
    poke(other, 600, b"aa")
    poke(other, 15000, b"bbb")
    result = compare(one, other)
    places = [(entry["where"], entry["byte"], entry["count"]) for entry in result["differences"] if entry["byte"]]
    assert places == [("image", 600, 6), ("content", 600, 2), ("content", 15000, 3)]
    assert ("image", "size", "20518", "20519") in named(result)


def refused(tmp_path: Path, other: Path) -> str:
    (tmp_path / "good").write_text("text")
    result = run_module("image_compare_info", {"path": str(tmp_path / "good"), "other": str(other)})
    assert result.get("failed"), result
    assert "\n" not in result["msg"]
    return result["msg"]


def test_what_cannot_be_compared(tree: Path, tmp_path: Path) -> None:
    assert refused(tmp_path, tmp_path / "none") == f"other={tmp_path}/none: No such file or directory"
    assert refused(tmp_path, tree).startswith(f"other={tree}: ")
    (tmp_path / "empty").touch()
    assert "the file is empty" in refused(tmp_path, tmp_path / "empty")
    raw = make_repeatable(tmp_path / "raw", tree)
    tool("qemu-img", "create", "-q", "-f", "qcow2", "-b", raw, "-F", "raw", tmp_path / "overlay")
    assert "backing file" in refused(tmp_path, tmp_path / "overlay")
    tool("qemu-img", "convert", "-O", "qed", raw, tmp_path / "qed")
    assert "has the format qed" in refused(tmp_path, tmp_path / "qed")
    tool("qemu-img", "convert", "-O", "qcow2", raw, tmp_path / "cut")
    os.truncate(tmp_path / "cut", (tmp_path / "cut").stat().st_size - 70000)
    assert "is damaged" in refused(tmp_path, tmp_path / "cut")
    assert (
        "limit=0: must be 1 or more"
        in run_module("image_compare_info", {"path": str(raw), "other": str(raw), "limit": 0})["msg"]
    )
    assert tool("debugfs", "-R", "ls /", at(raw, 0))
