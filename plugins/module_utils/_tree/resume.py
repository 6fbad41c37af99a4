# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a build goes on: above the uppermost layer that is there, or with nothing at all."""

from __future__ import annotations

import inspect
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import emulators, namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.digests import digest
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.locks import locked
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.records import read_record, write_record
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import (
    bootstrap,
    completion,
    dnf,
    extra_sources,
    guest_sources,
    locale,
    mmdebstrap,
    rpm,
    rpm_database,
    selinux,
    stack,
    zypper,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.archive import Archive
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.layers import Store
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.rpm_archive import RpmArchive
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.tree_request import Request

PACKAGES = "packages"
# Our own code that decides on what a tool leaves.
_CODE = {
    "mmdebstrap": (bootstrap, mmdebstrap, completion, extra_sources, locale),
    "dnf": (bootstrap, dnf, rpm, extra_sources, completion, rpm_database, selinux, locale),
    "zypper": (bootstrap, zypper, rpm, extra_sources, completion, rpm_database, selinux, locale),
}


@dataclass(frozen=True)
class Step:
    """What a build does above the packages: its *kind*, a digest of what determines it, and for how many seconds what
    it made is used (None: for ever)."""

    kind: str
    digest: str
    age: float | None = None


def chain(packages: str, steps: Sequence[Step]) -> dict[str, str]:
    """Return the key of each step's layer, by its kind: each is determined by those below.

    Above what no digest stands for, every key is empty.
    """
    keys = {PACKAGES: packages}
    for step in steps:
        packages = digest(packages, step.digest) if packages and step.digest else ""
        keys[step.kind] = packages
    return keys


class Beginning:
    """A tree at its beginning: *request* says which packages, *steps* what is done above them.

    *lay* lays out the base that it begins with, if any.
    """

    def __init__(
        self,
        runner: Runner,
        request: Request,
        cache_dir: str,
        steps: Sequence[Step],
        *,
        fresh: bool,
        lay: bootstrap.Layer | None = None,
    ) -> None:
        self._runner, self._request, self._steps, self._fresh, self._lay = runner, request, steps, fresh, lay
        self._cache = os.path.abspath(cache_dir)
        namespaces.check(runner)
        emulators.check(runner, request.architecture, namespaces.prefix())
        self._store = Store(runner, cache_dir)
        self._index = os.path.join(self._store.path, ".packages")
        # As the request has them, or as the tool knows them
        self._sources = request.sources
        self._archive = self._open()
        said = self._archive.update()
        if said.rc != 0:
            raise bootstrap.explain(request, said)
        self._wanted = digest(_determined(request), self._archive.sources)
        self._state = self._archive.state()

    def packages_key(self) -> str:
        """Return the key of the packages as the archive has them now, empty where no such layer is known."""
        known = {} if self._fresh else read_record(self._index).get(self._wanted, {})
        if known and self._state not in known:
            # The archive has changed, and perhaps nothing that this tree has.
            versions = self._archive.versions(self._request.packages)
            key = digest(self._wanted, versions)
            if key in known.values():
                self._learn(key)
                return key
        return known.get(self._state, "")

    def lay(self, keys: Mapping[str, str]) -> tuple[str, Mapping[str, Any]]:
        """Lay the tree above the uppermost layer; return its kind and facts. Without a kind nothing was there."""
        for step in reversed((Step(PACKAGES, ""), *self._steps)):
            layer = self._store.find(step.kind, keys[step.kind]) if keys[step.kind] else None
            if layer and (step.age is None or time.time() - layer.made < step.age):
                self._store.lay(self._request.path, layer)
                return step.kind, layer.facts
        return "", {}

    def make(self) -> tuple[str, dict[str, Any]]:
        """Make the tree from packages and keep it; return the key and the facts of this layer."""
        path = self._request.path
        self._store.lay(path, None)
        request = replace(self._request, sources=self._sources, lists=self._archive.lists)
        try:
            # Not as a layer below: files that are changed in an overlay lose their other names.
            base = self._lay(stack.upper(path)) if self._lay else {}
            facts = bootstrap.fill(self._runner, request, stack.prefix(path), stack.upper(path))
            if base.get("warnings"):
                facts["base_warnings"] = base["warnings"]
        except BaseException:
            stack.remove(self._runner, path)
            raise
        versions = {package["package"]: package["version"] for package in facts["packages"]}
        key = digest(self._wanted, versions)
        if not self._fresh:
            self._store.keep(PACKAGES, key, path, facts)
            self._learn(key)
        return key, facts

    def _learn(self, key: str) -> None:
        with locked(f"{self._index}.lock"):  # other builds learn too
            found = read_record(self._index)
            # Of a request the last states of the archive are enough.
            states = dict([*found.get(self._wanted, {}).items(), (self._state, key)][-8:])
            write_record(self._index, {**dict([*found.items()][-64:]), self._wanted: states})

    def _open(self) -> Archive | RpmArchive | completion.OwnArchive:
        if self._request.base:
            return completion.OwnArchive(self._request)
        return (
            RpmArchive(self._runner, self._request)
            if self._request.tool in bootstrap.RPM_TOOLS
            else self._open_archive()
        )

    def _open_archive(self) -> Archive:
        request, folder = self._request, guest_sources.archives(self._cache)
        if not request.sources:
            request = replace(request, sources=guest_sources.known_lines(self._runner, request, folder))
        self._sources = request.sources
        lines, keyrings = mmdebstrap.all_sources(request), extra_sources.keyrings(request)
        pins = tuple(text for _path, text, _mode in extra_sources.pins(request.extra))
        place = os.path.join(folder, digest(lines, keyrings, pins, request.architecture)[:24])
        more = (request.proxy, request.expired, request.keys, keyrings, pins)
        return Archive(self._runner, place, lines, request.architecture, *more)


def _determined(request: Request) -> dict[str, Any]:
    """Return what of a request, and of our own code, decides on the tree."""
    values = {name: value for name, value in asdict(request).items() if name not in ("path", "cache", "lists", "proxy")}
    return {**values, "code": [inspect.getsource(module) for module in _CODE[request.tool]]}
