# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What disk_extract refuses before it reads; its work on real disks is an integration test."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import extract as extract_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._disk.extract import Outputs, Request
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner


def extract(source: Path, outputs: Outputs, *, partition: int | None = None) -> dict:
    return extract_module.extract(Runner(), str(source), outputs, Request(partition), check_mode=True)


def test_one_name_for_two_files(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(1 << 20))
    (tmp_path / "link").symlink_to("disk")
    out = str(tmp_path / "out")
    for outputs in (
        Outputs(str(disk), None, None),
        Outputs(None, out, out),
        Outputs(str(tmp_path / "link"), None, None),
    ):
        with pytest.raises(OptionError, match="must be different files"):
            extract(disk, outputs)


def test_a_source_without_a_root(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(1 << 20))
    with pytest.raises(OptionError, match="has neither a partition table nor a known file system"):
        extract(disk, Outputs(str(tmp_path / "root"), None, None))
    with pytest.raises(OptionError, match=r"src=.*: is neither a file nor a folder"):
        extract(tmp_path / "none", Outputs(str(tmp_path / "root"), None, None))
    with pytest.raises(OptionError, match=r"src=.*: is a folder, of which only a tree can be made; give tree alone"):
        extract(tmp_path, Outputs(str(tmp_path / "root"), None, None))
    Runner().run(["sfdisk", "-q", disk], stdin="label: dos\nstart=1,size=100,type=83\n")
    with pytest.raises(OptionError, match=r"partition=None: selects 0 file systems of .*; only ext2, ext3, ext4"):
        extract(disk, Outputs(str(tmp_path / "root"), None, None))
    assert [path.name for path in tmp_path.iterdir()] == ["disk"]
