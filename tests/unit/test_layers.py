# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The house of plugins/: packages import those above them in one list, modules are thin, each file has its test."""

from __future__ import annotations

import ast
import functools
import graphlib
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
UNIT_TESTS = Path(__file__).resolve().parent / "plugins"
PREFIX = "ansible_collections.goldsmith.openstack.plugins."

# The packages of module_utils. Each may import those that stand above it, and no other.
ORDER = [
    "_host",
    "_ext",
    "_fs",
    "_lvm",
    "_image",
    "_guest",
    "_tree",
    "_boot",
    "_libvirt",
    "_disk",
    "_glance",
    "_nova",
    "_local_cloud",
    "_audit",
    "_definition",
    "_evidence",
]
LONGEST_CHAIN = 6

UTILS = PLUGINS / "module_utils"
PLUGIN_FILES = sorted(
    path for path in PLUGINS.rglob("*.py") if path.name != "__init__.py" and path.parent.name != "doc_fragments"
)
UTIL_FILES = [path for path in PLUGIN_FILES if UTILS in path.parents]


@functools.cache
def imports(path: Path) -> set[str]:
    """What a file imports of plugins/, as 'module_utils._host.runner'."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports by the full name only"
            # "from ..._host import runner" names a file, "from ..._host.runner import Runner" what is in it.
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        found |= {".".join(name.removeprefix(PREFIX).split(".")[:3]) for name in names if name.startswith(PREFIX)}
    return found


def packages(path: Path) -> set[str]:
    """The packages of module_utils that a file imports."""
    return {name.split(".")[1] for name in imports(path) if name.startswith("module_utils.")}


def identify(path: Path) -> str:
    return str(path.relative_to(PLUGINS))


def test_what_runs_in_a_guest_is_content_with_python_3_9() -> None:
    # Debian 11 and RHEL 9 have it.
    paths, seen = [PLUGINS / "modules" / "file_set.py"], set()
    while paths:
        path = paths.pop()
        seen.add(path)
        found = [PLUGINS / f"{name.replace('.', '/')}.py" for name in imports(path)]
        paths += [other for other in found if other.is_file() and other not in seen]
        calls = [
            node for node in ast.walk(ast.parse(path.read_text(), feature_version=(3, 9))) if isinstance(node, ast.Call)
        ]
        for call in calls:
            name = call.func.id if isinstance(call.func, ast.Name) else ""
            strict = [word for word in call.keywords if word.arg in ("strict", "slots", "kw_only")]
            union = name in ("isinstance", "issubclass") and isinstance(call.args[1], ast.BinOp)
            assert not strict and not union, f"{path}:{call.lineno}: not in Python 3.9"
    assert UTILS / "_host" / "texts.py" in seen


def test_there_is_something_to_judge() -> None:
    assert imports(UTILS / "_host" / "runner.py") == {"module_utils._host.errors", "module_utils._host.no_proxy"}
    assert packages(UTILS / "_disk" / "writer.py") >= {"_host", "_image"}


def test_every_package_is_in_the_order() -> None:
    assert {path.name for path in UTILS.iterdir() if path.name != "__pycache__"} == set(ORDER)


@pytest.mark.parametrize("name", ORDER)
def test_a_package_says_what_lives_in_it(name: str) -> None:
    (statement,) = ast.parse((UTILS / name / "__init__.py").read_text()).body
    assert isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


@pytest.mark.parametrize("path", UTIL_FILES, ids=identify)
def test_packages_import_those_above_them(path: Path) -> None:
    own = path.relative_to(UTILS).parts[0]
    assert all(name.startswith("module_utils.") for name in imports(path)), f"{path} imports plugins"
    for other in packages(path) - {own}:
        assert ORDER.index(other) < ORDER.index(own), f"{path} imports {other}, which stands below {own}"


def test_files_import_each_other_without_circles() -> None:
    def named(path: Path) -> str:
        return ".".join(path.relative_to(PLUGINS).with_suffix("").parts)

    graphlib.TopologicalSorter({named(path): imports(path) for path in UTIL_FILES}).prepare()


def test_the_chains_of_packages_are_short() -> None:
    @functools.cache
    def length(name: str) -> int:
        above = {other for path in (UTILS / name).rglob("*.py") for other in packages(path)} - {name}
        return 1 + max((length(other) for other in above), default=0)

    assert max(map(length, ORDER)) <= LONGEST_CHAIN


def test_no_two_files_share_a_name() -> None:
    names = [path.name for path in UTIL_FILES]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("path", [path for path in PLUGIN_FILES if path not in UTIL_FILES], ids=identify)
def test_plugins_never_import_each_other(path: Path) -> None:
    kind = path.relative_to(PLUGINS).parts[0]
    for imported in imports(path):
        folder = imported.split(".")[0]
        # plugin_utils do not travel to the remote host.
        allowed = {"module_utils"} if kind == "modules" else {"module_utils", "plugin_utils"}
        assert folder in allowed, f"{path} imports {imported}"


@pytest.mark.parametrize("path", PLUGIN_FILES, ids=identify)
def test_one_place_ends_a_module(path: Path) -> None:
    called = {
        node.func.attr
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    if path == UTILS / "_host" / "module.py":
        assert {"exit_json", "fail_json"} <= called
    else:
        assert not called & {"exit_json", "fail_json"}, f"{path}: a module ends in _host.module.run_module"


@pytest.mark.parametrize("path", PLUGIN_FILES, ids=identify)
def test_no_file_is_long(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("path", PLUGIN_FILES, ids=identify)
def test_every_file_has_its_unit_test(path: Path) -> None:
    mirror = UNIT_TESTS / path.relative_to(PLUGINS).with_name(f"test_{path.stem.lstrip('_')}.py")
    assert mirror.is_file(), f"{mirror} is missing"


def test_every_unit_test_has_its_file() -> None:
    known = {path.relative_to(PLUGINS).with_name(f"test_{path.stem.lstrip('_')}.py") for path in PLUGIN_FILES}
    assert {path.relative_to(UNIT_TESTS) for path in UNIT_TESTS.rglob("test_*.py")} == known
