# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a build goes on. The archive and the bootstrap are stand-ins, the store of layers is the real one."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import emulators, namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Result, Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import guest_sources, mmdebstrap, resume, stack
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.layers import Store
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.resume import PACKAGES, Beginning, Step, chain
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.tree_request import Request, Source

SOURCES = ("deb http://deb.example/debian trixie main",)
SOURCE = Source("a", "http://a.example", ("trixie-backports",), ("main",))


class Archive:
    """An archive with versions of packages; *state* is that of its Release files."""

    def __init__(self) -> None:
        self.packages = {"vim": "1", "curl": "1"}
        self.state_, self.rc = "first", 0
        self.asked = 0
        self.places: list[str] = []

    def open(
        self,
        runner: Runner,
        folder: str,
        sources: Sequence[str],
        architecture: str,
        proxy: str,
        expired: bool,
        keys: Sequence[str],
        keyrings: Sequence[tuple[str, str]],
        pins: Sequence[str],
    ) -> Archive:
        self.sources, self.lists = tuple(sources), f"{folder}/lists"
        self.places.append(folder)
        return self

    def update(self) -> Result:
        return Result((), self.rc, "E: Unable to connect to deb.example:80:\n" if self.rc else "", "")

    def state(self) -> str:
        return self.state_

    def versions(self, packages: Sequence[str]) -> dict[str, str]:
        self.asked += 1
        return {name: self.packages[name] for name in packages} if set(packages) <= set(self.packages) else {}


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> Archive:
    archive = Archive()
    monkeypatch.setattr(resume, "Archive", archive.open)
    return archive


@pytest.fixture
def filled(monkeypatch: pytest.MonkeyPatch, archive: Archive) -> list[Request]:
    """The requests that were bootstrapped."""
    requests: list[Request] = []

    def fill(runner: Runner, request: Request, prefix: Sequence[str], files: str) -> dict[str, Any]:
        requests.append(request)
        assert (prefix, files) == (stack.prefix(request.path), stack.upper(request.path))
        Path(files, "made").write_text(str(len(requests)))
        if "broken" in request.packages:
            raise GoldsmithError("it broke")
        packages = [{"package": name, "version": archive.packages[name]} for name in request.packages]
        return {"packages": packages, "epoch": 1, "seconds": 0.1}

    monkeypatch.setattr(resume.bootstrap, "fill", fill)
    return requests


@pytest.fixture(autouse=True)
def no_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespaces, "prefix", list)
    monkeypatch.setattr(namespaces, "check", lambda runner: None)
    monkeypatch.setattr(emulators, "check", lambda runner, architecture, prefix: None)
    monkeypatch.setattr(stack, "possible", lambda runner, tree: False)


Begin = Callable[..., Beginning]


@pytest.fixture
def begin(archive: Archive, filled: list[Request], tmp_path: Path) -> Begin:
    """A build in a new tree."""
    number = iter(range(1000))

    def begin(*steps: Step, fresh: bool = False, **values: Any) -> Beginning:
        tree = str(tmp_path / f"tree{next(number)}")
        request = Request(tree, "trixie", "amd64", ("vim", "curl"), sources=SOURCES)
        return Beginning(Runner(), replace(request, **values), str(tmp_path / "cache"), steps, fresh=fresh)

    return begin


def keep(tmp_path: Path, kind: str, key: str, tree: str = "tree0") -> None:
    """Keep a tree as the module tree_layer does."""
    Store(Runner(), str(tmp_path / "cache")).keep(kind, key, str(tmp_path / tree), {"kind": kind})


def test_each_key_is_determined_by_those_below() -> None:
    def keys(packages: str = "p", guest: str = "g", roles: str = "r") -> dict[str, str]:
        return chain(packages, [Step("guest", guest), Step("roles", roles)])

    base = keys()
    assert list(base) == [PACKAGES, "guest", "roles"]
    assert base == keys()
    for other, changed in (
        (keys(packages="q"), {PACKAGES, "guest", "roles"}),
        (keys(guest="h"), {"guest", "roles"}),
        (keys(roles="s"), {"roles"}),
    ):
        assert {name for name in base if base[name] != other[name]} == changed
        assert all(other.values())


@pytest.mark.parametrize("laid", [{}, {"warnings": ["a volume is left out"]}])
def test_what_was_said_of_the_base_is_kept(begin: Begin, laid: dict[str, Any]) -> None:
    first = begin()
    first._lay = lambda folder: laid
    key, facts = first.make()
    assert facts.get("base_warnings") == laid.get("warnings")
    assert begin().lay(chain(key, [])) == (PACKAGES, facts)


