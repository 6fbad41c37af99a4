# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of RPM repositories in the cache of a request."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.runners import RecordingRunner

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.rpm_archive import RpmArchive
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.tree_request import Repository, Request


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RpmArchive:
    monkeypatch.setattr(namespaces, "prefix", list)
    repositories = (Repository("base", "http://a.example/os"),)
    request = Request(
        "/tree", "9", "x86_64", (), tool="dnf", repositories=repositories, keys=("k",), cache=str(tmp_path)
    )
    return RpmArchive(RecordingRunner(), request)


def test_the_state_is_that_of_the_repositories(archive: RpmArchive, tmp_path: Path) -> None:
    empty = archive.state()
    file = tmp_path / "base-1" / "repodata" / "repomd.xml"
    file.parent.mkdir(parents=True)
    file.write_text("one")
    first = archive.state()
    file.write_text("two")
    assert len({empty, first, archive.state()}) == 3
    file.write_text("one")
    assert archive.state() == first


def test_it_is_brought_up_to_date_for_no_tree_in_particular(archive: RpmArchive) -> None:
    assert archive.update().rc == 0
    (asked,) = [argv for argv in archive.runner.calls if "makecache" in argv]
    assert asked[-2:] == ["makecache", "--refresh"]
    root = asked[asked.index("--installroot") + 1]
    assert root != "/tree" and not Path(root).exists()
    assert archive.sources == ("http://a.example/os",)


def test_versions_are_not_asked(archive: RpmArchive) -> None:
    assert archive.versions(["vim"]) == {}
