# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A definition becomes a tree."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import emulators, namespaces, removal
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.digests import digest
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.files import file_error
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.progress import Progress
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.records import read_record, write_record
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Result, Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import (
    completion,
    dnf,
    extra_sources,
    mmdebstrap,
    rootfs,
    rpm,
    selinux,
    snapshot,
    stack,
    zypper,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.tree_request import Request

__all__ = ["RPM_TOOLS", "TOOLS", "Request", "absent", "explain", "present"]

RPM_TOOLS = {"dnf": dnf, "zypper": zypper}
TOOLS = ("mmdebstrap", *RPM_TOOLS)
# Folder in the cache of packages that holds those that were fetched
BASES = "bases"
_CACHE_DAYS = 30


# Lays what a tree begins with out in an empty folder.
Layer = Callable[[str], object]


def present(runner: Runner, request: Request, *, check_mode: bool, lay: Layer | None = None) -> dict[str, Any]:
    """Make the tree; a whole one that was made from the same request is kept. *lay* lays out the base, if any."""
    record = f"{request.path}.json"
    definition = _fingerprint(request)
    found = read_record(record)
    if found.get("definition") == definition and os.path.isdir(request.path):
        return {"changed": False, **_facts(request, found)}
    if os.path.isdir(request.path) and os.listdir(request.path) and not found:
        raise OptionError("path", request.path, "is a folder that no bootstrap made", hint="choose one that is empty")
    after = {"release": request.release, "packages": list(request.packages)}
    diff = {"before": found.get("request", {}), "after": after}
    if check_mode:
        return {"changed": True, "path": request.path, "packages": [], "diff": diff}
    namespaces.check(runner)
    emulators.check(runner, request.architecture, namespaces.prefix())
    if (request.snapshot or request.extra) and not (request.sources or request.repositories or request.base):
        request = replace(request, sources=own_sources(runner, request))
    partial = f"{request.path}.partial"
    removal.remove(runner, partial, namespaces.prefix())
    try:
        os.makedirs(os.path.dirname(os.path.abspath(request.path)), exist_ok=True)
    except OSError as error:
        raise file_error(request.path, error) from error
    try:
        if lay:
            os.mkdir(partial, 0o755)
            lay(partial)
        facts = fill(runner, replace(request, path=partial), namespaces.prefix(), partial)
        # A run that is killed from here on leaves a folder that is known to be ours, and is made again.
        write_record(record, {"definition": None})
        removal.remove(runner, request.path, namespaces.prefix())
        os.rename(partial, request.path)
    except BaseException:
        removal.remove(runner, partial, namespaces.prefix())
        raise
    facts = {"definition": definition, "request": after, **facts}
    write_record(record, facts)
    return {"changed": True, **_facts(request, facts), "diff": diff}


def own_sources(runner: Runner, request: Request) -> tuple[str, ...]:
    """Return apt's source lines for a release as mmdebstrap knows them, at the time of the snapshot if one is named."""
    lines = mmdebstrap.release_sources(runner, request, namespaces.prefix())
    return snapshot.sources_at(runner, lines, request.snapshot, request.proxy) if request.snapshot else lines


def fill(runner: Runner, request: Request, prefix: Sequence[str], files: str) -> dict[str, Any]:
    """Install the packages into the tree, which is empty but for a base; return C(packages), C(epoch) and C(seconds).

    *prefix* enters the namespaces in which the tree is seen, and *files* is a folder where others see its files.
    """
    began = time.monotonic()
    if request.cache:
        try:
            os.makedirs(request.cache, exist_ok=True)
            _prune(request.cache)
        except OSError as error:
            raise file_error(request.cache, error) from error
    on_stage = Progress(f"packages of {request.release}", 100, "%")
    if request.base:
        completion.complete(runner, request, prefix, on_stage)
        selinux.label(runner, request.path, prefix, files)
    elif request.tool in RPM_TOOLS:
        with rpm.workshop(runner, request, prefix) as shop:
            RPM_TOOLS[request.tool].bootstrap(shop, on_stage)
        rootfs.write_files(runner, request.path, extra_sources.files(request.tool, request.extra), prefix)
        selinux.label(runner, request.path, prefix, files)
    else:
        try:
            mmdebstrap.bootstrap(runner, request, prefix, on_stage)
        finally:
            removal.remove(runner, mmdebstrap.archives(request.path), namespaces.prefix())
    # Device nodes are made as root only; the kernel's own /dev covers them. Same tree, whoever makes it.
    runner.run([*prefix, "find", f"{request.path}/dev", "-mindepth", "1", "-delete"])
    # Who gives what was made just now its time later would copy all of it out of the layer.
    packages, epoch = rootfs.packages(files), rootfs.epoch_of(runner, files, namespaces.prefix())
    rootfs.clamp_times(runner, request.path, epoch, prefix)
    return {
        "packages": packages,
        "epoch": epoch,
        "seconds": round(time.monotonic() - began, 1),
        **({"repositories": rpm.has_repositories(files)} if request.tool in RPM_TOOLS else {}),
    }


def explain(request: Request, result: Result) -> GoldsmithError:
    """Return what the output of the tool means for the user."""
    return RPM_TOOLS.get(request.tool, mmdebstrap).explain(request, result)


def absent(runner: Runner, path: str, *, check_mode: bool) -> dict[str, Any]:
    """Remove a tree and its record."""
    record, partial = f"{path}.json", f"{path}.partial"
    if os.path.lexists(path) and not os.path.isfile(record) and not stack.is_layered(path):
        raise OptionError("path", path, "is a folder that no bootstrap made", hint="remove it yourself")
    there = any(os.path.lexists(name) for name in (path, record, partial))
    if there and not check_mode:
        for name in (path, partial, record):
            removal.remove(runner, name, namespaces.prefix())
        stack.remove(runner, path)
    return {"changed": there, "path": path, "diff": {"before": path if there else "", "after": ""}}


def _facts(request: Request, found: dict[str, Any]) -> dict[str, Any]:
    names = ("packages", "epoch", "seconds", "repositories")
    return {"path": request.path, **{name: found[name] for name in names if name in found}}


def _fingerprint(request: Request) -> str:
    # Where the packages are kept meanwhile does not change the tree.
    values = {**asdict(request), "cache": None}
    return digest(values)


def _prune(cache: str) -> None:
    limit = time.time() - _CACHE_DAYS * 86400
    for folder, _folders, names in os.walk(cache):
        for name in names:
            with suppress(FileNotFoundError):  # another build prunes too
                path = os.path.join(folder, name)
                # The last link to a .deb was made or taken away then: no build has used it since. An .rpm was fetched.
                kept = name.endswith((".deb", ".rpm")) or os.path.basename(folder) == BASES
                if kept and os.lstat(path).st_ctime < limit:
                    os.unlink(path)
