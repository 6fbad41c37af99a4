# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Q1l: a good tree passes, and each fault is found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from helpers.system_trees import AGENT, AGENT_LINKS, make_tree

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.resize_lvm import grows
from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.rule import FAIL, PASS, Guest, LogicalVolume
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import TreeFiles

VOLUME = LogicalVolume("system", "root", 0)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = make_tree(make_tree(tmp_path / "tree"), AGENT, AGENT_LINKS)
    (tree / "usr/bin/cloud-init").unlink()
    return tree


def guest(tree: Path) -> Guest:
    return Guest(TreeFiles(str(tree)), resize="lvm", filesystem="ext4", partitions=("lvm",), volume=VOLUME)


def test_a_good_tree_passes_and_shows_why(tree: Path) -> None:
    finding = grows(guest(tree))
    assert finding.verdict == PASS, finding
    assert "root file system: ext4" in finding.evidence
    assert any("goldsmith-grow.service" in line for line in finding.evidence)


@pytest.mark.parametrize(
    "missing",
    ["usr/sbin/goldsmith-agent", "usr/sbin/lvm", "etc/systemd/system/multi-user.target.wants/goldsmith-grow.service"],
)
def test_what_is_missing_is_found(tree: Path, missing: str) -> None:
    (tree / missing).unlink()
    assert grows(guest(tree)).verdict == FAIL


@pytest.mark.parametrize(
    "files", [{"usr/bin/cloud-init": "#!/bin/sh\n"}, {"etc/fstab": "/dev/vda2 none swap sw 0 0\n"}]
)
def test_what_does_not_belong_is_found(tree: Path, files: dict[str, str]) -> None:
    make_tree(tree, files, {})
    assert grows(guest(tree)).verdict == FAIL


@pytest.mark.parametrize("change", [{"filesystem": "ext2"}, {"volume": None}, {"partitions": ("82", "lvm")}])
def test_a_disk_that_cannot_grow_is_found(tree: Path, change: dict[str, object]) -> None:
    assert grows(replace(guest(tree), **change)).verdict == FAIL
