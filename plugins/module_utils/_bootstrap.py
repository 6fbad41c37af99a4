# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A definition becomes a tree. Floor 3."""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils import _mmdebstrap, _namespaces, _tree
from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._files import file_error, whole_file
from ansible_collections.goldsmith.openstack.plugins.module_utils._mmdebstrap import Request, host_sources
from ansible_collections.goldsmith.openstack.plugins.module_utils._progress import Progress
from ansible_collections.goldsmith.openstack.plugins.module_utils._run import Runner

__all__ = ["Request", "absent", "host_sources", "present"]

_CACHE_DAYS = 30


def present(runner: Runner, request: Request, *, check_mode: bool) -> dict[str, Any]:
    """Make the tree; a whole one that was made from the same request is kept."""
    record = f"{request.path}.json"
    definition = _fingerprint(request)
    found = _read(record)
    if found.get("definition") == definition and os.path.isdir(request.path):
        return {"changed": False, **_facts(request, found)}
    if os.path.isdir(request.path) and os.listdir(request.path) and not found:
        raise OptionError("path", request.path, "is a folder that no bootstrap made", hint="choose one that is empty")
    after = {"release": request.release, "packages": list(request.packages)}
    diff = {"before": found.get("request", {}), "after": after}
    if check_mode:
        return {"changed": True, "path": request.path, "packages": [], "diff": diff}
    _namespaces.check(runner)
    began = time.monotonic()
    partial = f"{request.path}.partial"
    _tree.remove(runner, partial, _namespaces.prefix())
    try:
        os.makedirs(os.path.dirname(os.path.abspath(request.path)), exist_ok=True)
        if request.cache:
            os.makedirs(request.cache, exist_ok=True)
            _prune(request.cache)
    except OSError as error:
        raise file_error(request.path, error) from error
    progress = Progress(f"packages of {request.release}", 100, "%")
    try:
        _mmdebstrap.bootstrap(runner, replace(request, path=partial), _namespaces.prefix(), progress)
        # Device nodes are made as root only; the kernel's own /dev covers them. Same tree, whoever makes it.
        runner.run([*_namespaces.prefix(), "find", f"{partial}/dev", "-mindepth", "1", "-delete"])
        # A run that is killed from here on leaves a folder that is known to be ours, and is made again.
        _record(record, {"definition": None})
        _tree.remove(runner, request.path, _namespaces.prefix())
        os.rename(partial, request.path)
    except BaseException:
        _tree.remove(runner, partial, _namespaces.prefix())
        raise
    facts = {
        "definition": definition,
        "request": after,
        "packages": _tree.packages(request.path),
        "epoch": _tree.epoch_of(runner, request.path, _namespaces.prefix()),
        "seconds": round(time.monotonic() - began, 1),
    }
    _record(record, facts)
    return {"changed": True, **_facts(request, facts), "diff": diff}


def absent(runner: Runner, path: str, *, check_mode: bool) -> dict[str, Any]:
    """Remove a tree and its record."""
    record, partial = f"{path}.json", f"{path}.partial"
    if os.path.lexists(path) and not os.path.isfile(record):
        raise OptionError("path", path, "is a folder that no bootstrap made", hint="remove it yourself")
    there = any(os.path.lexists(name) for name in (path, record, partial))
    if there and not check_mode:
        for name in (path, partial, record):
            _tree.remove(runner, name, _namespaces.prefix())
    return {"changed": there, "path": path, "diff": {"before": path if there else "", "after": ""}}


def _facts(request: Request, found: dict[str, Any]) -> dict[str, Any]:
    return {"path": request.path, **{name: found[name] for name in ("packages", "epoch", "seconds")}}


def _fingerprint(request: Request) -> str:
    # Where the packages are kept meanwhile does not change the tree.
    values = {**asdict(request), "cache": None}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _read(record: str) -> dict[str, Any]:
    try:
        with open(record, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise GoldsmithError(f"{record} is damaged: {error}", hint="remove it and the folder beside it") from None


def _record(path: str, facts: dict[str, Any]) -> None:
    with whole_file(path) as file:
        file.write_text(json.dumps(facts), encoding="utf-8")


def _prune(cache: str) -> None:
    limit = time.time() - _CACHE_DAYS * 86400
    for entry in os.scandir(cache):
        with suppress(FileNotFoundError):  # another build prunes too
            # The last link to it was made or taken away then: no build has used it since.
            if entry.name.endswith(".deb") and entry.stat(follow_symlinks=False).st_ctime < limit:
                os.unlink(entry.path)
