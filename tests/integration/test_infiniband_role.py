# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role infiniband in a tree of Debian with the kernel for clouds, and where no kernel has the drivers."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.busybox import make_busybox_tree
from helpers.modules import run_module
from helpers.tools import run_tool

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import initramfs
from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

PLAYBOOK = """
- hosts: all
  gather_facts: false
  roles:
    - goldsmith.openstack.infiniband
"""
DRIVERS = ("mlx4_core", "mlx4_ib", "mlx4_en", "mlx5_core", "mlx5_ib", "ib_ipoib", "ib_umad", "ib_uverbs", "rdma_cm")


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    place = {"path": str(tmp_path / "tree")}
    packages = ["python3", "linux-image-cloud-amd64", "initramfs-tools", "zstd", "kmod"]
    wish = {"release": "trixie", "packages": packages}
    made = run_module("tree_bootstrap", {**place, **wish, "cache_dir": str(tmp_path / "cache")})
    assert made.get("changed") is True, made["msg"]
    yield tmp_path / "tree"
    run_module("tree_bootstrap", {**place, "state": "absent"})


@pytest.mark.root
@pytest.mark.slow
def test_a_tree_gets_a_kernel_with_the_drivers(tree: Path, checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    (tmp_path / "hosts.ini").write_text(
        f"guest ansible_connection=goldsmith.openstack.chroot ansible_chroot_tree={tree} "
        "ansible_python_interpreter=/usr/bin/python3 ansible_remote_tmp=/tmp/.ansible\n"
    )
    argv = ["./goldsmith", "playbook", "-i", str(tmp_path / "hosts.ini"), str(tmp_path / "play.yml")]

    def changed(*words: str) -> int:
        said = run_tool([*argv, *words], cwd=checkout, timeout=1200)
        return int(re.findall(r"changed=(\d+)", said)[0])

    assert changed("--check") > 0
    assert "cloud" in next((tree / "boot").glob("initrd.img-*")).name
    assert changed() > 0
    (ramdisk,) = (tree / "boot").glob("initrd.img-*")
    (kernel,) = (tree / "boot").glob("vmlinuz-*")
    assert "cloud" not in kernel.name + ramdisk.name
    names = {Path(name).name.split(".")[0] for name in initramfs.names(Runner(), str(ramdisk))}
    assert names >= set(DRIVERS)
    # Nothing of it is loaded without a card.
    inside = [*namespaces.prefix(), "chroot", str(tree)]
    assert run_tool([*inside, "cat", "/etc/initramfs-tools/modules"], cwd=tree).count("mlx") == 0
    assert "ibstat" in run_tool([*inside, "sh", "-c", "command -v ibstat"], cwd=tree)
    assert changed() == 0


def test_a_kernel_without_the_drivers_is_named(tmp_path: Path, checkout: Path) -> None:
    tree = make_busybox_tree(tmp_path / "tree")
    (tree / "script").write_text((checkout / "roles/infiniband/files/lacking.sh").read_text())
    needed = ["mlx5_core", "mlx5_ib", "rdma_cm"]

    def lacking() -> list[str]:
        argv = [*namespaces.prefix(), "chroot", str(tree), "/bin/sh", "/script", *needed]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.splitlines()

    assert lacking() == ["there is no kernel"]
    modules = {
        "6.1-cloud": ("kernel/net/core/xmlx5_core.ko: kernel/a/mlx5_ib.ko\n", "kernel/drivers/rdma_cm.ko\n"),
        "6.1": ("kernel/d/mlx5_core.ko.xz:\nkernel/d/mlx5_ib.ko:\n", "kernel/drivers/rdma_cm.ko\n"),
    }
    for version, (loadable, builtin) in modules.items():
        folder = tree / "lib/modules" / version
        folder.mkdir(parents=True)
        (folder / "modules.dep").write_text(loadable)
        (folder / "modules.builtin").write_text(builtin)
    assert lacking() == ["the kernel 6.1-cloud lacks mlx5_core mlx5_ib"]


@pytest.mark.parametrize(
    ("distribution", "packages", "kernel", "file"),
    [
        ("debian", "ibverbs-providers", ["linux-image-arm64"], "/etc/initramfs-tools/hooks/goldsmith-infiniband"),
        ("ubuntu", "ibverbs-providers", ["linux-image-generic"], "/etc/initramfs-tools/hooks/goldsmith-infiniband"),
        ("rocky", "libibverbs", ["kernel-core", "kernel-modules"], "/etc/dracut.conf.d/60-goldsmith-infiniband.conf"),
        ("opensuse", "libibverbs", ["kernel-default"], "/etc/dracut.conf.d/60-goldsmith-infiniband.conf"),
    ],
)
def test_every_distribution_gets_what_is_its_own(
    checkout: Path, tmp_path: Path, distribution: str, packages: str, kernel: list[str], file: str
) -> None:
    (tmp_path / "play.yml").write_text("""
- hosts: localhost
  gather_facts: false
  vars: {openstack_guest_architecture: arm64, infiniband_perftest: true}
  vars_files:
    - "{{ checkout }}/roles/infiniband/vars/main.yml"
  tasks:
    - ansible.builtin.include_role:
        name: goldsmith.openstack.openstack_guest
        tasks_from: packages
        public: true
    - ansible.builtin.copy:
        content: "{{ [openstack_guest__extensions, hardware] | to_json }}"
        dest: found.json
        mode: "0644"
      vars:
        hardware: "{{ openstack_guest__distribution.kernels.generic }}"
        openstack_guest_extensions: "{{ infiniband__extensions }}"
""")
    words = {"checkout": str(checkout), "openstack_guest_distribution": distribution}
    run_tool([str(checkout / "goldsmith"), "playbook", "play.yml", "-e", json.dumps(words)], cwd=tmp_path)
    parts, hardware = json.loads((tmp_path / "found.json").read_text())
    installed = [name for part in parts for name in part.get("packages", [])]
    assert {packages, "rdma-core", "infiniband-diags", "perftest"} <= set(installed)
    assert hardware == kernel
    (written,) = (entry for part in parts for entry in part.get("files", []))
    assert written["path"] == file
    assert all(driver in written["content"].split() for driver in DRIVERS)
