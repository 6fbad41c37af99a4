# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workspace of a build and who may have it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import lifeline, namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.workspace import Workspace, workspace


@pytest.fixture(autouse=True)
def no_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespaces, "prefix", list)


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return workspace("image", str(tmp_path / "out"), str(tmp_path / "cache"))


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen]:
    """A process that stands for another run."""
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def present(place: Workspace, *, check: bool = False) -> dict:
    return place.present(Runner(), check_mode=check)


def absent(place: Workspace, *, check: bool = False) -> dict:
    return place.absent(Runner(), check_mode=check)


def test_one_for_each_place(tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    paths = {workspace("a", str(tmp_path / out), cache).path for out in ("one", "two", "one/../one", "./one/")}
    assert len(paths) == 2
    (tmp_path / "one").mkdir()
    (tmp_path / "link").symlink_to("one")
    assert workspace("a", str(tmp_path / "link"), cache).path in paths


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden", "/"])
def test_names_that_are_paths(name: str) -> None:
    with pytest.raises(OptionError, match=f"name={name}: is not a file name"):
        workspace(name, "out", "cache")


def test_check_mode_makes_nothing(place: Workspace, tmp_path: Path) -> None:
    result = present(place, check=True)
    assert (result["changed"], result["path"]) == (True, place.path)
    assert not list(tmp_path.iterdir())


def test_nobody_else_gets_to_it(place: Workspace) -> None:
    present(place)
    assert os.stat(place.path).st_mode & 0o7777 == 0o700


def test_what_a_killed_run_left_is_gone(place: Workspace) -> None:
    present(place)
    Path(place.path, "tree").mkdir()
    Path(place.output_dir, ".a.qcow2.partial").write_text("half")
    Path(place.output_dir, "a.qcow2").write_text("whole")
    present(place)
    assert os.listdir(place.path) == []
    assert os.listdir(place.output_dir) == ["a.qcow2"]


def test_absent_leaves_no_trace_of_a_build_that_failed(place: Workspace, tmp_path: Path) -> None:
    present(place)
    assert absent(place, check=True)["changed"] is True
    assert Path(place.path).is_dir()
    assert absent(place)["changed"] is True
    assert not Path(place.output_dir).exists()
    assert os.listdir(os.path.dirname(place.path)) == []
    assert absent(place)["changed"] is False


def test_absent_keeps_what_was_made(place: Workspace) -> None:
    present(place)
    Path(place.output_dir, "a.qcow2").write_text("whole")
    absent(place)
    assert os.listdir(place.output_dir) == ["a.qcow2"]


def test_the_same_run_takes_it_again(place: Workspace) -> None:
    present(place)
    owner = json.loads(Path(place.lock).read_text())
    assert owner == list(lifeline.run_owner())
    present(place)
    absent(place)


def test_another_living_run_keeps_it(place: Workspace, sleeper: subprocess.Popen) -> None:
    present(place)
    Path(place.path, "tree").write_text("of the other")
    Path(place.lock).write_text(json.dumps([sleeper.pid, lifeline.start_time(sleeper.pid)]))
    said = f"{place.output_dir} is being built by process {sleeper.pid}; wait until it ends, or choose another"
    for act in (present, absent):
        for check in (True, False):
            with pytest.raises(GoldsmithError, match=said):
                act(place, check=check)
    assert os.listdir(place.path) == ["tree"]
    sleeper.kill()
    sleeper.wait()
    present(place)
    assert os.listdir(place.path) == []


@pytest.mark.parametrize("text", ["", "{half", "[]", "null", "[1]", '["x", "y"]'])
def test_a_damaged_lock_is_free(place: Workspace, text: str) -> None:
    present(place)
    Path(place.lock).write_text(text)
    present(place)
    assert json.loads(Path(place.lock).read_text()) == list(lifeline.run_owner())


def test_a_number_that_another_process_has_now_is_free(place: Workspace, sleeper: subprocess.Popen) -> None:
    present(place)
    Path(place.lock).write_text(json.dumps([sleeper.pid, "1"]))
    present(place)


def test_other_images_are_built_side_by_side(place: Workspace, tmp_path: Path, sleeper: subprocess.Popen) -> None:
    present(place)
    Path(place.lock).write_text(json.dumps([sleeper.pid, lifeline.start_time(sleeper.pid)]))
    for name, out in (("other", "out"), ("image", "elsewhere")):
        present(workspace(name, str(tmp_path / out), str(tmp_path / "cache")))


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(GoldsmithError, match=r"image_output_dir=.*: cannot be written: Not a directory"):
        present(workspace("image", str(tmp_path / "file" / "out"), str(tmp_path / "cache")))


@pytest.mark.parametrize(
    ("flags", "fault"), [(os.ST_NOEXEC, "mounted with noexec, so no program"), (0, "gives no file to another owner")]
)
def test_a_file_system_that_no_tree_can_work_on(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, flags: int, fault: str
) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _path: SimpleNamespace(f_flag=flags))
    # What runs behind it fails.
    monkeypatch.setattr(namespaces, "prefix", lambda: ["false"])
    with pytest.raises(GoldsmithError, match=f"image_cache_dir={place.cache_dir}: its file system .*{fault}"):
        present(place)
    assert not os.path.exists(place.path)
    present(replace(place, tree=False))
