# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a superblock says."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.disks import UUID, debugfs, make_repeatable

from ansible_collections.goldsmith.openstack.plugins.module_utils._ext import ext_facts


def facts(path: Path) -> dict[str, str]:
    return ext_facts.facts(path.read_bytes()[1024:2048])


def test_the_facts_of_a_superblock(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    found = facts(make_repeatable(tmp_path / "image", tmp_path / "tree"))
    assert (found["UUID"], found["seed of folders"], found["label"]) == (UUID, UUID, "")
    assert (found["blocks (lower half)"], found["size of blocks"], found["size of inodes"]) == ("3072", "4096", "256")
    assert found["made"] == "2001-09-09T01:46:40Z"


@pytest.mark.parametrize(
    ("field", "value", "name", "shown"),
    [
        ("volume_name", "gold", "label", "gold"),
        ("lastcheck", "@5", "checked", "1970-01-01T00:00:05Z"),
        ("mtime", "@5", "mounted", "1970-01-01T00:00:05Z"),
        ("mkfs_time", "@5", "made", "1970-01-01T00:00:05Z"),
        ("mnt_count", "7", "mounts since the last check", "7"),
        ("max_mnt_count", "9", "mounts until a check", "9"),
        ("checkinterval", "60", "seconds until a check", "60"),
        ("r_blocks_count", "11", "reserved blocks", "11"),
        ("last_mounted", "/mnt", "last mounted on", "/mnt"),
        ("kbytes_written", "12345", "kibibytes written", "12345"),
        ("error_count", "3", "errors", "3"),
        ("default_mount_opts", "0x4", "mount options", "0x4"),
    ],
)
def test_a_field_that_is_changed(tmp_path: Path, field: str, value: str, name: str, shown: str) -> None:
    (tmp_path / "tree").mkdir()
    image = make_repeatable(tmp_path / "image", tmp_path / "tree")
    before = facts(image)
    debugfs(image, f"ssv {field} {value}")
    after = facts(image)
    assert after[name] == shown
    changed = {key for key in after if after[key] != before[key]}
    # debugfs counts what it writes.
    assert changed - {"kibibytes written"} == {name} - {"kibibytes written"}


@pytest.mark.parametrize(
    ("nanoseconds", "shown"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (10**18 + 5, "2001-09-09T01:46:40.000000005Z"),
        (-(10**9), "1969-12-31T23:59:59Z"),
        (15032385535 * 10**9, "2446-05-10T22:38:55Z"),
    ],
)
def test_times(nanoseconds: int, shown: str) -> None:
    assert ext_facts.shown_time(nanoseconds) == shown
