# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a tree is made, kept, made again and removed; the bootstrap tool itself is recorded."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.runners import RecordingRunner

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import emulators, namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import bootstrap

STATUS = "Package: vim\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2:9.1\n\n"


@pytest.fixture(autouse=True)
def no_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespaces, "prefix", list)
    monkeypatch.setattr(namespaces, "check", lambda runner: None)
    monkeypatch.setattr(emulators, "check", lambda runner, architecture, prefix: None)


@pytest.fixture
def request_(tmp_path: Path) -> bootstrap.Request:
    return bootstrap.Request(str(tmp_path / "tree"), "trixie", "amd64", ("vim",))


class Tools(RecordingRunner):
    """rm removes; mmdebstrap makes a tree, or fails when *broken*."""

    def __init__(self, broken: bool = False) -> None:
        super().__init__(self.answer)
        self.broken = broken
        self.made = 0

    def answer(self, argv: list[str]):
        if argv[0] == "rm":
            assert argv[:4] == ["rm", "-rf", "--one-file-system", "--"]
            path = Path(argv[-1])
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        elif "mmdebstrap" in argv:
            tree = Path(argv[argv.index("trixie") + 1])
            (tree / "var/lib/dpkg/info").mkdir(parents=True)
            (tree / "var/lib/dpkg/status").write_text(STATUS)
            self.made += 1
            if self.broken:
                return 1, "E: it broke\n", ""
        elif argv[0] == "find":
            return 0, "1600000000\n1500000000\n", ""
        return None


def test_a_tree_is_made_once(request_: bootstrap.Request, tmp_path: Path) -> None:
    tools = Tools()
    result = bootstrap.present(tools, request_, check_mode=False)
    assert result["changed"] is True
    assert result["packages"] == [{"package": "vim", "version": "2:9.1", "architecture": "amd64"}]
    assert result["epoch"] == 1600000000
    # Nothing in it is newer than that.
    assert [argv[-2:] for argv in tools.calls if "clamp" in argv] == [[f"{request_.path}.partial", "1600000000"]]
    assert sorted(os.listdir(tmp_path)) == ["tree", "tree.json"]
    (tmp_path / "tree" / "added").write_text("by a task")
    again = bootstrap.present(tools, replace(request_, cache="/elsewhere"), check_mode=False)
    assert again == {**{name: result[name] for name in ("path", "packages", "epoch", "seconds")}, "changed": False}
    assert tools.made == 1


def test_where_its_programs_do_not_run_no_tree_is_begun(
    request_: bootstrap.Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_runner: object, architecture: str, prefix: list[str]) -> None:
        raise OptionError("image_architecture", architecture, "cannot be run")

    monkeypatch.setattr(emulators, "check", refuse)
    tools = Tools()
    with pytest.raises(OptionError, match=r"^image_architecture=arm64: cannot be run$"):
        bootstrap.present(tools, replace(request_, architecture="arm64"), check_mode=False)
    assert tools.calls == []
    assert os.listdir(tmp_path) == []


def test_another_request_makes_another_tree(request_: bootstrap.Request, tmp_path: Path) -> None:
    tools = Tools()
    bootstrap.present(tools, request_, check_mode=False)
    other = replace(request_, packages=("vim", "curl"))
    checked = bootstrap.present(tools, other, check_mode=True)
    assert checked["changed"] is True
    assert checked["diff"]["before"]["packages"] == ["vim"]
    assert checked["diff"]["after"]["packages"] == ["vim", "curl"]
    assert tools.made == 1
    assert bootstrap.present(tools, other, check_mode=False)["changed"] is True
    assert bootstrap.present(tools, other, check_mode=False)["changed"] is False
    assert tools.made == 2


def test_a_failure_keeps_the_tree_before(request_: bootstrap.Request, tmp_path: Path) -> None:
    bootstrap.present(Tools(), request_, check_mode=False)
    (tmp_path / "tree" / "added").write_text("by a task")
    with pytest.raises(GoldsmithError, match="it broke"):
        bootstrap.present(Tools(broken=True), replace(request_, packages=()), check_mode=False)
    assert sorted(os.listdir(tmp_path)) == ["tree", "tree.json"]
    assert (tmp_path / "tree" / "added").exists()
    assert bootstrap.present(Tools(), request_, check_mode=False)["changed"] is False


def test_what_a_killed_run_left_is_made_again(
    request_: bootstrap.Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = Tools()
    bootstrap.present(tools, request_, check_mode=False)

    class Killed(BaseException):
        pass

    def killed(*arguments: object) -> None:
        raise Killed

    # Between the removal of the old tree and the record of the new one.
    other = replace(request_, packages=())
    for step in ("rename", "packages"):
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(bootstrap.os if step == "rename" else bootstrap.rootfs, step, killed)
            bootstrap.present(tools, other, check_mode=False)
        (tmp_path / "tree.partial").mkdir(exist_ok=True)
        for wanted in (request_, other):
            assert bootstrap.present(tools, wanted, check_mode=True)["changed"] is True
    assert bootstrap.present(tools, other, check_mode=False)["changed"] is True
    assert sorted(os.listdir(tmp_path)) == ["tree", "tree.json"]


def test_folders_and_records_that_are_not_ours(request_: bootstrap.Request, tmp_path: Path) -> None:
    (tmp_path / "tree" / "etc").mkdir(parents=True)
    with pytest.raises(OptionError, match="no bootstrap made"):
        bootstrap.present(Tools(), request_, check_mode=True)
    with pytest.raises(OptionError, match="no bootstrap made"):
        bootstrap.absent(Tools(), request_.path, check_mode=False)
    (tmp_path / "tree.json").write_text("{half")
    with pytest.raises(GoldsmithError, match=r"tree\.json is damaged.*remove it"):
        bootstrap.present(Tools(), request_, check_mode=False)


def test_an_empty_folder_is_taken(request_: bootstrap.Request, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    assert bootstrap.present(Tools(), request_, check_mode=False)["changed"] is True


def test_old_packages_leave_the_cache(
    request_: bootstrap.Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "a_1_amd64.deb").write_text("a")
    (cache / "note").write_text("not a package")
    bootstrap.present(Tools(), replace(request_, cache=str(cache)), check_mode=False)
    assert sorted(os.listdir(cache)) == ["a_1_amd64.deb", "note"]
    now = bootstrap.time.time()
    monkeypatch.setattr(bootstrap.time, "time", lambda: now + 31 * 86400)
    bootstrap.present(Tools(), replace(request_, cache=str(cache), packages=()), check_mode=False)
    assert os.listdir(cache) == ["note"]


def test_the_record_is_json(request_: bootstrap.Request) -> None:
    bootstrap.present(Tools(), request_, check_mode=False)
    assert json.loads(Path(f"{request_.path}.json").read_text())["request"]["release"] == "trixie"
