# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One system audited as a tree, as a file system, and in disks of every format: the same verdicts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers import written
from helpers.disks import MIB, make_disk, make_filesystem, tool
from helpers.modules import run_module
from helpers.system_trees import make_tree

LEFT = {"home/debian/.bash_history": "ls\n", "etc/machine-id": "0123\n", "var/log/dpkg.log": "x\n"}
BROKEN = ["histories", "logs", "machine_id"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A system with three faults, and links that would lead a careless reader to the host's files."""
    folder = tmp_path_factory.mktemp("source")
    (folder / "host").write_text("deb http://me:hunter2@mirror x main\n")
    tree = make_tree(folder / "tree")
    links = {"etc/environment": str(folder / "host"), "etc/apt/sources.list.d": str(folder), "root/up": "../" * 20}
    return make_tree(tree, {**LEFT, "var/log/" + "n" * 200: ""}, {**links, "etc/" + "l" * 90: "/" + "t" * 90})


def image(kind: str, tree: Path, folder: Path) -> Path:
    raw = folder / "raw"
    if kind == "tree":
        return tree
    if "disk" in kind:
        make_disk(raw, tree, label=kind.split()[1], size=64 * MIB)
    elif kind.split()[1] in written.KINDS:
        written.write(kind.split()[1], raw, tree)
    else:
        make_filesystem(raw, tree, size=48 * MIB)
    format = kind.split()[0]
    if format == "raw":
        return raw
    tool("qemu-img", "convert", "-O", format, *(["-c"] if format == "qcow2" else []), raw, folder / "image")
    raw.unlink()
    return folder / "image"


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize(
    "kind",
    [
        "tree",
        "raw filesystem",
        "raw xfs",
        "qcow2 btrfs",
        "raw dos disk",
        "raw gpt disk",
        "qcow2 filesystem",
        "qcow2 gpt disk",
        "vpc dos disk",
    ],
)
def test_the_same_verdicts_everywhere(tree: Path, tmp_path: Path, kind: str, check: bool) -> None:
    path = image(kind, tree, tmp_path)
    before = None if kind == "tree" else path.read_bytes()
    wish = {"path": str(path), "user": "debian"}
    result = run_module("image_audit_info", wish, check=check, environment={"TMPDIR": str(tmp_path)})
    assert result.get("changed") is False, result
    assert sorted(result["broken"]) == BROKEN
    assert "hunter2" not in json.dumps(result)
    grows = next(entry for entry in result["results"] if entry["id"] == "Q1c")
    filesystem = kind.split()[-1] if kind.split()[-1] in written.KINDS else "ext4"
    assert (f"root file system: {filesystem}" in grows["evidence"]) is (kind != "tree")
    if before is not None:
        assert path.read_bytes() == before
    assert [entry for folder in tmp_path.glob("goldsmith-*") for entry in folder.iterdir()] == []


def test_the_root_file_system_is_found_among_others(tree: Path, tmp_path: Path) -> None:
    disk, data = tmp_path / "disk", tmp_path / "data"
    (data / "srv").mkdir(parents=True)
    disk.touch()
    with open(disk, "r+b") as file:
        file.truncate(200 * MIB)
    tool("sfdisk", "-q", disk, stdin="label: gpt\nsize=60MiB\nsize=100MiB\n")
    make_filesystem(disk, tree, size=60 * MIB, offset=MIB)
    make_filesystem(disk, data, size=100 * MIB, offset=61 * MIB)
    result = run_module("image_audit_info", {"path": str(disk)})
    assert sorted(result["broken"]) == BROKEN


def test_a_disk_without_a_readable_root_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(bytes(MIB))
    result = run_module("image_audit_info", {"path": str(tmp_path / "empty")})
    assert result.get("failed"), result
    assert "holds no root file system" in result["msg"]


def test_an_image_that_refers_to_another_is_refused(tree: Path, tmp_path: Path) -> None:
    raw = image("raw filesystem", tree, tmp_path)
    tool("qemu-img", "create", "-q", "-f", "qcow2", "-b", raw, "-F", "raw", tmp_path / "overlay")
    result = run_module("image_audit_info", {"path": str(tmp_path / "overlay")})
    assert result.get("failed"), result
    assert "backing file" in result["msg"]


def test_file_names_may_be_odd(tree: Path, tmp_path: Path) -> None:
    hostile = make_tree(tmp_path / "tree", {"etc/machine-id": "", "root/a\n/etc/b": "", "tmp/\udcff\n": ""}, {})
    make_filesystem(tmp_path / "raw", hostile, size=48 * MIB)
    result = run_module("image_audit_info", {"path": str(tmp_path / "raw")})
    assert {"machine_id", "temporary_files"} & set(result["broken"]) == {"temporary_files"}, result
