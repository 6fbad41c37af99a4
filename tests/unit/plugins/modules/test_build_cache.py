# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module build_cache."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.modules import run_module

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.layers import Store
from ansible_collections.goldsmith.openstack.plugins.modules import build_cache

KIB = 1 << 10


@pytest.fixture(autouse=True)
def no_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespaces, "prefix", list)


def keep(cache: Path, tree: Path) -> list[str]:
    """Two layers on each other, that nobody uses."""
    store = Store(Runner(), str(cache), overlay=True)
    store.lay(str(tree), None)
    names = []
    for kind in ("packages", "guest"):
        Path(f"{tree}.layers/upper/{kind}").write_bytes(b"x" * 64 * KIB)
        store.keep(kind, tree.name, str(tree), {})
        layer = store.find(kind, tree.name)
        assert layer
        names.append(layer.name)
    Path(store.path, ".uses").unlink()
    return names


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache folder with all parts, and one of a build beside them."""
    folder = tmp_path / "cache"
    for name in ("packages/trixie", "archives/1", "records", "work/image"):
        (folder / name).mkdir(parents=True)
        (folder / name / "file").write_bytes(b"x" * 16 * KIB)
    return folder


def run(cache: Path, *remove: str, check: bool = False) -> dict[str, Any]:
    return build_cache.run({"cache_dir": str(cache), "remove": list(remove)}, check)


def names(result: dict[str, Any]) -> list[str]:
    return [entry["name"] for entry in result["entries"]]


def test_what_is_there(cache: Path, tmp_path: Path) -> None:
    packages, guest = keep(cache, tmp_path / "tree")
    result = run(cache)
    assert (result["changed"], result["removed"]) == (False, [])
    assert result["diff"] == {"before": "", "after": ""}
    assert names(result) == ["downloads", "lists", "records", guest, packages]
    sizes = [entry["size"] for entry in result["entries"]]
    assert all(size >= 16 * KIB for size in sizes[:3]) and all(size >= 64 * KIB for size in sizes[3:])
    assert result["size"] == sum(sizes)
    assert all(entry["made"] <= entry["used"] for entry in result["entries"][3:])


@pytest.mark.parametrize("check", [True, False])
def test_nothing_is_there(tmp_path: Path, check: bool) -> None:
    for words in ((), ("all",), ("layers", "downloads")):
        result = run(tmp_path / "cache", *words, check=check)
        assert (result["changed"], result["entries"], result["size"], result["removed"]) == (False, [], 0, [])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "gone"),
    [
        (("downloads",), {"downloads"}),
        (("lists", "records"), {"lists", "records"}),
        (("layers",), {"packages", "guest"}),
        (("all",), {"downloads", "lists", "records", "packages", "guest"}),
        (("GUEST",), {"guest"}),
        (("PACKAGES",), {"packages", "guest"}),
        (("PACKAGES", "downloads"), {"packages", "guest", "downloads"}),
    ],
)
def test_what_is_named_goes(cache: Path, tmp_path: Path, words: tuple[str, ...], gone: set[str]) -> None:
    layers = dict(zip(("packages", "guest"), keep(cache, tmp_path / "tree")))
    words = tuple(layers.get(word.lower(), word) if word.isupper() else word for word in words)
    gone = {layers.get(name, name) for name in gone}
    before = run(cache)
    checked = run(cache, *words, check=True)
    assert names(run(cache)) == names(before)
    removed = run(cache, *words)
    for result in (checked, removed):
        assert result["changed"] is True
        assert set(result["removed"]) == gone and len(result["removed"]) == len(gone)
        assert names(result) == [name for name in names(before) if name not in gone]
        assert result["diff"] == {"before": "".join(f"{name}\n" for name in result["removed"]), "after": ""}
    assert run(cache)["entries"] == removed["entries"]
    assert (cache / "work/image/file").exists()
    # What is no more there cannot be named; a word for many can.
    if not words[0].startswith(("packages-", "guest-")):
        assert run(cache, *words)["changed"] is False


def test_what_a_build_uses_stays(cache: Path, tmp_path: Path) -> None:
    packages, guest = keep(cache, tmp_path / "tree")
    store = Store(Runner(), str(cache), overlay=True)
    store.lay(str(tmp_path / "other"), store.find("packages", "tree"))
    result = run(cache, "layers")
    assert result["removed"] == [guest]
    assert packages in names(result)


def test_a_name_that_is_not_there(cache: Path, tmp_path: Path) -> None:
    packages, guest = keep(cache, tmp_path / "tree")
    for check in (True, False):
        with pytest.raises(OptionError) as caught:
            run(cache, "lists", "guest-1", check=check)
        assert str(caught.value) == (
            "remove=guest-1: is not kept; use one of all, layers, downloads, lists, records, " + f"{guest}, {packages}"
        )
    assert len(names(run(cache))) == 5


def test_as_a_module(tmp_path: Path) -> None:
    result = run_module("build_cache", {"cache_dir": str(tmp_path / "cache"), "remove": ["all"]})
    assert (result["changed"], result["entries"]) == (False, [])
    result = run_module("build_cache", {"cache_dir": str(tmp_path / "cache"), "remove": ["some"]}, check=True)
    assert result["failed"] is True
    assert "remove=some: is not kept; use one of all, layers" in result["msg"]
