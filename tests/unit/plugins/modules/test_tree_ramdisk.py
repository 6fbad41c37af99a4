# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module tree_ramdisk: a file, its checksum, and what it refuses."""

from __future__ import annotations

import hashlib
from pathlib import Path

from helpers.busybox import make_busybox_tree
from helpers.modules import run_module


def test_a_file_once(tmp_path: Path) -> None:
    tree = make_busybox_tree(tmp_path / "tree")
    (tree / "sbin").mkdir()
    (tree / "sbin/init").symlink_to("../bin/busybox")
    words = {"path": str(tree), "dest": str(tmp_path / "it.initramfs"), "epoch": 1_700_000_000}
    planned = run_module("tree_ramdisk", words, check=True)
    assert (planned["changed"], planned["file"]) == (True, {})
    assert not (tmp_path / "it.initramfs").exists()
    made = run_module("tree_ramdisk", words)
    digest = hashlib.sha512((tmp_path / "it.initramfs").read_bytes()).hexdigest()
    assert made["file"] == {"format": "initramfs", "file": "it.initramfs", "sha512": digest}
    assert made["changed"] is True
    again = run_module("tree_ramdisk", words)
    assert (again["changed"], again["file"]) == (False, made["file"])


def test_what_is_refused(tmp_path: Path) -> None:
    for words, line in (
        ({"path": "/"}, "path=/: is not a folder with a root file system"),
        ({"dest": str(tmp_path / "none/it")}, "is in a folder that does not exist; make it first"),
        ({}, "has no /sbin/init"),
    ):
        given = {"path": str(tmp_path), "dest": str(tmp_path / "it"), "epoch": 1, **words}
        assert line in run_module("tree_ramdisk", given)["msg"]