def test_above_what_is_not_known_nothing_is() -> None:
    steps = [Step("guest", "g"), Step("roles", ""), Step("artifacts", "a")]
    assert chain("", steps) == {PACKAGES: "", "guest": "", "roles": "", "artifacts": ""}
    keys = chain("p", steps)
    assert keys["guest"] and (keys["roles"], keys["artifacts"]) == ("", "")


def test_a_first_build_makes_and_a_second_one_finds(begin: Begin, filled: list[Request], tmp_path: Path) -> None:
    first = begin()
    assert first.packages_key() == ""
    assert first.lay(chain("", [])) == ("", {})
    assert os.listdir(tmp_path) == ["cache"]
    key, facts = first.make()
    assert key and facts["epoch"] == 1
    assert (filled[0].sources, filled[0].path) == (SOURCES, str(tmp_path / "tree0"))
    assert filled[0].lists.startswith(str(tmp_path / "cache/archives"))
    second = begin()
    assert second.packages_key() == key
    assert second.lay(chain(key, [])) == (PACKAGES, facts)
    assert (tmp_path / "tree1/made").read_text() == "1"
    assert len(filled) == 1


def test_an_archive_that_has_changed_elsewhere(begin: Begin, archive: Archive) -> None:
    key, _facts = begin().make()
    archive.state_ = "second"
    archive.packages["other"] = "1"
    assert begin().packages_key() == key
    assert archive.asked == 1
    # Now this state is known too.
    assert begin().packages_key() == key
    assert archive.asked == 1


def test_other_versions_are_other_packages(begin: Begin, archive: Archive) -> None:
    first, _facts = begin().make()
    archive.state_, archive.packages["vim"] = "second", "2"
    assert begin().packages_key() == ""
    second, _facts = begin().make()
    assert second != first
    assert begin().packages_key() == second
    # A mirror that has gone back.
    archive.state_, archive.packages["vim"] = "third", "1"
    assert begin().packages_key() == first


def test_packages_that_cannot_be_had_any_more(begin: Begin, archive: Archive) -> None:
    begin().make()
    archive.state_, archive.packages = "second", {"vim": "1"}
    assert begin().packages_key() == ""


@pytest.mark.parametrize(
    "values",
    [
        {"packages": ("vim",)},
        {"release": "forky"},
        {"architecture": "arm64"},
        {"components": ("main", "contrib")},
        {"exclude": ("/usr/share/doc/*",)},
        {"files": (("/etc/a", "1"),)},
        {"sources": ("deb http://other.example/debian trixie main",)},
        {"keyrings": (("/etc/apt/keyrings/a.asc", "KEY"),)},
        *({"extra": (SOURCE, replace(SOURCE, **other))} for other in ({}, {"name": "b"}, {"suites": ("x",)})),
        *({"extra": (replace(SOURCE, **other),)} for other in ({}, {"key": "K"}, {"pin": "origin a", "priority": 9})),
    ],
)
def test_another_request_is_another_tree(begin: Begin, values: dict[str, Any]) -> None:
    begin().make()
    assert begin(**values).packages_key() == ""


@pytest.mark.parametrize("values", [{"cache": "/debs"}, {"proxy": "http://proxy.example:3128"}, {"lists": "/lists"}])
def test_how_packages_get_here_does_not_matter(begin: Begin, values: dict[str, Any]) -> None:
    key, _facts = begin().make()
    assert begin(**values).packages_key() == key


