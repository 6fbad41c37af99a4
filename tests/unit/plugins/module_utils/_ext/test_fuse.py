# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words that show a file system to one program."""

from __future__ import annotations

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._ext import fuse
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner


def test_the_program_gets_its_words_as_they_are() -> None:
    argv = [*fuse.view("/a disk;x", 1048576, "/mnt/$HOME", ["unshare", "--mount"]), "mke2fs", "-d", "a b"]
    assert argv[:4] == ["unshare", "--mount", "sh", "-c"]
    assert "a disk" not in argv[4]
    assert argv[6].endswith(",offset=1048576")
    assert argv[7:] == ["/a disk;x", "/mnt/$HOME", "mke2fs", "-d", "a b"]


def test_without_an_offset_none_is_given() -> None:
    assert "offset" not in fuse.view("/disk", 0, "/mnt", [])[4]


def test_a_missing_program_names_the_other_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuse, "find_program", lambda name: None)
    with pytest.raises(GoldsmithError, match=r"fuse2fs is not installed; .*set method=shrink"):
        fuse.check(Runner(), "/disk", 0, "/mnt", [], hint="set method=shrink")
