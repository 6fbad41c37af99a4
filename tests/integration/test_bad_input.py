# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user may get wrong: one clear line, a failure, and nothing left behind."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.definitions import bad_values

from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.specification import SPECIFICATION
from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.variable import told

GRUB = Path("/usr/lib/grub/i386-pc")

ROLE_PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.import_role:
        name: goldsmith.openstack.disk_image
"""


def playbook(checkout: Path, name: str, variables: dict[str, object] | str, folder: Path) -> str:
    """Run a playbook that must fail, and return what its last failed task says."""
    result = subprocess.run(
        [
            checkout / "goldsmith",
            "playbook",
            name,
            "-e",
            variables if isinstance(variables, str) else json.dumps(variables),
        ],
        cwd=folder,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
    )
    assert result.returncode != 0, result.stdout
    assert "Traceback" not in result.stdout
    failures = re.findall(r"^(?:fatal|failed): .* => (\{.*\})$", result.stdout, re.MULTILINE)
    assert failures, result.stdout
    line = json.loads(failures[-1])["msg"]
    assert "\n" not in line
    return line


@pytest.mark.parametrize(
    ("name", "word", "shown"),
    [
        ("build-debian.yml", "image_name=Debian 13", r'write -e "image_name=\"Debian 13\""'),
        ("goldsmith.openstack.publish", "image_packages=jq vim", r'write -e "image_packages=\"jq vim\""'),
        (
            "goldsmith.openstack.cache",
            "image_cache_dir=/srv/my cache",
            "-e: the words cache belong to no variable; quote",
        ),
        ("goldsmith.openstack.local_cloud", "local_cloud_state=stopped now", "-e: the words now belong to no variable"),
        ("goldsmith.openstack.build_host", "image_other=one two", "-e: the words two belong to no variable"),
        ("goldsmith.openstack.nova_image_cache", "nova_image_cache_x=a b", "-e: the words b belong to no variable"),
    ],
)
def test_a_value_that_a_shell_has_cut_ends_the_run(
    checkout: Path, tmp_path: Path, name: str, word: str, shown: str
) -> None:
    said = playbook(checkout, name, word, tmp_path)
    assert shown in said
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def test_every_bad_value_is_told_at_once_with_a_remedy(checkout: Path, tmp_path: Path) -> None:
    bad = bad_values()
    said = playbook(checkout, "build-debian.yml", bad, tmp_path)
    # A control character of a value is never printed as such.
    assert said.isprintable()
    faults = dict(fault.split("=", 1) for fault in re.split(r"; (?=image_\w+=)", said))
    assert faults.keys() == bad.keys()
    for variable in SPECIFICATION.values():
        value, _colon, rest = faults[variable.variable].partition(": ")
        assert value == told(variable, bad[variable.variable])
        assert re.search("; (use|write|leave|choose|give|ask|with)|must be", rest), f"{variable.variable}: {rest}"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("variables", "lines"),
    [
        (
            {
                "image_filesystem": "zfs",
                "image_visibility": "everyone",
                "image_compression": "lzma",
                "image_timezone": "Mars/Base",
                "image_build": "foo",
                "image_architecture": "sparc",
                "image_authorized_keys": "ssh-ed25519 AAAA me",
                "image_keep": -1,
                "image_retire": "burn",
                "image_locales": "xx_YY.UTF-8",
                "image_relase": "trixie",
                "image_build_host": "nowhere",
                "image_name": "a\nb",
            },
            [
                "image_filesystem=zfs: is not known; use ext3, ext4, xfs or btrfs",
                "image_visibility=everyone: is not known; use private, shared, community or public",
                "image_compression=lzma: is not known; use zstd or zlib",
                "image_timezone=Mars/Base: is not a time zone; write one as Europe/Berlin",
                "image_build=foo: is not known; use chroot, virt_install or capture",
                "image_architecture=sparc: is not known; use amd64",
                "image_authorized_keys=ssh-ed25519 AAAA me: is not a public key: it is cut off; write the whole line",
                "image_keep=-1: is too small; use 0 or more",
                "image_retire=burn: is not known; use hidden or community",
                "image_locales=xx_YY.UTF-8: is not a locale; write one as de_DE.UTF-8",
                "image_relase: is not known; do you mean image_release?",
                "image_build_host=nowhere: is not in the inventory; see ansible-inventory --graph",
                "image_name=a\\nb: is not a file name; use letters, digits",
            ],
        ),
        (
            {
                "image_authorized_keys": "ssh-ed25519",
                "image_name": "what?",
                "image_distribution": "plan9",
                "image_formats": "qcow3",
                "image_firmware": "openfirmware",
                "image_resize": "zfs",
                "image_mirror": "nonsense",
                "image_cloud_init": True,
            },
            [
                "image_authorized_keys=ssh-ed25519: is not a public key; write the whole line of the file id_*.pub",
                "image_name=what?: is not a file name; use letters",
                "image_distribution=plan9: is not known; use almalinux or centos or debian",
                "image_formats=qcow3: is not known; use qcow2, raw, vhd, triplet or ramdisk",
                "image_firmware=openfirmware: is not known; use bios, uefi or hybrid",
                "image_resize=zfs: is not known; use cloud_init or lvm or xen",
                "image_mirror=nonsense: is not a URL; write it with http://, or host, or leave it empty",
                "image_cloud_init: is no longer known; write image_agent=cloud_init or image_agent=goldsmith",
            ],
        ),
        (
            {
                "image_name": 'a"b',
                "image_release": "nosuch",
                "image_resize": "xen",
                "image_formats": "qcow2",
                "image_firmware": "uefi",
                "image_volumes": [{"name": "a", "size": "1G"}],
            },
            [
                'image_name=a"b: is not a file name; use letters',
                "image_release=nosuch: is not known; use bullseye or bookworm or trixie or forky or sid, a version, or",
                "image_formats=qcow2: does not go with image_resize=xen: XenAPI takes no qcow2; use raw, vhd or",
                "image_firmware=uefi: does not go with image_resize=xen; use bios",
                "image_volumes=a: image_resize=xen has no volumes; use image_resize=lvm",
            ],
        ),
        (
            {
                "image_name": "../escape",
                "image_resize": "lvm",
                "image_agent": "cloud_init",
                "image_build": "capture",
                "vm_capture_name": "web",
            },
            [
                "image_name=../escape: is not a file name; use letters",
                "image_agent=cloud_init: does not go with image_resize=lvm; use goldsmith, or another image_resize",
                "image_build=capture: the machine is there already; its playbook is goldsmith.openstack.capture_vm",
            ],
        ),
    ],
    ids=["values", "names", "pairs", "purpose"],
)
def test_bad_values_of_people(
    variables: dict[str, object], lines: list[str], checkout: Path, tmp_path: Path, cache: Path
) -> None:
    places = {"image_output_dir": "out", "image_cache_dir": str(cache)}
    said = playbook(checkout, "build-debian.yml", {**places, **variables}, tmp_path)
    for line in lines:
        assert line in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        (
            {"image_packages": ["no-such-package"]},
            "packages=no-such-package: there is no such package in trixie; look for its name",
        ),
        (
            {"image_mirror": "http://127.0.0.1:9/debian"},
            "127.0.0.1:9 cannot be reached; check mirror, proxy and the network",
        ),
        ({"image_clouds": "atlantis"}, "cloud atlantis is not in"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_only_the_work_shows_is_named_and_leaves_nothing(
    variables: dict[str, object], line: str, checkout: Path, tmp_path: Path, cache: Path
) -> None:
    places = {"image_verify": [], "image_output_dir": "out", "image_cache_dir": str(cache)}
    said = playbook(checkout, "build-debian.yml", {**places, **variables}, tmp_path)
    assert line in said
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
        "disk_image_artifacts": [
            {"format": kind, "file": f"test.{end}"}
            for kind, end in {"qcow2": "qcow2", "aki": "vmlinuz", "ari": "initrd", "ami": "ext4"}.items()
        ],
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
