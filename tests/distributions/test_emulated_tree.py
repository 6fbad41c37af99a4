# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree of arm64, made by emulation: an ordinary user, for whom root does nothing, gets the same as root."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.listing import listing
from helpers.tools import run_tool
from helpers.users import ordinary_user, run_as

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import bootstrap, chroot
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.tree_request import Request

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.timeout(3600)]

REGISTERED = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")
PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  roles:
    - role: goldsmith.openstack.build_host
      build_host_features: [arm64]
"""


@pytest.fixture
def emulator_of_root(tmp_path: Path, checkout: Path) -> Iterator[list[str]]:
    """The command that registers the emulator for all; it is taken away again where it was not there before."""
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    there, mounted = REGISTERED.exists(), REGISTERED.parent.is_mount()
    yield ["./goldsmith", "playbook", str(tmp_path / "play.yml")]
    if not there and REGISTERED.exists():
        REGISTERED.write_text("-1")
    if not mounted and REGISTERED.parent.is_mount():
        subprocess.run(["umount", REGISTERED.parent], check=True)


def make(folder: Path) -> tuple[list[str], str]:
    """Make a tree and run a program in it; return all that the tree is, and what was said."""
    tree = str(folder / "tree")
    request = Request(tree, "trixie", "arm64", (), variant="essential")
    bootstrap.present(Runner(), request, check_mode=False)
    try:
        said = Runner().run(chroot.enter_words(tree, ["sh", "-c", "uname -m; perl -e 'print 6 * 7'"])).stdout
        return listing(tree), said
    finally:
        bootstrap.absent(Runner(), tree, check_mode=False)


def test_an_ordinary_user_gets_the_same_as_root(emulator_of_root: list[str], tmp_path: Path, checkout: Path) -> None:
    known = REGISTERED.exists()
    with ordinary_user() as (name, folder):

        def work() -> tuple[list[str], str]:
            sys.executable = "/usr/bin/python3"  # that of the tests may lie in a home folder
            return make(folder)

        theirs = run_as(name, work)
    assert theirs[1] == "aarch64\n42"
    assert REGISTERED.exists() is known
    run_tool(emulator_of_root, cwd=checkout, timeout=600)
    assert make(tmp_path) == theirs
