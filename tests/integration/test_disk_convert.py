# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conversions of real disks by qemu-img."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from helpers.disks import MIB, tool
from helpers.modules import run_module, start_module
from helpers.waiting import wait_for

FORMATS = [
    {"format": "qcow2"},
    {"format": "qcow2", "compression": "zlib"},
    {"format": "qcow2", "compression": "none"},
    {"format": "qcow2", "cluster_size": "64K"},
    {"format": "vhd"},
    {"format": "vhd", "subformat": "fixed"},
    {"format": "raw"},
]


def name_of(options: dict[str, str]) -> str:
    return "-".join(options.values())


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disk of an odd size with data, zeros that are written, and holes."""
    path = tmp_path_factory.mktemp("disk") / "disk.raw"
    with open(path, "wb") as file:
        file.write(os.urandom(2 * MIB) + b"text " * MIB + bytes(3 * MIB))
        file.truncate(40 * MIB + 3 * 512)
        file.seek(33 * MIB)
        file.write(b"end")
    return path


@pytest.mark.parametrize("options", FORMATS, ids=name_of)
def test_same_content_same_bytes_and_nothing_the_second_time(
    raw: Path, tmp_path: Path, options: dict[str, str]
) -> None:
    dest = tmp_path / "disk"
    first = run_module("disk_convert", {"src": str(raw), "dest": str(dest), **options})
    assert first["changed"] is True, first
    assert first["virtual_size"] == raw.stat().st_size
    assert first["size"] == dest.stat().st_size
    format = {"vhd": "vpc"}.get(options["format"], options["format"])
    image = {"driver": format, "file": {"driver": "file", "filename": str(dest)}}
    if format == "vpc":
        image["force_size_calc"] = "current_size"
    tool("qemu-img", "compare", "-q", f"json:{json.dumps(image)}", f"json:{json.dumps(node_of(raw))}")
    inode = dest.stat().st_ino
    second = run_module("disk_convert", {"src": str(raw), "dest": str(dest), **options})
    assert second["changed"] is False
    assert second["sha512"] == first["sha512"]
    assert dest.stat().st_ino == inode
    # The same content without its holes.
    tool("cp", "--sparse=never", raw, tmp_path / "full.raw")
    again = run_module("disk_convert", {"src": str(tmp_path / "full.raw"), "dest": str(tmp_path / "again"), **options})
    assert again["sha512"] == first["sha512"]


def node_of(raw: Path) -> dict[str, Any]:
    return {"driver": "raw", "file": {"driver": "file", "filename": str(raw)}}


def test_what_was_asked_for_is_what_was_made(raw: Path, tmp_path: Path) -> None:
    for options, compression, cluster in (
        ({}, "zstd", MIB // 4),
        ({"compression": "zlib", "cluster_size": "256K"}, "zlib", MIB // 4),
    ):
        run_module("disk_convert", {"src": str(raw), "dest": str(tmp_path / "disk"), **options})
        info = json.loads(tool("qemu-img", "info", "--output=json", tmp_path / "disk"))
        assert info["cluster-size"] == cluster
        assert info["format-specific"]["data"]["compression-type"] == compression


@pytest.mark.parametrize(
    "change",
    [{"compression": "zlib"}, {"compression": "none"}, {"cluster_size": "64K"}, {"format": "vhd"}],
    ids=name_of,
)
def test_another_wish_changes_the_file(raw: Path, tmp_path: Path, change: dict[str, str]) -> None:
    wish = {"src": str(raw), "dest": str(tmp_path / "disk")}
    run_module("disk_convert", wish)
    before = (tmp_path / "disk").read_bytes()
    planned = run_module("disk_convert", {**wish, **change}, check=True)
    assert planned["changed"] is True
    assert planned["diff"]["before"] != planned["diff"]["after"]
    assert (tmp_path / "disk").read_bytes() == before
    done = run_module("disk_convert", {**wish, **change})
    assert done["changed"] is True
    for name, value in planned["diff"]["after"].items():
        assert done["diff"]["after"][name] == value
    assert run_module("disk_convert", {**wish, **change}, check=True)["changed"] is False


def test_another_source_changes_the_file(raw: Path, tmp_path: Path) -> None:
    src = Path(shutil.copy(raw, tmp_path / "src"))
    wish = {"src": str(src), "dest": str(tmp_path / "disk")}
    run_module("disk_convert", wish)
    with open(src, "r+b") as file:
        file.seek(20 * MIB)
        file.write(b"x")
    assert run_module("disk_convert", wish, check=True)["changed"] is True
    assert run_module("disk_convert", wish)["changed"] is True


def test_a_damaged_destination_is_made_again(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").write_bytes(b"QFI\xfb not really")
    assert run_module("disk_convert", {"src": str(raw), "dest": str(tmp_path / "disk")})["changed"] is True
    tool("qemu-img", "check", "-q", tmp_path / "disk")


def hostile(kind: str, folder: Path) -> Path:
    """An image that would make a careless reader open another file of the host, or cannot be read."""
    secret, image = folder / "secret", folder / "image"
    secret.write_bytes(b"the host's".ljust(MIB, b"."))
    if kind == "backing file":
        tool("qemu-img", "create", "-q", "-f", "qcow2", "-b", secret, "-F", "raw", image)
    elif kind == "external data file":
        tool("qemu-img", "create", "-q", "-f", "qcow2", "-o", f"data_file={secret},data_file_raw=on", image, "1M")
    elif kind == "the files with its data":
        extent = f'RW 2048 FLAT "{secret}" 0'
        header = '# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType="monolithicFlat"\n'
        image.write_text(f'{header}{extent}\nddb.adapterType = "ide"\n')
    elif kind == "encrypted":
        # Not luks, for which qemu-img measures the processor, and fails where others use it.
        options = "encrypt.format=aes,encrypt.key-secret=s"
        tool("qemu-img", "create", "-q", "--object", "secret,id=s,data=x", "-f", "qcow2", "-o", options, image, "1M")
    elif kind == "claims a disk of":
        tool("qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=2M", image, "100T")
    return image


@pytest.mark.parametrize(
    "kind", ["backing file", "external data file", "the files with its data", "encrypted", "claims a disk of"]
)
def test_hostile_images_are_refused(tmp_path: Path, kind: str) -> None:
    image = hostile(kind, tmp_path)
    before = sorted(tmp_path.iterdir())
    for check in (True, False):
        wish = {"src": str(image), "dest": str(tmp_path / "out"), "format": "raw"}
        result = run_module("disk_convert", wish, check=check)
        assert result.get("failed"), result
        assert kind in result["msg"]
        assert "\n" not in result["msg"]
    assert sorted(tmp_path.iterdir()) == before


def test_a_raw_disk_whose_content_looks_like_qcow2_stays_raw(tmp_path: Path) -> None:
    image = hostile("backing file", tmp_path)
    wish = {"src": str(image), "dest": str(tmp_path / "out"), "format": "raw", "src_format": "raw"}
    assert run_module("disk_convert", wish)["changed"] is True
    assert (tmp_path / "out").read_bytes()[: image.stat().st_size] == image.read_bytes()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_killed_in_the_middle_the_old_file_stays_and_the_next_run_succeeds(tmp_path: Path, number: int) -> None:
    src, dest = tmp_path / "src", tmp_path / "disk"
    with open(src, "wb") as file:
        for _part in range(48):
            file.write(os.urandom(MIB // 2) + bytes(range(256)) * 2048)
    dest.write_bytes(b"old")
    wish = {"src": str(src), "dest": str(dest), "compression": "zlib"}
    process = start_module("disk_convert", wish)
    partial = tmp_path / ".disk.partial"
    wait_for(lambda: partial.exists() and partial.stat().st_size > MIB)
    process.send_signal(number)
    process.communicate()
    assert dest.read_bytes() == b"old"
    if number == signal.SIGTERM:
        assert not partial.exists()
    assert run_module("disk_convert", wish)["changed"] is True
    tool("qemu-img", "check", "-q", dest)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["disk", "src"]
