# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans of conversions, and what a packer of the caller's makes; all other conversions are integration tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import convert


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({}, {"format": "qcow2", "compression": "zstd", "cluster_size": 256 << 10}),
        ({"compression": "zlib"}, {"format": "qcow2", "compression": "zlib", "cluster_size": 64 << 10}),
        ({"cluster_size": 4096}, {"format": "qcow2", "compression": "zstd", "cluster_size": 4096}),
        ({"format": "vhd", "subformat": "fixed"}, {"format": "vhd", "subformat": "fixed"}),
        ({"format": "raw"}, {"format": "raw"}),
    ],
)
def test_shape_that_is_asked_for(options: dict[str, object], shape: dict[str, object]) -> None:
    assert convert.Conversion("a", "b", **options).shape() == shape


@pytest.mark.parametrize(
    ("src", "dest", "options", "option"),
    [
        ("none", "out", {}, "src"),
        ("disk", "folder", {}, "dest"),
        ("disk", "none/out", {}, "dest"),
        ("disk", "disk", {}, "dest"),
        ("disk", "out", {"cluster_size": 100_000}, "cluster_size"),
        ("disk", "out", {"cluster_size": 4 << 20}, "cluster_size"),
    ],
)
def test_options_that_cannot_be(tmp_path: Path, src: str, dest: str, options: dict[str, int], option: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "disk").write_bytes(bytes(512))
    before = sorted(tmp_path.iterdir())
    with pytest.raises(OptionError) as raised:
        convert.run(Runner(), convert.Conversion(str(tmp_path / src), str(tmp_path / dest), **options))
    assert raised.value.option == option
    assert sorted(tmp_path.iterdir()) == before


def test_only_the_same_bytes_are_what_a_packer_makes(tmp_path: Path) -> None:
    (tmp_path / "disk").write_bytes(b"text " * 300_000)
    words = ["split", "--bytes=256K", "--filter=zstd -q -c", "-"]
    by_us = convert.Conversion(str(tmp_path / "disk"), str(tmp_path / "out"), "qcow2", "raw", packer=words)
    assert convert.run(Runner(), by_us).changed is True
    first, inode = (tmp_path / "out").read_bytes(), (tmp_path / "out").stat().st_ino
    assert convert.run(Runner(), by_us).changed is False
    assert (tmp_path / "out").stat().st_ino == inode
    # The same disk, packed in another way: as the zstd of another host may.
    other = replace(by_us, packer=[*words[:2], "--filter=zstd -q -c -19", "-"])
    assert convert.run(Runner(), other).changed is True
    assert (tmp_path / "out").read_bytes() != first
    assert convert.run(Runner(), by_us, check_only=True).changed is False
    assert convert.run(Runner(), by_us).changed is True
    assert (tmp_path / "out").read_bytes() == first


def test_facts_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    facts = convert.facts(str(tmp_path / "file"))
    assert facts["size"] == 3
    assert str(facts["sha512"]).startswith("ddaf35a193617aba")
