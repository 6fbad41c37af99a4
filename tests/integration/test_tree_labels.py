# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels of SELinux by a small policy: in a tree, as root and as an ordinary user, and in the image of it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from helpers.disks import at, put_grub, tool
from helpers.modules import run_module
from helpers.users import ordinary_user, run_as

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import selinux

pytestmark = pytest.mark.root

CONTEXTS = {
    "/.*": "default_t",
    "/": "root_t",
    "/boot(/.*)?": "boot_t",
    "/etc(/.*)?": "etc_t",
    "/etc/shadow": "shadow_t",
    "/lost\\+found": "lost_found_t",
}


def label_of(name: str) -> str:
    return f"system_u:object_r:{name}:s0"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    contexts = folder / "etc/selinux/targeted/contexts/files/file_contexts"
    contexts.parent.mkdir(parents=True)
    contexts.write_text("".join(f"{pattern}\t{label_of(name)}\n" for pattern, name in CONTEXTS.items()))
    (folder / "etc/selinux/config").write_text("SELINUX=enforcing\nSELINUXTYPE=targeted\n")
    (folder / "etc/shadow").write_text("root:*\n")
    (folder / "boot").mkdir()
    for name in ("vmlinuz-6.1", "initrd.img-6.1"):
        (folder / "boot" / name).write_text(name)
    put_grub(folder)
    return folder


def labels(tree: Path) -> dict[str, str]:
    """The labels of all files, by their paths in the tree."""
    found = {}
    for path in (tree, *tree.rglob("*")):
        name = os.getxattr(path, selinux.NAME, follow_symlinks=False).rstrip(b"\0").decode()
        found[f"/{path.relative_to(tree)}".removesuffix("/.").replace("/.", "/") or "/"] = name
    return found


def test_a_tree_is_labelled_once(tree: Path) -> None:
    planned = run_module("tree_labels", {"path": str(tree)}, check=True)
    assert (planned["changed"], planned["mode"]) == (True, "enforcing")
    with pytest.raises(OSError, match="No data available"):
        os.getxattr(tree, selinux.NAME)
    done = run_module("tree_labels", {"path": str(tree)})
    assert done["changed"] is True
    assert done["paths"] == planned["paths"]
    found = labels(tree)
    assert len(found) == done["count"]
    assert found["/etc/shadow"] == label_of("shadow_t")
    assert found["/boot/vmlinuz-6.1"] == label_of("boot_t")
    again = run_module("tree_labels", {"path": str(tree)})
    assert (again["changed"], again["count"], again["mode"]) == (False, 0, "enforcing")
    os.setxattr(tree / "etc/shadow", selinux.NAME, label_of("etc_t").encode())
    assert run_module("tree_labels", {"path": str(tree)})["paths"] == ["/etc/shadow"]


def test_an_ordinary_user_gives_the_same_labels(tree: Path) -> None:
    run_module("tree_labels", {"path": str(tree)})
    with ordinary_user() as (name, folder):
        copy = folder / "tree"
        shutil.copytree(tree, copy, symlinks=True)
        for path in (copy, *copy.rglob("*")):
            os.removexattr(path, selinux.NAME, follow_symlinks=False)
            shutil.chown(path, name, name)
        changed = run_as(name, lambda: selinux.label(Runner(), str(copy), namespaces.prefix()))
        assert len(changed) == len(labels(tree))
        assert labels(copy) == labels(tree)


def label_in(image: Path, offset: int, name: str) -> str:
    said = tool("debugfs", "-R", f"ea_get {name} {selinux.NAME}", at(image, offset))
    return said.rpartition("= ")[2].strip().strip('"').removesuffix("\\000")


def test_an_image_has_labels_on_what_the_tree_has_not(tree: Path, tmp_path: Path) -> None:
    run_module("tree_labels", {"path": str(tree)})
    image = tmp_path / "disk.img"
    result: dict[str, Any] = run_module("loop_image", {"path": str(image), "tree": str(tree), "firmware": "bios"})
    assert not result.get("failed"), result["msg"]
    (part,) = result["partitions"]
    expected = {
        "/": "root_t",
        "/etc/shadow": "shadow_t",
        "/boot/vmlinuz-6.1": "boot_t",
        "/boot/grub": "boot_t",
        "/boot/grub/grub.cfg": "boot_t",
        "/boot/grub/i386-pc/normal.mod": "boot_t",
        "/lost+found": "lost_found_t",
    }
    assert {name: label_in(image, part["start"], name) for name in expected} == {
        name: label_of(value) for name, value in expected.items()
    }
    tool("e2fsck", "-fn", at(image, part["start"]))
