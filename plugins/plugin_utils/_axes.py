# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The axes of variation: distributions, their capabilities and keys, strategies, agents, architectures, each a file
found by its name.

A name is that of a file in extensions/goldsmith/<axis>/ of this collection, or NAMESPACE.COLLECTION.NAME for the same
folder of another one.
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleError

AXES = ("distributions", "capabilities", "keys", "strategies", "agents", "architectures")
_ENDS = {"keys": ".asc"}
_FOLDER = Path("extensions", "goldsmith")
_HERE = Path(__file__).resolve().parents[2]
# The reader in C needs a seventh of the time, and variables of a role are read again whenever they are used.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def axis_file(axis: str, name: str) -> str:
    """Return the file of a name on one of AXES. Raises AnsibleError when there is none."""
    collection, _dot, stem = name.rpartition(".")
    folder = (_collection(collection) if collection else _HERE) / _FOLDER / axis
    path = folder / f"{stem}{_ENDS.get(axis, '.yml')}"
    if not re.fullmatch(r"[\w.-]*\w", stem) or not path.is_file():
        known = " or ".join(names(folder)) or f"a file {path.name} in {_FOLDER / axis} of {collection}"
        raise AnsibleError(f"is not known; use {known}")
    return str(path)


def files(axis: str, name: str) -> list[str]:
    """Return the files whose data together are those of a name, its own as the last."""
    found: list[str] = []
    while name:
        path = axis_file(axis, name)
        if path in found:
            raise AnsibleError(f"is like itself, by way of {path}")
        found.insert(0, path)
        name = _read(path).get("like", "")
    return found


def load(axis: str, name: str, release: str = "") -> dict[str, Any]:
    """Return the data of a name, with those of a release of it. What is said by templates of Jinja stays as it is."""
    data: dict[str, Any] = {}
    for path in files(axis, name):
        data |= _read(path)
    return {**data, **data.get("releases", {}).get(release, {})}


def _read(path: str) -> dict[str, Any]:
    try:
        data = yaml.load(Path(path).read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 (a safe one)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise AnsibleError(f"cannot be read from {path}: {' '.join(str(error).split())}") from None
    if not isinstance(data, dict):
        raise AnsibleError(f"stands for {path}, which is no dictionary")
    return data


def of_system(os_id: str) -> dict[str, Any]:
    """Return what we know of a distribution by the ID of its os-release; nothing of one that we do not know."""
    for name in names(_HERE / _FOLDER / "distributions"):
        data = load("distributions", name)
        if os_id in (name, *data.get("ids", ())):
            return data
    return {}


def names(folder: Path) -> list[str]:
    """Return the names that a folder of an axis has."""
    return sorted(path.stem for path in folder.iterdir() if path.suffix in (".yml", ".asc")) if folder.is_dir() else []


def _collection(name: str) -> Path:
    try:
        return Path(next(iter(importlib.import_module(f"ansible_collections.{name}").__path__)))
    except (ImportError, ValueError, StopIteration):
        raise AnsibleError(f"is not known: the collection {name} is not installed") from None
