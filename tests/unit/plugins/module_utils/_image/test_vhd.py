# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The footer of a VHD."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import vhd as vhd_module


def vhd(
    path: Path, *, content: bytes = b"x" * 1024, time: int = 1, identifier: bytes = b"i" * 16, kind: int = 3
) -> str:
    footer = bytearray(512)
    footer[:8] = b"conectix"
    struct.pack_into(">I", footer, 24, time)
    struct.pack_into(">I", footer, 60, kind)
    footer[68:84] = identifier
    path.write_bytes((bytes(footer) if kind == 3 else b"") + content + bytes(footer))
    return str(path)


@pytest.mark.parametrize("kind", [2, 3])
def test_the_same_content_gives_the_same_file(tmp_path: Path, kind: int) -> None:
    one = vhd(tmp_path / "one", time=1, identifier=b"a" * 16, kind=kind)
    other = vhd(tmp_path / "other", time=2, identifier=b"b" * 16, kind=kind)
    third = vhd(tmp_path / "third", content=b"y" * 1024, kind=kind)
    for path in (one, other, third):
        vhd_module.settle(path)
    assert Path(one).read_bytes() == Path(other).read_bytes()
    assert Path(one).read_bytes()[-444:-428] != Path(third).read_bytes()[-444:-428]


def test_the_checksum_is_right_and_the_copy_at_the_front_agrees(tmp_path: Path) -> None:
    path = vhd(tmp_path / "disk")
    vhd_module.settle(path)
    raw = Path(path).read_bytes()
    assert raw[:512] == raw[-512:]
    checksum = struct.unpack_from(">I", raw, 64)[0]
    assert checksum == ~(sum(raw[:64]) + sum(raw[68:512])) & 0xFFFFFFFF


def test_kinds_of_vhd(tmp_path: Path) -> None:
    assert vhd_module.subformat(vhd(tmp_path / "a", kind=2)) == "fixed"
    assert vhd_module.subformat(vhd(tmp_path / "b", kind=3)) == "dynamic"
    with pytest.raises(GoldsmithError, match="needs another file"):
        vhd_module.subformat(vhd(tmp_path / "c", kind=4))
    (tmp_path / "d").write_bytes(bytes(100))
    with pytest.raises(GoldsmithError, match="is not a VHD"):
        vhd_module.subformat(str(tmp_path / "d"))


@pytest.mark.parametrize(("kind", "expected"), [(2, None), (3, None), (4, "a parent")])
def test_a_parent(tmp_path: Path, kind: int, expected: str | None) -> None:
    path = vhd(tmp_path / "disk", kind=kind)
    assert vhd_module.other_file(path) == expected


def test_a_parent_by_the_first_footer_alone(tmp_path: Path) -> None:
    path = vhd(tmp_path / "disk", kind=3)
    with open(path, "r+b") as file:
        file.seek(60)
        file.write(struct.pack(">I", 4))
    assert vhd_module.other_file(path) == "a parent"
