# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The forms of a disk are made side by side, and hashed once."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import extract
from ansible_collections.goldsmith.openstack.plugins.module_utils._evidence import forms
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import convert, packed_qcow2
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import chroot

NAMES = {"qcow2": "a.qcow2", "raw": "a.raw", "vhd": "a.vhd", "aki": "a.vmlinuz", "ari": "a.initrd", "ami": "a.ext4"}


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A raw disk; conversion and extraction write the name of the format, and wait for each other."""
    together = threading.Barrier(3)

    def write(path: str, check_mode: bool) -> None:
        together.wait(30)
        if not check_mode:
            Path(path).write_text(path)

    def run(_runner: Runner, conversion: convert.Conversion, *, check_only: bool) -> SimpleNamespace:
        write(conversion.dest, check_only)
        return SimpleNamespace(changed=True, seconds=1.25)

    def take(_runner: Runner, _disk: str, outputs: extract.Outputs, *, format: str, check_mode: bool) -> dict:
        assert format == "raw"
        write(outputs.root or "", check_mode)
        for path in (outputs.kernel, outputs.ramdisk):
            if not check_mode:
                Path(path or "").write_text("boot")
        return {"changed": True}

    monkeypatch.setattr(convert, "run", run)
    monkeypatch.setattr(extract, "extract", take)
    (tmp_path / "a.raw").write_bytes(bytes(4096))
    return {kind: str(tmp_path / name) for kind, name in NAMES.items()}


def test_all_are_made_at_once_and_told_in_order(paths: dict[str, str]) -> None:
    made = forms.make(Runner(), paths["raw"], paths, compression="zstd")
    assert made["changed"] is True
    assert [file["format"] for file in made["files"]] == list(NAMES)
    assert [file["file"] for file in made["files"]] == list(NAMES.values())
    for file in made["files"]:
        content = Path(paths[file["format"]]).read_bytes()
        assert file["sha512"] == hashlib.sha512(content).hexdigest()
        assert file.get("virtual_size") == (4096 if file["format"] in ("qcow2", "raw", "vhd") else None)
    assert made["timings"]["convert"] == 2.5
    assert set(made["timings"]) == {"convert", "triplet"}


@pytest.mark.parametrize(
    ("tree", "status", "compression", "packed"),
    [
        ("/tree", 0, "zstd", True),
        ("/tree", 127, "zstd", False),
        ("/tree", 0, "zlib", False),
        (None, 0, "zstd", False),
    ],
)
def test_the_zstd_in_the_tree_packs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tree: str | None, status: int, compression: str, packed: bool
) -> None:
    asked, done = [], []

    def answer(_runner: Runner, words: list[str]) -> SimpleNamespace:
        asked.append(words)
        return SimpleNamespace(rc=status)

    def run(_runner: Runner, conversion: convert.Conversion, *, check_only: bool) -> SimpleNamespace:
        done.append(conversion)
        Path(conversion.dest).touch()
        return SimpleNamespace(changed=True, seconds=1.0)

    monkeypatch.setattr(chroot, "enter_words", lambda tree, words: [tree, *words])
    monkeypatch.setattr(chroot, "run", answer)
    monkeypatch.setattr(convert, "run", run)
    (tmp_path / "a.raw").touch()
    paths = {kind: str(tmp_path / f"a.{kind}") for kind in ("qcow2", "vhd")}
    made = forms.make(Runner(), str(tmp_path / "a.raw"), paths, compression=compression, tree=tree)
    assert made["warnings"] == ([forms._BY_THIS_HOST] if status else [])
    packer = {conversion.format: list(conversion.packer) for conversion in done}
    assert packer == {"qcow2": ["/tree", *packed_qcow2.PACKER] if packed else [], "vhd": []}
    assert asked == ([["/tree", *packed_qcow2.PROBE]] if tree and compression == "zstd" else [])


def test_in_check_mode_nothing_is_written(paths: dict[str, str]) -> None:
    made = forms.make(Runner(), paths["raw"], paths, compression="zstd", check_mode=True)
    assert made["changed"] is True
    assert [file["format"] for file in made["files"]] == ["raw"]
    assert [path.name for path in Path(paths["raw"]).parent.iterdir()] == ["a.raw"]


def test_the_failure_of_one_is_that_of_all(paths: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_words: object, **_more: object) -> None:
        raise GoldsmithError("no room")

    monkeypatch.setattr(extract, "extract", fails)
    with pytest.raises(GoldsmithError, match=r"^no room$"):
        forms.make(Runner(), paths["raw"], {"ami": paths["ami"]}, compression="zstd")


def test_a_disk_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="is not a file; make it with loop_image"):
        forms.make(Runner(), str(tmp_path / "none"), {}, compression="zstd")
