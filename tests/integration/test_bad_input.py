# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user may get wrong: one clear line, a failure, and nothing left behind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

GRUB = Path("/usr/lib/grub/i386-pc")

ROLE_PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.import_role:
        name: goldsmith.openstack.disk_image
"""


def playbook(checkout: Path, name: str, variables: dict[str, object], folder: Path) -> str:
    """Run a playbook that must fail, and return what it said."""
    result = subprocess.run(
        [checkout / "goldsmith", "playbook", name, "-e", json.dumps(variables)],
        cwd=folder,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "COLUMNS": "2000"},
    )
    assert result.returncode != 0, result.stdout
    return " ".join(result.stdout.split())


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({"image_release": "nosuch"}, "image_release=nosuch: is not known; one of bookworm, trixie"),
        ({"image_distribution": "plan9"}, "image_distribution=plan9: is not known; one of debian"),
        ({"image_formats": "qcow3"}, "image_formats=qcow3: is not a list of qcow2, raw, vhd and triplet"),
        ({"image_firmware": "openfirmware"}, "image_firmware"),
        ({"image_resize": "zfs"}, "image_resize=zfs: is not known; one of cloud_init, lvm, xen"),
        (
            {"image_resize": "xen", "image_formats": "qcow2"},
            "image_formats=qcow2: does not go with image_resize=xen: XenAPI takes no qcow2; use raw, vhd or triplet",
        ),
        (
            {"image_resize": "lvm", "image_cloud_init": True},
            "image_resize=lvm is without cloud-init; leave it empty, or choose another strategy",
        ),
        # A false that is no text is an answer too.
        (
            {"image_resize": "cloud_init", "image_cloud_init": False},
            "image_cloud_init=False: image_resize=cloud_init is by cloud-init; leave it empty",
        ),
        ({"image_volumes": [{"name": "a", "size": "1G"}]}, "image_resize=cloud_init has no volumes"),
        (
            {"image_packages": ["no-such-package"]},
            "packages=no-such-package: there is no such package in trixie; look for its name",
        ),
        (
            {"image_mirror": "http://127.0.0.1:9/debian"},
            "127.0.0.1:9 cannot be reached; check mirror, proxy and the network",
        ),
        ({"image_mirror": "nonsense"}, "mirror=nonsense: is not a URL; write it with http:// or leave it empty"),
        ({"image_clouds": "atlantis"}, "atlantis"),
        (
            {"image_build": "capture", "vm_capture_name": "web"},
            "image_build=capture: the machine is there already; its playbook is goldsmith.openstack.capture_vm",
        ),
        ({"image_name": "../escape"}, "name=../escape: is not a file name"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_definition_is_named_and_leaves_nothing(
    variables: dict[str, object], line: str, checkout: Path, tmp_path: Path, cache: Path
) -> None:
    said = playbook(
        checkout,
        "build-debian.yml",
        {"image_verify": [], "image_output_dir": "out", "image_cache_dir": str(cache), **variables},
        tmp_path,
    )
    assert line in said
    assert "Traceback" not in said
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    work = cache / "work"
    assert not work.exists() or list(work.iterdir()) == []


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree that has all that a disk with GRUB needs, and random bytes that no compression makes small."""
    folder = tmp_path / "tree"
    (folder / "etc").mkdir(parents=True)
    (folder / "boot").mkdir()
    for name in ("vmlinuz-1.0", "initrd.img-1.0"):
        (folder / "boot" / name).write_bytes(os.urandom(8 << 20))
    shutil.copytree(GRUB, folder / "usr/lib/grub/i386-pc")
    return folder


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "small", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def disk_image(checkout: Path, folder: Path, tree: Path, output: Path, workspace: Path) -> str:
    (folder / "role.yml").write_text(ROLE_PLAYBOOK)
    workspace.mkdir(exist_ok=True)
    variables = {
        "disk_image_tree": str(tree),
        "disk_image_directory": str(output),
        "disk_image_workspace": str(workspace),
        "disk_image_name": "test",
    }
    return playbook(checkout, "role.yml", variables, folder)


@pytest.mark.root
@pytest.mark.parametrize("full", ["output", "workspace"])
def test_a_full_disk_is_named_and_holds_no_half_file(
    full: str, checkout: Path, tmp_path: Path, tree: Path, small_disk: Path
) -> None:
    output = small_disk if full == "output" else tmp_path / "output"
    workspace = small_disk if full == "workspace" else tmp_path / "workspace"
    output.mkdir(exist_ok=True)
    said = disk_image(checkout, tmp_path, tree, output, workspace)
    assert "No space left on device" in said or "the disk is full" in said, said
    assert "Traceback" not in said
    assert list(small_disk.iterdir()) == []


def test_a_tree_without_a_kernel_is_no_image(checkout: Path, tmp_path: Path, tree: Path) -> None:
    (tree / "boot" / "initrd.img-1.0").unlink()
    output = tmp_path / "output"
    output.mkdir()
    said = disk_image(checkout, tmp_path, tree, output, tmp_path / "workspace")
    assert "has no kernel with an initramfs in /boot; add the distribution's kernel package" in said
    assert list(output.iterdir()) == list((tmp_path / "workspace").iterdir()) == []


def test_two_builds_of_one_image_do_not_meet(checkout: Path, tmp_path: Path, cache: Path) -> None:
    variables = {"image_verify": [], "image_output_dir": "out", "image_cache_dir": str(cache)}
    argv = [checkout / "goldsmith", "playbook", "build-debian.yml", "-e", json.dumps(variables)]
    first = subprocess.Popen(
        argv, cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert first.stdout
        for line in first.stdout:
            if "Bootstrap" in line:
                break
        said = playbook(checkout, "build-debian.yml", variables, tmp_path)
        assert f"{tmp_path}/out/debian-13-amd64 is being built by process {first.pid}; wait until it ends" in said
    finally:
        first.terminate()
        first.communicate()
