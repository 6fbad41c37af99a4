# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the id of the root changes at the first boot, what depends on the old one is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.system_trees import make_tree

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.instance_ids import no_old_id
from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.rule import (
    FAIL,
    NOT_APPLICABLE,
    PASS,
    Finding,
    Guest,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import grub
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import TreeFiles
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.rootfs import Kernel

ID = "844901ba-3164-5dfe-88a7-aed6dca03fde"
SCRIPT = "etc/initramfs-tools/scripts/local-premount/goldsmith"


def configuration(partition: str) -> str:
    kernel = Kernel("6.12", "/boot/vmlinuz-6.12", "/boot/initrd.img-6.12")
    return grub.configuration(grub.Root(grub.Target(ID, partition=partition), kernel, "quiet", "Linux"))


def finding(tmp_path: Path, files: dict[str, str]) -> Finding:
    good = {"boot/grub/grub.cfg": configuration("gpt1"), "etc/fstab": "LABEL=x / ext4 defaults 0 1\n", SCRIPT: "#!\n"}
    tree = make_tree(tmp_path / "tree", {**good, **files}, {})
    return no_old_id(Guest(TreeFiles(str(tree))))


def test_what_grub_itself_finds_out_is_good(tmp_path: Path) -> None:
    assert finding(tmp_path, {}).verdict == PASS


def test_without_new_ids_there_is_nothing_to_judge(tmp_path: Path) -> None:
    assert finding(tmp_path, {"boot/grub/grub.cfg": configuration("")}).verdict == NOT_APPLICABLE


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"etc/fstab": f"UUID={ID} / ext4 defaults 0 1\n"}, f"/etc/fstab: UUID={ID} / has an id that each instance"),
        (
            {"boot/grub/grub.cfg": f"{configuration('gpt1')}linux /vmlinuz root=UUID={ID} ro\n"},
            f"grub.cfg: root=UUID={ID} is an id",
        ),
    ],
)
def test_what_names_the_old_id_is_found(tmp_path: Path, files: dict[str, str], said: str) -> None:
    found = finding(tmp_path, files)
    assert found.verdict == FAIL
    assert said in found.evidence[0]


def test_a_missing_script_is_found(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree", {"boot/grub/grub.cfg": configuration("gpt1")}, {})
    found = no_old_id(Guest(TreeFiles(str(tree))))
    assert found.verdict == FAIL
    assert "local-premount/goldsmith: missing" in found.evidence[0]
