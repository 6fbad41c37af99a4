# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store of layers. As it runs without namespaces here, the trees are not mounted: what is written to one is
written to its uppermost folder."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import lifeline, namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Result, Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import layers, stack
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.layers import Layer, Store

BOTH = pytest.mark.parametrize("overlay", [True, False], ids=["overlay", "copies"])
MIB = 1 << 20


@pytest.fixture(autouse=True)
def no_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespaces, "prefix", list)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(Runner(), str(tmp_path / "cache"), overlay=True)


@pytest.fixture
def stores(tmp_path: Path) -> dict[bool, Store]:
    return {overlay: Store(Runner(), str(tmp_path / "cache"), overlay=overlay) for overlay in (True, False)}


def write(tree: Path, name: str, size: int = 1) -> None:
    Path(stack.upper(str(tree)), name).write_bytes(b"x" * size)


def made(store: Store, tree: Path, kinds: Sequence[str], size: int = 1) -> list[str]:
    """The names of layers that lie on each other, made in a tree."""
    store.lay(str(tree), None)
    names = []
    for kind in kinds:
        write(tree, kind, size)
        assert store.keep(kind, tree.name, str(tree), {"kind": kind}) is True
        names.append(found(store, kind, tree.name).name)
    return names


def found(store: Store, kind: str, key: str) -> Layer:
    layer = store.find(kind, key)
    assert layer
    return layer


def record(store: Store, name: str) -> Path:
    return Path(store.path, name, "record.json")


def edit(store: Store, name: str, **values: Any) -> None:
    file = record(store, name)
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def names(store: Store) -> list[str]:
    return [layer.name for layer in store.layers()]


def let_go(store: Store) -> None:
    """As if the runs that made the trees had ended."""
    Path(store.path, ".uses").unlink()


def test_a_key_is_of_values() -> None:
    keys = [layers.digest("a"), layers.digest("a", "b"), layers.digest("ab"), layers.digest({"a": 1})]
    assert len(set(keys)) == len(keys)
    assert layers.digest({"a": 1, "b": 2}) == layers.digest({"b": 2, "a": 1})


@BOTH
def test_what_is_kept_is_found(stores: dict[bool, Store], tmp_path: Path, overlay: bool) -> None:
    store, before = stores[overlay], time.time()
    assert store.find("packages", "one") is None
    store.lay(str(tmp_path / "one"), None)
    write(tmp_path / "one", "file", 4096)
    assert store.keep("packages", "one", str(tmp_path / "one"), {"epoch": 1}) is True
    layer = found(store, "packages", "one")
    assert layer.facts == {"epoch": 1}
    assert layer.below == ()
    assert layer.size >= 4096
    assert before <= layer.made <= layer.used <= time.time()
    assert os.listdir(layer.tree) == ["file"]
    for kind, key in (("packages", "two"), ("guest", "one")):
        assert store.find(kind, key) is None
    # Neither of a store that keeps them in the other way.
    assert stores[not overlay].find("packages", "one") is None


@BOTH
def test_a_tree_goes_on_above_what_is_kept(stores: dict[bool, Store], tmp_path: Path, overlay: bool) -> None:
    store, tree = stores[overlay], tmp_path / "tree"
    packages, guest = made(store, tree, ["packages", "guest"])
    files = [sorted(os.listdir(Path(store.path, name, "tree"))) for name in (packages, guest)]
    if overlay:
        assert files == [["packages"], ["guest"]]
        assert found(store, "guest", "tree").below == (packages,)
    else:
        assert files == [["packages"], ["guest", "packages"]]
        assert found(store, "guest", "tree").below == ()
    second = tmp_path / "second"
    store.lay(str(second), found(store, "guest", "tree"))
    if overlay:
        assert stack.layers(str(second)) == [str(Path(store.path, name, "tree")) for name in (packages, guest)]
    else:
        assert sorted(os.listdir(second)) == ["guest", "packages"]
    write(second, "more")
    assert sorted(os.listdir(Path(store.path, guest, "tree"))) == files[1], "nobody writes to a layer"


@BOTH
def test_a_layer_that_is_there_is_left_alone(stores: dict[bool, Store], tmp_path: Path, overlay: bool) -> None:
    store = stores[overlay]
    for name in ("one", "two"):
        store.lay(str(tmp_path / name), None)
        write(tmp_path / name, name)
        assert store.keep("packages", "key", str(tmp_path / name), {"of": name}) is (name == "one")
    layer = found(store, "packages", "key")
    assert (layer.facts, os.listdir(layer.tree)) == ({"of": "one"}, ["one"])
    assert os.listdir(stack.upper(str(tmp_path / "two"))) == ["two"]


@BOTH
@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_an_empty_tree_is_the_same_under_each_umask(
    stores: dict[bool, Store], tmp_path: Path, overlay: bool, umask: int
) -> None:
    before = os.umask(umask)
    try:
        stores[overlay].lay(str(tmp_path / "tree"), None)
    finally:
        os.umask(before)
    assert Path(stack.upper(str(tmp_path / "tree"))).stat().st_mode & 0o7777 == 0o755