@pytest.mark.parametrize("module", ["bootstrap", "mmdebstrap", "locale"])
def test_our_own_code_matters(begin: Begin, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    begin().make()
    getsource, changed = resume.inspect.getsource, getattr(resume, module)
    monkeypatch.setattr(
        resume.inspect, "getsource", lambda each: getsource(each) + ("# new" if each is changed else "")
    )
    assert begin().packages_key() == ""


def test_the_uppermost_step_that_is_there(begin: Begin, tmp_path: Path) -> None:
    steps = (Step("guest", "g"), Step("roles", "r"))
    key, _facts = begin(*steps).make()
    keys = chain(key, steps)
    for expected in (PACKAGES, "guest", "roles"):
        if expected != PACKAGES:
            keep(tmp_path, expected, keys[expected])
        assert begin(*steps).lay(keys)[0] == expected
    other = (Step("guest", "g"), Step("roles", "s"))
    assert begin(*other).lay(chain(key, other)) == ("guest", {"kind": "guest"})
    # Without its packages none of them counts.
    assert begin(*steps).lay(chain("", steps)) == ("", {})


def test_a_step_without_a_digest_is_never_found(begin: Begin, tmp_path: Path) -> None:
    steps = (Step("guest", "g"), Step("roles", ""))
    key, _facts = begin(*steps).make()
    keys = chain(key, steps)
    keep(tmp_path, "roles", keys["roles"])
    assert begin(*steps).lay(keys)[0] == PACKAGES


def test_the_age_of_a_step(begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def steps(age: float | None) -> tuple[Step, Step]:
        return Step("guest", "g"), Step("roles", "r", age)

    key, _facts = begin().make()
    keys = chain(key, steps(None))
    for kind in ("guest", "roles"):
        keep(tmp_path, kind, keys[kind])
    now = resume.time.time()
    monkeypatch.setattr(resume.time, "time", lambda: now + 3600)
    for age, kind in ((0, "guest"), (3000, "guest"), (4000, "roles"), (None, "roles")):
        assert begin(*steps(age)).lay(keys)[0] == kind


def test_all_anew_finds_and_keeps_nothing(begin: Begin, filled: list[Request], tmp_path: Path) -> None:
    key, _facts = begin().make()
    fresh = begin(fresh=True)
    assert fresh.packages_key() == ""
    assert fresh.make()[0] == key
    assert len(filled) == 2
    begin(fresh=True, packages=("vim",)).make()
    assert begin(packages=("vim",)).packages_key() == ""
    assert len(Store(Runner(), str(tmp_path / "cache")).layers()) == 1


def test_a_failure_leaves_no_tree(begin: Begin, tmp_path: Path) -> None:
    with pytest.raises(GoldsmithError, match="it broke"):
        begin(packages=("broken",)).make()
    assert os.listdir(tmp_path) == ["cache"]
    assert begin(packages=("broken",)).packages_key() == ""


def test_an_archive_that_is_away_is_told(begin: Begin, archive: Archive) -> None:
    archive.rc = 100
    with pytest.raises(
        GoldsmithError, match=r" deb\.example:80 cannot be reached; check mirror, proxy and the network"
    ):
        begin()


def test_the_sources_of_a_release_are_asked_once(
    begin: Begin, archive: Archive, filled: list[Request], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []

    def release_sources(runner: Runner, request: Request, prefix: Sequence[str]) -> tuple[str, ...]:
        asked.append(request.release)
        return (f"deb http://deb.example/debian {request.release} main", "deb http://deb.example/security x main")

    tool = tmp_path / "mmdebstrap"
    tool.touch()
    monkeypatch.setattr(mmdebstrap, "release_sources", release_sources)
    monkeypatch.setattr(guest_sources, "find_program", lambda name: str(tool))
    begin(sources=()).make()
    assert filled[0].sources == release_sources(Runner(), filled[0], [])
    asked.clear()
    begin(sources=())
    assert asked == []
    begin(sources=(), release="forky")
    assert asked == ["forky"]
    # Another mmdebstrap may know other mirrors.
    os.utime(tool, (1, 1))
    begin(sources=())
    assert asked == ["forky", "trixie"]
    assert len(set(archive.places)) == 2, "each set of sources has a folder of its own"


def test_of_a_request_the_last_states_are_known(begin: Begin, archive: Archive) -> None:
    key, _facts = begin().make()
    for number in range(8):
        archive.state_ = str(number)
        assert begin().packages_key() == key
    asked = archive.asked
    assert begin().packages_key() == key
    assert archive.asked == asked
    archive.state_ = "first"
    assert begin().packages_key() == key
    assert archive.asked == asked + 1


def test_a_folder_that_cannot_be_made(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    request = Request(str(tmp_path / "tree"), "trixie", "amd64", (), sources=SOURCES)
    with pytest.raises(GoldsmithError, match=r"^cannot write .*/file/layers: Not a directory$"):
        Beginning(Runner(), request, str(tmp_path / "file"), (), fresh=False)


def test_sources_beside_those_of_the_release_are_asked_with_them(
    begin: Begin, archive: Archive, filled: list[Request]
) -> None:
    begin(extra=(SOURCE,)).make()
    assert archive.sources == (*SOURCES, "deb http://a.example trixie-backports main")
    assert (filled[0].sources, filled[0].extra) == (SOURCES, (SOURCE,)), "each is a file of its own in the tree"
    begin(extra=(replace(SOURCE, key="KEY"),))
    assert len(set(archive.places)) == 2
