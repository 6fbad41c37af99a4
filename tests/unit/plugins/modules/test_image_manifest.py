# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module image_manifest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from helpers.modules import run_module

from ansible_collections.goldsmith.openstack.plugins.module_utils._evidence import made

GIB = 1 << 30


def record(folder: Path, *, check: bool = False, size: int | None = None, **more: Any) -> dict[str, Any]:
    item = {"file": "a.qcow2", "format": "qcow2", **({"virtual_size": size} if size else {})}
    return run_module("image_manifest", {"path": str(folder), "name": "a", "artifacts": [item], **more}, check=check)


def test_the_record(tmp_path: Path) -> None:
    (tmp_path / "a.qcow2").write_bytes(b"disk")
    assert record(tmp_path, check=True)["changed"] is True
    assert [path.name for path in tmp_path.iterdir()] == ["a.qcow2"]
    result = record(tmp_path, definition={"release": "trixie"}, properties={"os_distro": "debian"}, min_ram=512)
    assert result["changed"] is True
    content = json.loads((tmp_path / "manifest.json").read_text())
    assert content["definition"] == {"release": "trixie"}
    assert (content["min_ram"], content["properties"]) == (512, {"os_distro": "debian"})
    assert content["artifacts"] == result["artifacts"]
    assert (content["packages"], content["removed"]) == ([], {})


def test_packages_are_those_that_the_tree_has_now(tmp_path: Path) -> None:
    (tmp_path / "a.qcow2").write_bytes(b"disk")
    status = tmp_path / "tree/var/lib/dpkg/status"
    status.parent.mkdir(parents=True)
    status.write_text(
        "Package: jq\nStatus: install ok installed\nVersion: 1.7\nArchitecture: amd64\n\n"
        "Package: python3\nStatus: deinstall ok config-files\nVersion: 3.13\nArchitecture: amd64\n"
    )
    removed = {"packages": ["python3"], "size": 1024}
    record(tmp_path, tree=str(tmp_path / "tree"), removed=removed)
    content = json.loads((tmp_path / "manifest.json").read_text())
    assert content["packages"] == [{"package": "jq", "version": "1.7", "architecture": "amd64"}]
    assert content["removed"] == removed


def test_what_was_built_decides_and_what_is_given_goes_before(tmp_path: Path) -> None:
    for name in ("a.qcow2", "a.vmlinuz", "a.initrd", "a.ext4"):
        (tmp_path / name).write_bytes(b"x" * 100)
    formats = {"a.qcow2": "qcow2", "a.vmlinuz": "aki", "a.initrd": "ari", "a.ext4": "ami"}
    artifacts = [
        {"file": file, "format": form, **({"virtual_size": GIB + 1} if form == "qcow2" else {})}
        for file, form in formats.items()
    ]
    options = {
        "path": str(tmp_path),
        "name": "a",
        "artifacts": artifacts,
        "packages": [{"package": "qemu-guest-agent", "version": "1"}],
        "derived": {"hw_firmware_type": "uefi", "hw_disk_bus": "virtio", "os_distro": "debian", "os_version": 13},
        "properties": {"hw_disk_bus": "scsi", "os_command_line": "root=/dev/sda", "os_distro": ""},
        "epoch": 1763596800,
    }
    result = run_module("image_manifest", options)
    content = json.loads((tmp_path / "manifest.json").read_text())
    common = {
        "cloud_init_installed": "false",
        "hw_disk_bus": "scsi",
        "hw_qemu_guest_agent": "yes",
        "image_build_date": "2025-11-20",
        "os_version": "13",
    }
    disk = {**common, "hw_firmware_type": "uefi"}
    assert content["properties"] == {**disk, "os_command_line": "root=/dev/sda"}
    assert [(item["properties"], item["min_disk"]) for item in content["artifacts"]] == [
        (disk, 2),
        ({}, 0),
        ({}, 0),
        ({**common, "os_command_line": "root=/dev/sda"}, 1),
    ]
    assert (content["min_disk"], content["min_ram"], content["build_date"]) == (2, 0, "2025-11-20")
    for name in ("artifacts", "build_date", "min_disk", "min_ram", "properties"):
        assert result[name] == content[name]
    # The same content again is no change; another day of its packages is.
    assert run_module("image_manifest", options)["changed"] is False
    assert run_module("image_manifest", {**options, "epoch": 1763596800 + 86400}, check=True)["changed"] is True


@pytest.mark.parametrize(
    ("size", "given", "expected"), [(None, None, 1), (GIB, None, 1), (GIB + 1, None, 2), (1, 5, 5)]
)
def test_the_smallest_disk(tmp_path: Path, size: int | None, given: int | None, expected: int) -> None:
    (tmp_path / "a.qcow2").write_bytes(b"disk")
    record(tmp_path, size=size, **({"min_disk": given} if given else {}))
    assert json.loads((tmp_path / "manifest.json").read_text())["min_disk"] == expected


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    result = record(tmp_path)
    assert result["failed"] is True
    assert "artifacts=a.qcow2: is not in" in result["msg"]
    assert not list(tmp_path.iterdir())


def test_what_the_files_were_made_from_is_taken_down(tmp_path: Path) -> None:
    out, cache = tmp_path / "out", str(tmp_path / "cache")
    out.mkdir()
    (out / "a.qcow2").write_bytes(b"disk")
    layers = {"cache_dir": cache, "key": "made of this", "questions": "asked"}
    assert record(out, check=True, **layers)["proof"] == {}
    assert made.sums(cache, str(out), "made of this") == {}
    result = record(out, **layers)
    (artifact,) = result["artifacts"]
    assert made.sums(cache, str(out), "made of this") == {"a.qcow2": artifact["sha512"]}
    # The same bits, asked the same.
    made.keep_proof(cache, [artifact["sha512"]], "asked", {"boots": 1})
    assert record(out, **layers)["proof"] == {"boots": 1}
    assert record(out, **{**layers, "questions": "others"})["proof"] == {}
    (out / "a.qcow2").write_bytes(b"other")
    assert made.sums(cache, str(out), "made of this") == {}
    assert record(out, **layers)["proof"] == {}


@pytest.mark.parametrize("more", [{}, {"key": "key", "questions": "asked"}, {"questions": "asked"}])
def test_nothing_is_taken_down_without_a_place_or_a_key(tmp_path: Path, more: dict[str, Any]) -> None:
    out, cache = tmp_path / "out", tmp_path / "cache"
    out.mkdir()
    (out / "a.qcow2").write_bytes(b"disk")
    if "key" not in more and more:
        more = {**more, "cache_dir": str(cache)}
    assert record(out, **more)["proof"] == {}
    assert not cache.exists() or not list((cache / "records").iterdir())


def test_what_a_flavour_must_have_is_as_it_is_given(tmp_path: Path) -> None:
    (tmp_path / "a.qcow2").write_bytes(b"disk")
    assert "failed" not in record(tmp_path, min_ram=512, memory=256, min_disk=4)
    content = json.loads((tmp_path / "manifest.json").read_text())
    assert (content["min_ram"], content["min_disk"]) == (256, 4)
