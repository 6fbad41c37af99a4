# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Q1c: a good tree passes, and each fault is found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from helpers.system_trees import make_tree

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.resize_cloud_init import grows
from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.rule import FAIL, PASS, Guest
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import TreeFiles


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "tree")


def guest(tree: Path) -> Guest:
    return Guest(TreeFiles(str(tree)), filesystem="ext4", partitions=("linux",))


def test_a_good_tree_passes_and_shows_why(tree: Path) -> None:
    finding = grows(guest(tree))
    assert finding.verdict == PASS, finding
    assert "root file system: ext4" in finding.evidence


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"etc/fstab": "/dev/vda2 none swap sw 0 0\n"}, "/etc/fstab: /dev/vda2"),
        ({"etc/cloud/cloud.cfg.d/90.cfg": "growpart: {mode: 'off'}\n"}, "growpart.mode is off"),
        ({"etc/cloud/cloud-init.disabled": ""}, "cloud-init.disabled"),
        ({"etc/cloud/cloud.cfg.d/90.cfg": "cloud_init_modules: [ssh]\n"}, "growpart is not in"),
    ],
)
def test_each_fault_is_found(tree: Path, files: dict[str, str], said: str) -> None:
    make_tree(tree, files, {})
    finding = grows(guest(tree))
    assert finding.verdict == FAIL
    assert any(said in line for line in finding.evidence), finding.evidence


@pytest.mark.parametrize("missing", ["usr/bin/growpart", "usr/bin/cloud-init"])
def test_what_is_missing_is_found(tree: Path, missing: str) -> None:
    (tree / missing).unlink()
    assert grows(guest(tree)).verdict == FAIL


@pytest.mark.parametrize(
    "change", [{"filesystem": "ext2"}, {"partitions": ("linux", "lvm")}, {"partitions": ("82", "linux")}]
)
def test_a_disk_that_cannot_grow_is_found(tree: Path, change: dict[str, object]) -> None:
    assert grows(replace(guest(tree), **change)).verdict == FAIL
