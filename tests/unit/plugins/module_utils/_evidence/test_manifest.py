# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""manifest.json and SHA512SUMS."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._evidence import manifest
from ansible_collections.goldsmith.openstack.plugins.module_utils._evidence.manifest import Artifact
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.qcow2").write_bytes(b"disk")
    (tmp_path / "a.vmlinuz").write_bytes(b"kernel")
    return tmp_path


def write(folder: Path, *, check: bool = False, **more: Any) -> dict[str, Any]:
    artifacts = manifest.describe(str(folder), [Artifact("a.qcow2", "qcow2", 1000), Artifact("a.vmlinuz", "aki")])
    return manifest.write(str(folder), {"name": "a", "artifacts": artifacts, **more}, check_mode=check)


def test_files_are_described(folder: Path) -> None:
    assert manifest.describe(str(folder), [Artifact("a.vmlinuz", "aki"), Artifact("a.qcow2", "qcow2", 1000)]) == [
        {
            "file": "a.vmlinuz",
            "format": "aki",
            "size": 6,
            "virtual_size": 6,
            "sha512": hashlib.sha512(b"kernel").hexdigest(),
        },
        {
            "file": "a.qcow2",
            "format": "qcow2",
            "size": 4,
            "virtual_size": 1000,
            "sha512": hashlib.sha512(b"disk").hexdigest(),
        },
    ]
    with pytest.raises(OptionError, match=r"artifacts=b\.raw: is not in"):
        manifest.describe(str(folder), [Artifact("b.raw", "raw")])


def test_the_largest_kernel_and_ramdisk_decide_on_the_memory(tmp_path: Path) -> None:
    boot = tmp_path / "boot"
    assert manifest.memory(None, 512) == manifest.memory(str(tmp_path), 512) == 512
    boot.mkdir()
    (boot / "vmlinuz-6.12").write_bytes(b"")
    os.truncate(boot / "vmlinuz-6.12", 12 << 20)
    (boot / "initrd.img").symlink_to("/dev/zero")
    assert manifest.memory(str(tmp_path), 512) == 512
    for name, size in (("initrd.img-6.12", 20 << 20), ("initramfs-old.img", 5 << 20)):
        (boot / name).write_bytes(b"")
        os.truncate(boot / name, size)
    assert manifest.memory(str(tmp_path), 256) == manifest.memory(str(tmp_path), 512) == 512
    os.truncate(boot / "initrd.img-6.12", 80 << 20)
    assert manifest.memory(str(tmp_path), 512) == 1024
    assert manifest.memory(str(tmp_path), 2048) == 2048


def test_a_foreign_boot_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    for name in ("vmlinuz-1", "initrd.img-1"):
        (tmp_path / "elsewhere" / name).write_bytes(b"")
        os.truncate(tmp_path / "elsewhere" / name, 1 << 30)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "boot").symlink_to(tmp_path / "elsewhere")
    assert manifest.memory(str(tmp_path / "tree"), 512) == 512


def test_sums_are_accepted_by_sha512sum(folder: Path) -> None:
    result = write(folder)
    assert result["changed"] is True
    assert result["path"] == str(folder / "manifest.json")
    done = subprocess.run(["sha512sum", "--strict", "-c", "SHA512SUMS"], cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads((folder / "manifest.json").read_text())["artifacts"][0]["size"] == 4


def test_timings_alone_change_nothing(folder: Path) -> None:
    write(folder, timings={"boot": 1.0})
    text = (folder / "manifest.json").read_text()
    again = write(folder, timings={"boot": 2.0})
    assert again["changed"] is False
    assert again["diff"]["before"] == again["diff"]["after"]
    assert (folder / "manifest.json").read_text() == text
    assert write(folder, timings={"boot": 2.0}, definition={"x": 1})["changed"] is True
    assert json.loads((folder / "manifest.json").read_text())["timings"] == {"boot": 2.0}


def test_other_bytes_and_missing_sums_change_it(folder: Path) -> None:
    write(folder)
    (folder / "SHA512SUMS").unlink()
    assert write(folder)["changed"] is True
    (folder / "a.qcow2").write_bytes(b"other")
    checked = write(folder, check=True)
    assert checked["changed"] is True
    assert checked["diff"]["before"] != checked["diff"]["after"]
    assert hashlib.sha512(b"disk").hexdigest() in (folder / "SHA512SUMS").read_text()
    assert write(folder)["changed"] is True


@pytest.mark.parametrize("text", ["{half", "[]", "null", ""])
def test_a_damaged_manifest_is_written_again(folder: Path, text: str) -> None:
    write(folder)
    (folder / "manifest.json").write_text(text)
    assert write(folder)["changed"] is True
    assert json.loads((folder / "manifest.json").read_text())["name"] == "a"
