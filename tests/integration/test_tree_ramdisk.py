# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A system in memory that an ordinary user makes is the one that root makes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from helpers.busybox import make_busybox_tree
from helpers.users import ordinary_user, run_as

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import ramdisk

pytestmark = pytest.mark.root
EPOCH = 1_700_000_000


def test_an_ordinary_user_makes_the_same_file(tmp_path: Path) -> None:
    tree = make_busybox_tree(tmp_path / "tree")
    (tree / "sbin").mkdir()
    (tree / "sbin/init").symlink_to("../bin/busybox")
    ramdisk.make(Runner(), str(tree), str(tmp_path / "it"), EPOCH)
    with ordinary_user() as (name, folder):
        shutil.copytree(tree, folder / "tree", symlinks=True)
        for path in (folder / "tree", *(folder / "tree").rglob("*")):
            shutil.chown(path, name, name) if not path.is_symlink() else os.lchown(path, *_ids(folder))
        run_as(name, lambda: ramdisk.make(Runner(), str(folder / "tree"), str(folder / "it"), EPOCH))
        assert (folder / "it").read_bytes() == (tmp_path / "it").read_bytes()


def _ids(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_uid, status.st_gid
