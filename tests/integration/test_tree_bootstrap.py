# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tree_bootstrap, as far as it goes without an archive: what it refuses, keeps and removes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from helpers.file_server import served
from helpers.modules import run_module, start_module
from helpers.processes import family
from helpers.waiting import wait_for

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.scratch import scratch_folder
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import snapshot

pytestmark = pytest.mark.root


def bootstrap(path: Path, *, check: bool = False, **more: Any) -> dict[str, Any]:
    return run_module("tree_bootstrap", {"path": str(path), "release": "trixie", **more}, check=check)


def test_an_unreachable_mirror(tmp_path: Path) -> None:
    result = bootstrap(tmp_path / "tree", mirror="http://127.0.0.1:9/debian", cache_dir=str(tmp_path / "cache"))
    assert result["failed"] is True
    assert result["msg"] == (
        "mirror=deb http://127.0.0.1:9/debian trixie main: 127.0.0.1:9 cannot be reached; "
        "check mirror, proxy and the network"
    )
    assert result["rc"] != 0
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()


def test_a_mirror_without_the_release(tmp_path: Path) -> None:
    (tmp_path / "mirror").mkdir()
    result = bootstrap(tmp_path / "tree", mirror=f"copy://{tmp_path}/mirror")
    assert result["failed"] is True
    assert "\n" not in result["msg"]
    assert [path.name for path in tmp_path.iterdir()] == ["mirror"]


def test_a_folder_of_somebody_else_stays(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "mine").write_text("mine")
    for state in ("present", "absent"):
        result = bootstrap(tmp_path / "tree", state=state)
        assert "is a folder that no bootstrap made" in result["msg"]
    assert (tmp_path / "tree" / "mine").read_text() == "mine"


def test_absent_takes_all_away(tmp_path: Path) -> None:
    for name in ("tree", "tree.partial"):
        (tmp_path / name / "etc").mkdir(parents=True)
    (tmp_path / "tree.json").write_text(json.dumps({"definition": None}))
    assert bootstrap(tmp_path / "tree", state="absent", check=True)["changed"] is True
    assert len(list(tmp_path.iterdir())) == 3
    assert bootstrap(tmp_path / "tree", state="absent")["changed"] is True
    assert not list(tmp_path.iterdir())
    assert bootstrap(tmp_path / "tree", state="absent")["changed"] is False


def test_what_a_killed_one_has_left_is_removed_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    with family() as members:
        killed = start_module("tree_bootstrap", {"path": str(tmp_path / "tree"), "release": "trixie"})
        # mmdebstrap has a home of gpg from its beginning to its end.
        found = wait_for(lambda: list(scratch.glob("goldsmith-mmdebstrap-*/*/mmdebstrap.gpghome.*")))
        assert killed.poll() is None
        killed.kill()
        killed.wait()
        wait_for(lambda: not members())
    assert all(path.is_dir() for path in found)
    with scratch_folder("mmdebstrap"):
        assert not any(path.exists() for path in found)
    assert list(scratch.glob("goldsmith-mmdebstrap-*/*")) == []


def test_the_service_that_has_the_archive_of_a_day(tmp_path: Path) -> None:
    release = tmp_path / "debian/dists/trixie/InRelease"
    release.parent.mkdir(parents=True)
    with served(tmp_path) as host:
        line, other = (f"deb {host}/debian {suite} main" for suite in ("trixie", "nosuch"))
        release.write_text(f"Origin: Debian\nSnapshots: {host}/at/@SNAPSHOTID@/\n")
        found = snapshot.sources_at(Runner(), [line], "20261101T000000Z")
        assert found == (f"deb {host}/at/20261101T000000Z/ trixie main",)
        with pytest.raises(OptionError, match=f"{host}/debian/dists/nosuch/InRelease cannot be fetched"):
            snapshot.sources_at(Runner(), [other], "20261101T000000Z")
        release.write_text("Origin: Debian\n")
        with pytest.raises(OptionError, match="names no service that has its snapshots; give the URL of one in"):
            snapshot.sources_at(Runner(), [line], "20261101T000000Z")
