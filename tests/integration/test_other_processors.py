# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of other processors in a tree, by the host's emulators; and hosts on which there are none."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from helpers.busybox import make_busybox_tree
from helpers.modules import run_module
from helpers.users import ordinary_user, run_as

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import emulators, namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import chroot

OURS = os.uname().machine
(OTHER,) = (name for name, machine in emulators.MACHINES.items() if machine != OURS)
REGISTERED = Path("/proc/sys/fs/binfmt_misc")
ROLE = Path(__file__).resolve().parents[2] / "roles" / "build_host"


def own_lists() -> bool:
    """Whether a user namespace can have a list of emulators of its own."""
    return tuple(int(part) for part in os.uname().release.split(".")[:2]) >= (6, 7)


@pytest.mark.root
def test_an_ordinary_user_runs_them_in_a_tree_and_the_host_learns_of_nothing(tmp_path: Path) -> None:
    known = sorted(os.listdir(REGISTERED))
    with ordinary_user() as (name, folder):
        tree = make_busybox_tree(folder / "tree")
        # It prints one word.
        shutil.copy(f"/usr/lib/arch-test/{OTHER}", tree / "bin" / "other")
        subprocess.run(["chown", "-Rh", f"{name}:", tree], check=True)

        def work() -> str:
            emulators.check(Runner(), OTHER, namespaces.prefix())
            return Runner().run(chroot.enter_words(str(tree), ["/bin/other"])).stdout

        if own_lists() or f"qemu-{emulators.MACHINES[OTHER]}" in known:
            assert run_as(name, work) == "ok\n"
        else:
            with pytest.raises(OptionError, match=f"^image_architecture={OTHER}: .* cannot run its programs"):
                run_as(name, work)
    assert sorted(os.listdir(REGISTERED)) == known
    assert "binfmt_misc" not in Path("/proc/self/mounts").read_text() or known


@pytest.mark.root
def test_a_build_ends_before_it_begins_where_none_is_known(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "arch-test").write_text("#!/bin/sh\necho $1: not supported on this machine/kernel\nexit 1\n")
    (programs / "arch-test").chmod(0o755)
    words = {"path": str(tmp_path / "tree"), "release": "trixie", "architecture": OTHER}
    for more in ({}, {"layers_dir": str(tmp_path / "cache")}):
        path = f"{programs}:{os.environ['PATH']}"
        result = run_module("tree_bootstrap", {**words, **more}, environment={"PATH": path})
        assert result["failed"] is True
        assert result["msg"].startswith(
            f"image_architecture={OTHER}: this host, {OURS}, cannot run its programs; as root"
        )
        assert "\n" not in result["msg"]
        assert not list(tmp_path.rglob("tree*"))


@pytest.mark.parametrize(
    ("machine", "missing"),
    [
        ("x86_64", ["arm64 arch-test", "arm64 qemu-aarch64-static"]),
        ("aarch64", ["amd64 arch-test", "amd64 qemu-x86_64-static"]),
    ],
)
def test_a_host_is_asked_for_the_emulators_of_others_only(tmp_path: Path, machine: str, missing: list[str]) -> None:
    facts = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
    (tmp_path / "uname").write_text(f"#!/bin/sh\necho {machine}\n")
    for name in ("id", "uname"):
        (tmp_path / name).chmod(0o755)
    found = []
    for feature in facts["build_host_machines"]:
        argv = ["/bin/sh", "-c", facts["build_host_look"], "look", *facts["build_host_needs"][feature]]
        said = subprocess.run(argv, check=True, capture_output=True, text=True, env={"PATH": str(tmp_path)})
        assert said.stdout.splitlines()[:3] == ["user", "none", machine]
        found += [f"{feature} {word.split()[-1]}" for word in said.stdout.splitlines()[3:]]
    assert found == missing