def test_those_of_another_account_are_others(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(store, tmp_path / "tree", ["packages"])
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert store.find("packages", "tree") is None


def test_what_a_tree_lies_on_is_known_when_its_run_is_over(store: Store, tmp_path: Path) -> None:
    (packages,) = made(store, tmp_path / "tree", ["packages"])
    let_go(store)
    write(tmp_path / "tree", "guest")
    store.keep("guest", "tree", str(tmp_path / "tree"), {})
    assert found(store, "guest", "tree").below == (packages,)


def test_a_layer_goes_with_those_above(store: Store, tmp_path: Path) -> None:
    one = made(store, tmp_path / "one", ["packages", "guest", "roles"])
    two = made(store, tmp_path / "two", ["packages"])
    let_go(store)
    assert sorted(store.remove([one[1]], check_mode=True)) == sorted(one[1:])
    assert sorted(names(store)) == sorted(one + two)
    assert sorted(store.remove([one[1]])) == sorted(one[1:])
    assert sorted(names(store)) == sorted([one[0], *two])
    assert store.remove(["packages-0"]) == []


@BOTH
def test_what_a_build_works_on_stays(stores: dict[bool, Store], tmp_path: Path, overlay: bool) -> None:
    store = stores[overlay]
    packages, guest = made(store, tmp_path / "one", ["packages", "guest"])
    let_go(store)
    store.lay(str(tmp_path / "two"), found(store, "packages", "one"))
    assert store.remove([packages], check_mode=True) == ([guest] if overlay else [])
    assert store.remove([packages, guest]) == [guest]
    assert store.shrink(0) == []
    assert names(store) == [packages]
    # The tree is gone.
    for path in (tmp_path / "two", tmp_path / "two.layers"):
        if path.exists():
            path.rename(tmp_path / f"{path.name}.gone")
    assert store.remove([packages]) == [packages]


def test_what_a_killed_build_worked_on_goes(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = os.getpid()
    for owner in ((pid, "1"), (1 << 30, "1")):
        monkeypatch.setattr(lifeline, "run_owner", lambda owner=owner: owner)
        names = made(store, tmp_path / f"tree{owner[0]}", ["packages"])
        assert store.remove(names) == names


def test_the_least_recently_used_go_first(store: Store, tmp_path: Path) -> None:
    one, two, three = (made(store, tmp_path / name, ["packages"], MIB)[0] for name in ("one", "two", "three"))
    let_go(store)
    for name, used in ((two, 1), (three, 2), (one, 3)):
        os.utime(record(store, name), (used, used))
    assert names(store) == [two, three, one]
    assert store.shrink(10 * MIB) == []
    assert store.shrink(2 * MIB + MIB // 2) == [two]
    found(store, "packages", "three")
    assert store.shrink(MIB + MIB // 2) == [one]
    assert store.shrink(0) == [three]


def test_of_one_build_the_layers_above_go_first(store: Store, tmp_path: Path) -> None:
    packages, guest, roles = made(store, tmp_path / "tree", ["packages", "guest", "roles"], MIB)
    let_go(store)
    assert names(store) == [roles, guest, packages]
    assert store.shrink(2 * MIB + MIB // 2) == [roles]
    # Whoever uses the upper one uses those below.
    os.utime(record(store, guest), (1, 1))
    found(store, "guest", "tree")
    assert names(store) == [guest, packages]
    # Where one must go that others lie on, they go too.
    os.utime(record(store, packages), (1, 1))
    assert sorted(store.shrink(MIB + MIB // 2)) == sorted([packages, guest])


def test_what_was_kept_now_is_in_use_and_so_is_what_is_below(store: Store, tmp_path: Path) -> None:
    store.lay(str(tmp_path / "tree"), None)
    for kind in ("packages", "guest"):
        write(tmp_path / "tree", kind)
        store.keep(kind, "key", str(tmp_path / "tree"), {})
    kept = names(store)
    assert [name.partition("-")[0] for name in kept] == ["guest", "packages"]
    assert store.remove(kept) == []
    let_go(store)
    assert store.remove(kept) == kept


class Killed(BaseException):
    pass


@pytest.mark.parametrize("last", [".new", ".old"])
def test_what_a_killed_run_left_half_is_swept(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    (name,) = made(store, tmp_path / "tree", ["packages"])
    let_go(store)
    rename = os.rename

    def killed(source: str, goal: str) -> None:
        # Before a new one has its name, or after an old one has lost it.
        if last == ".new" and source.endswith(".new"):
            raise Killed
        rename(source, goal)
        if goal.endswith(last):
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(os, "rename", killed)
        if last == ".new":
            made(store, tmp_path / "other", ["packages"])
        else:
            store.remove([name])
    assert last in os.listdir(store.path)
    assert names(store) == ([name] if last == ".new" else [])
    assert last not in os.listdir(store.path)
    made(store, tmp_path / "third", ["packages"])


class Noting(Runner):
    """Takes down what it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[list[str]] = []

    def run(self, argv: Sequence[Any], **options: Any) -> Result:
        self.calls.append(list(argv))
        return super().run(argv, **options)

    def synced(self) -> list[str]:
        return [argv[-1] for argv in self.calls if argv[0] == "sync"]


@pytest.fixture
def noting(tmp_path: Path) -> tuple[Store, Noting]:
    runner = Noting()
    return Store(runner, str(tmp_path / "cache"), overlay=True), runner


def test_a_layer_that_a_failed_machine_may_have_lost(noting: tuple[Store, Noting], tmp_path: Path) -> None:
    store, runner = noting
    packages, _guest = made(store, tmp_path / "tree", ["packages", "guest"])
    (other,) = made(store, tmp_path / "other", ["packages"])
    let_go(store)
    edit(store, packages, boot="another")
    assert store.find("guest", "tree") is None
    assert names(store) == [other], "with what lay on it"
    assert runner.synced() == []


def test_a_layer_that_is_on_the_disk_outlives_the_boot(noting: tuple[Store, Noting], tmp_path: Path) -> None:
    store, runner = noting
    packages, guest = made(store, tmp_path / "tree", ["packages", "guest"])
    now = time.time()
    edit(store, packages, made=now - layers._SETTLES - 1)
    edit(store, guest, made=now - layers._SETTLES + 60)
    assert store.find("guest", "tree")
    assert runner.synced() == [str(record(store, packages))]
    boots = [json.loads(record(store, name).read_text())["boot"] for name in (packages, guest)]
    assert boots == [None, layers._boot()]
    # Once is enough.
    assert store.find("guest", "tree")
    assert len(runner.synced()) == 1


def test_a_layer_whose_lower_one_is_gone_is_none(store: Store, tmp_path: Path) -> None:
    packages, _guest = made(store, tmp_path / "tree", ["packages", "guest"])
    let_go(store)
    Path(store.path, packages).rename(tmp_path / "elsewhere")
    assert store.find("guest", "tree") is None
    assert names(store) == []


def test_a_damaged_record_is_named(store: Store, tmp_path: Path) -> None:
    (name,) = made(store, tmp_path / "tree", ["packages"])
    record(store, name).write_text("{half")
    with pytest.raises(GoldsmithError, match=r"record\.json is damaged: .*; remove it and the folder beside it$"):
        store.find("packages", "tree")


@BOTH
def test_many_at_once(tmp_path: Path, overlay: bool) -> None:
    def build(number: int) -> tuple[bool, bool]:
        store = Store(Runner(), str(tmp_path / "cache"), overlay=overlay)
        tree = tmp_path / f"tree{number}"
        store.lay(str(tree), None)
        write(tree, "file")
        shared = store.keep("packages", "same", str(tree), {})
        write(tree, "own")
        own = store.keep("guest", str(number), str(tree), {})
        store.shrink(100 * MIB)
        return shared, own

    with ThreadPoolExecutor(4) as builds:
        results = list(builds.map(build, range(8)))
    assert [shared for shared, _own in results].count(True) == 1
    assert all(own for _shared, own in results)
    store = Store(Runner(), str(tmp_path / "cache"), overlay=overlay)
    assert len(store.layers()) == 9
    for number in range(8):
        assert "own" in os.listdir(found(store, "guest", str(number)).tree)


@pytest.mark.parametrize("overlay", [True, False, None])
def test_a_folder_that_cannot_be_made(tmp_path: Path, overlay: bool | None) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(GoldsmithError, match=r"^cannot write .*/file/cache/layers: Not a directory$"):
        Store(Runner(), str(tmp_path / "file" / "cache"), overlay=overlay)


def test_a_tree_that_is_there_is_not_laid_again(store: Store, tmp_path: Path) -> None:
    store.lay(str(tmp_path / "tree"), None)
    with pytest.raises(GoldsmithError, match=r"^cannot write .*tree\.layers: File exists$"):
        store.lay(str(tmp_path / "tree"), None)


@pytest.mark.parametrize("possible", [True, False])
def test_whether_they_lie_on_each_other_is_tried_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, possible: bool
) -> None:
    def tried(runner: Runner, tree: str) -> bool:
        assert os.path.dirname(tree) == str(tmp_path / "cache/layers")
        assert os.path.basename(tree).startswith("."), "or it would be taken for a layer"
        return possible

    monkeypatch.setattr(stack, "possible", tried)
    assert Store(Runner(), str(tmp_path / "cache")).overlay is possible


def test_a_layer_that_goes_before_it_is_used_is_named(store: Store, tmp_path: Path) -> None:
    (name,) = made(store, tmp_path / "one", ["packages"])
    layer = found(store, "packages", "one")
    let_go(store)
    assert store.remove([name]) == [name]
    with pytest.raises(GoldsmithError, match=f"the layer {name} was removed meanwhile; start the build again"):
        store.lay(str(tmp_path / "two"), layer)
    assert not (tmp_path / "two").exists()
