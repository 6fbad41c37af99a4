# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""disk_extract of a folder and of a tar: all that files are comes out again, and nothing leads out."""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from helpers import odd_trees
from helpers.disks import MIB, tool
from helpers.listing import listing
from helpers.modules import run_module
from helpers.users import ordinary_user, run_as

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import extract as extract_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._disk.lay_tree import Outputs
from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

pytestmark = pytest.mark.root
PACKERS = {"": "", ".gz": "--gzip", ".xz": "--xz", ".zst": "--zstd"}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return odd_trees.fill(tmp_path_factory.mktemp("odd") / "tree")


def packed(tree: Path, path: Path, *more: str) -> Path:
    words = ["--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner", "--sparse", "--format=posix"]
    tool("tar", "-C", tree, *words, *more, "-cf", path, ".")
    return path


def extract(source: Path, tree: Path, **more: Any) -> dict[str, Any]:
    return run_module("disk_extract", {"src": str(source), "tree": str(tree), **more})


def test_a_folder(tree: Path, tmp_path: Path) -> None:
    result = extract(tree, tmp_path / "out")
    assert (result.get("changed"), result.get("format")) == (True, "folder"), result
    assert odd_trees.facts(tmp_path / "out", nanoseconds=True) == odd_trees.facts(tree, nanoseconds=True)
    assert (tmp_path / "out/var/sparse").stat().st_blocks * 512 < MIB
    assert extract(tree, tmp_path / "out")["changed"] is False


@pytest.mark.parametrize("ending", PACKERS)
def test_a_tar(tree: Path, tmp_path: Path, ending: str) -> None:
    tar = packed(tree, tmp_path / f"system.tar{ending}", *filter(None, [PACKERS[ending]]))
    result = extract(tar, tmp_path / "out")
    assert (result.get("changed"), result.get("format")) == (True, "tar"), result
    found, expected = odd_trees.facts(tmp_path / "out"), odd_trees.facts(tree)
    # tar leaves out sockets, and makes a pipe with two names two.
    for name, (mode, *_more) in list(expected.items()):
        if stat.S_ISSOCK(int(mode, 8)):
            del expected[name]
        elif stat.S_ISFIFO(int(mode, 8)):
            expected[name][6] = found[name][6] = ""
    assert found == expected
    assert (tmp_path / "out/var/sparse").stat().st_blocks * 512 < MIB
    assert extract(tar, tmp_path / "out")["changed"] is False


def test_an_ordinary_user_takes_out_the_same_of_a_tar(tree: Path, tmp_path: Path) -> None:
    tar = packed(tree, tmp_path / "tar", "--exclude=./dev")
    assert extract(tar, tmp_path / "root")["changed"] is True
    expected = listing(str(tmp_path / "root"))
    with ordinary_user() as (name, folder):
        shutil.copy(tar, folder / "tar")
        (folder / "tar").chmod(0o644)
        (folder / "own").mkdir(mode=0o700)
        os.chown(folder / "own", folder.stat().st_uid, folder.stat().st_gid)

        def work() -> tuple[list[str], Any]:
            os.environ["TMPDIR"] = str(folder)
            sys.executable = "/usr/bin/python3"  # that of the tests may lie in a home folder
            outputs = Outputs(None, None, None, str(folder / "own/out"))
            done = extract_module.extract(Runner(), str(folder / "tar"), outputs, check_mode=False)
            found = listing(str(folder / "own/out"))
            Runner().run([*namespaces.prefix(), "rm", "-rf", str(folder / "own/out")])
            return found, done["filesystems"]

        found, filesystems = run_as(name, work)
    # Only root makes devices, and some attributes.
    expected = [line for line in expected if not re.match(r".* [bc] \d", line)]
    left_out = tuple(filesystems[0]["attributes_left_out"])
    assert filesystems[0]["devices_left_out"] == 2
    assert [line for line in found if not line.startswith(left_out)] == [
        line for line in expected if not line.startswith(left_out)
    ]


def test_a_folder_of_an_ordinary_user(tree: Path, tmp_path: Path) -> None:
    with ordinary_user() as (name, folder):
        for place in ("etc", "boot"):
            (folder / "system" / place).mkdir(parents=True)
        for place in ("boot/vmlinuz-1", "boot/initrd.img-1", "etc/hostname"):
            (folder / "system" / place).write_text("x")
        (folder / "own").mkdir(mode=0o700)
        for path in [*folder.rglob("*")]:
            shutil.chown(path, name, name)

        def work(out: str) -> Any:
            os.environ["TMPDIR"] = str(folder)
            sys.executable = "/usr/bin/python3"  # that of the tests may lie in a home folder
            outputs = Outputs(None, None, None, str(folder / "own" / out))
            try:
                done = extract_module.extract(Runner(), str(folder / "system"), outputs, check_mode=False)
            except GoldsmithError as error:
                return str(error)
            return done["warnings"], listing(str(folder / "own" / out))

        done = run_as(name, lambda: work("one"))
        assert isinstance(done, tuple), done
        (warning,), files = done
        assert "all its files are yours, and become those of root" in warning
        assert all(" 0:0 " in line for line in files if line.startswith(("etc ", "boot")))
        os.chown(folder / "system/etc", 12, 12)
        said = run_as(name, lambda: work("two"))
        assert "has 'etc', which belongs to uid 12, beyond those of this account; run as root, or give a tar" in said
        assert sorted(path.name for path in (folder / "own").iterdir()) == ["one", "one.json"]


def test_what_is_mounted_in_a_folder_is_left_out(tree: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    tool("cp", "-a", f"{tree}/.", source)
    (source / "proc").mkdir(exist_ok=True)
    tool("mount", "-t", "tmpfs", "none", source / "proc")
    try:
        (source / "proc/secret").write_text("x")
        result = extract(source, tmp_path / "out")
    finally:
        tool("umount", source / "proc")
    assert result.get("changed") is True, result
    assert list((tmp_path / "out/proc").iterdir()) == []


def test_members_that_lead_out(tree: Path, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    canary.write_text("canary")
    link = tarfile.TarInfo("etc/link")
    link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
    hard = tarfile.TarInfo("etc/hard")
    hard.type, hard.linkname = tarfile.LNKTYPE, str(canary)
    for number, members in enumerate(
        (
            [tarfile.TarInfo("../canary")],
            [tarfile.TarInfo(str(canary))],
            [link, tarfile.TarInfo("etc/link/canary")],
            [hard],
        )
    ):
        tar = tmp_path / f"{number}.tar"
        with tarfile.open(tar, "w") as archive:
            for member in members:
                archive.addfile(member)
        result = extract(tar, tmp_path / "out")
        assert result.get("failed") is True, result
        assert str(tar) in result["msg"] and "\n" not in result["msg"]
    packed(tree, tmp_path / "whole.tar")
    os.truncate(tmp_path / "whole.tar", 100_000)
    assert "cannot be read: " in extract(tmp_path / "whole.tar", tmp_path / "out")["msg"]
    assert canary.read_text() == "canary"
    assert not list(tmp_path.glob("out*"))
