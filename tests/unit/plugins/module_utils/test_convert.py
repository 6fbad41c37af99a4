# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans of conversions; the conversions themselves are integration tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils import _convert
from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._run import Runner


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({}, {"format": "qcow2", "compression": "zstd", "cluster_size": 1 << 20}),
        ({"compression": "zlib"}, {"format": "qcow2", "compression": "zlib", "cluster_size": 64 << 10}),
        ({"cluster_size": 4096}, {"format": "qcow2", "compression": "zstd", "cluster_size": 4096}),
        ({"format": "vhd", "subformat": "fixed"}, {"format": "vhd", "subformat": "fixed"}),
        ({"format": "raw"}, {"format": "raw"}),
    ],
)
def test_shape_that_is_asked_for(options: dict[str, object], shape: dict[str, object]) -> None:
    assert _convert.Conversion("a", "b", **options).shape() == shape


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
        _convert.run(Runner(), _convert.Conversion(str(tmp_path / src), str(tmp_path / dest), **options))
    assert raised.value.option == option
    assert sorted(tmp_path.iterdir()) == before


def test_facts_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    facts = _convert.facts(str(tmp_path / "file"))
    assert facts["size"] == 3
    assert str(facts["sha512"]).startswith("ddaf35a193617aba")
