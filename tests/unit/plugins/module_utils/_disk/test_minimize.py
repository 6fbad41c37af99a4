# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What fs_minimize refuses before it touches anything. Its work on real file systems is an integration test."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import minimize
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Result


class NothingAttached:
    """losetup knows no device; sfdisk finds no table."""

    def run(self, argv, **_options) -> Result:
        return Result(tuple(argv), 1 if argv[0] == "sfdisk" else 0, "", "")


@pytest.mark.parametrize(
    ("at", "sign", "said"),
    [
        (0, b"QFI\xfb", "qcow2.*disk_convert"),
        (0, b"LUKS\xba\xbe", "LUKS.*decrypt"),
        (0, b"XFSB", "xfs"),
        (0, b"conectix", "VHD"),
        (0x10040, b"_BHRfS_M", "btrfs"),
        (512, b"LABELONE", "LVM"),
        (0, b"plain", "neither an ext3 or ext4 file system nor a disk"),
    ],
)
def test_other_content_is_named(tmp_path: Path, at: int, sign: bytes, said: str) -> None:
    disk = bytearray(1 << 17)
    disk[at : at + len(sign)] = sign
    path = tmp_path / "disk"
    path.write_bytes(disk)
    with pytest.raises(OptionError, match=said):
        minimize.find(NothingAttached(), str(path))
    assert path.read_bytes() == disk


@pytest.mark.parametrize("free", [-0.01, 0.95])
def test_the_share_that_stays_free_has_limits(tmp_path: Path, free: float) -> None:
    with pytest.raises(OptionError, match="free="):
        minimize.run(NothingAttached(), str(tmp_path / "disk"), method="shrink", free=free)


def test_no_file_and_a_name_that_the_tools_cannot_take(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="is not a file"):
        minimize.find(NothingAttached(), str(tmp_path))
    with pytest.raises(GoldsmithError, match="question mark"):
        minimize.find(NothingAttached(), str(tmp_path / "a?offset=1"))
