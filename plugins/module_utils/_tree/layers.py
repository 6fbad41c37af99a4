# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store of layers: trees, or what was changed in one, kept in the cache folder by what determines them.

A layer is a folder <kind>-<key> with the folder tree and the file record.json. It is there whole or not at all, and
nobody writes to it. One lock is held while the store changes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import lifeline, namespaces, removal
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.digests import digest
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.files import file_error, make_folders
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.locks import locked
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.records import read_record, write_record
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import stack

_RECORD = "record.json"
# Changes of another process between its two renames; no kind has such a name.
_NEW, _OLD = ".new", ".old"
_PROBE, _USES = ".probe", ".uses"
# After this many seconds the kernel has written to the disk what a layer was made of.
_SETTLES = 120


@dataclass(frozen=True)
class Layer:
    """A layer in the store; *below* names the layers that it lies on, the lowest first. *size* is in bytes."""

    name: str
    path: str
    below: tuple[str, ...]
    size: int
    made: float
    used: float
    facts: Mapping[str, Any]

    @property
    def tree(self) -> str:
        """The folder with its files."""
        return os.path.join(self.path, "tree")


class Store:
    """The layers in a cache folder. *overlay*: they lie on each other; else each is a whole tree."""

    def __init__(self, runner: Runner, cache_dir: str, *, overlay: bool | None = None) -> None:
        self._runner = runner
        self.path = os.path.join(os.path.abspath(cache_dir), "layers")
        make_folders(self.path)
        # Trees have setuid programs, and a base may be foreign: nobody else gets to them.
        os.chmod(self.path, 0o700)
        if overlay is None:
            with self._alone():
                overlay = stack.possible(runner, os.path.join(self.path, _PROBE))
        self.overlay = overlay

    def find(self, kind: str, key: str) -> Layer | None:
        """Return a layer that can be used, None where there is none."""
        with self._alone():
            return self._whole(self._name(kind, key))

    def lay(self, tree: str, layer: Layer | None) -> None:
        """Make *tree*, which must not exist, with the content of a layer, or empty; the layers stay while it does."""
        with self._alone():
            if layer and not self._whole(layer.name):
                raise GoldsmithError(f"the layer {layer.name} was removed meanwhile", hint="start the build again")
            names = [*layer.below, layer.name] if layer else []
            self._take_down_use(tree, names)
            if self.overlay:
                stack.lay(tree, [os.path.join(self.path, name, "tree") for name in names])
                return
        if layer:
            self._copy(layer.tree, tree)
        else:
            stack.make_folder(tree)

    def keep(self, kind: str, key: str, tree: str, facts: Mapping[str, Any]) -> bool:
        """Keep a tree as it is now as a layer; the tree goes on above it. Return whether there was none yet."""
        name, new = self._name(kind, key), os.path.join(self.path, _NEW)
        with stack.alone(tree), self._alone():
            if self._whole(name):
                return False
            # The tree itself knows what it lies on: the run that has laid it may have ended.
            places = stack.layers(tree) if self.overlay else []
            below = [os.path.basename(os.path.dirname(place)) for place in places]
            os.mkdir(new)
            made = os.path.join(new, "tree")
            try:
                if not self.overlay:
                    self._copy(tree, made)
                written = stack.upper(tree) if self.overlay else made
                size = int(self._run("du", "--summarize", "--block-size=1", written).split()[0])
                record = {"below": below, "size": size, "made": time.time(), "boot": _boot(), "facts": dict(facts)}
                write_record(os.path.join(new, _RECORD), record)
            except BaseException:
                self._clear(new)  # it takes room, and that may be what is missing
                raise
            # Nothing but renames from here on: the tree is as whole as it was.
            if self.overlay:
                stack.take_upper(tree, made)
            self._drop(name)
            os.rename(new, os.path.join(self.path, name))
            if self.overlay:
                stack.put_on(tree, os.path.join(self.path, name, "tree"))
                self._take_down_use(tree, [*below, name])
            self._touch([*below, name])
        return True

    def layers(self) -> list[Layer]:
        """Return all layers, the least recently used first."""
        with self._alone():
            return self._layers()

    def remove(self, names: Sequence[str], *, check_mode: bool = False) -> list[str]:
        """Remove layers with those that lie on them; return their names. What a build works on stays."""
        with self._alone():
            return self._remove(set(names), check_mode)

    def shrink(self, limit: int) -> list[str]:
        """Remove the least recently used layers until all take no more than *limit* bytes; return their names."""
        with self._alone():
            found = self._layers()
            total = sum(layer.size for layer in found)
            gone: list[str] = []
            for layer in found:
                if total > limit and layer.name not in gone:
                    removed = self._remove({layer.name}, False)
                    total -= sum(other.size for other in found if other.name in removed)
                    gone += removed
            return gone

    def _name(self, kind: str, key: str) -> str:
        # Trees of other owners, and those that were copied, are others.
        return f"{kind}-{digest(key, os.geteuid(), self.overlay)[:24]}"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            with locked(os.path.join(self.path, ".lock")):
                for name in (_NEW, _OLD):  # of a killed run
                    self._clear(os.path.join(self.path, name))
                yield
        except OSError as error:
            raise file_error(error.filename or self.path, error) from error

    def _whole(self, name: str) -> Layer | None:
        layer = self._layer(name)
        if layer is None:
            return None
        for other in (*layer.below, name):
            if not self._is_on_disk(other):
                self._remove({other}, False)
                return None
        self._touch((*layer.below, name))
        return layer

    def _touch(self, names: Sequence[str]) -> None:
        # All at one time: else a layer would seem to be used before the one above it, and take that along.
        now = time.time()
        for name in names:
            os.utime(os.path.join(self.path, name, _RECORD), (now, now))

    def _layer(self, name: str) -> Layer | None:
        path = os.path.join(self.path, name)
        file = os.path.join(path, _RECORD)
        record = read_record(file)
        if not record:
            return None
        below = tuple(record["below"])
        used = os.stat(file).st_mtime
        return Layer(name, path, below, record["size"], record["made"], used, record["facts"])

    def _layers(self) -> list[Layer]:
        found = [self._layer(name) for name in os.listdir(self.path) if not name.startswith(".")]
        # Of two that were used at once, the one above goes first.
        return sorted((layer for layer in found if layer), key=lambda layer: (layer.used, -len(layer.below)))

    def _is_on_disk(self, name: str) -> bool:
        # Nothing waits for the disk while a layer is made: when the machine fails before it is written, it is lost.
        file = os.path.join(self.path, name, _RECORD)
        record = read_record(file)
        if record and record.get("boot") == _boot() and time.time() - record["made"] > _SETTLES:
            self._run("sync", "--file-system", file)
            write_record(file, {**record, "boot": None})
        return bool(record) and record.get("boot") in (None, _boot())

    def _remove(self, names: set[str], check_mode: bool) -> list[str]:
        taken = {name for use in self._uses().values() for name in use["layers"]}
        found = self._layers()
        gone = [layer.name for layer in found if names & {layer.name, *layer.below} and layer.name not in taken]
        if not check_mode:
            for name in sorted(gone, key=lambda name: name in names):
                self._drop(name)
        return gone

    def _drop(self, name: str) -> None:
        old = os.path.join(self.path, _OLD)
        with suppress(FileNotFoundError):
            os.rename(os.path.join(self.path, name), old)
            self._clear(old)

    def _clear(self, path: str) -> None:
        removal.remove(self._runner, path, namespaces.prefix() if os.path.lexists(path) else ())

    def _copy(self, source: str, goal: str) -> None:
        stack.make_folder(goal)  # cp leaves to its folders what they inherit
        self._run("cp", "--archive", "--reflink=auto", "--no-target-directory", source, goal)

    def _run(self, *argv: str) -> str:
        return self._runner.run([*namespaces.prefix(), *argv]).stdout

    def _uses(self) -> dict[str, dict[str, Any]]:
        """Return what lives of the trees made here: owner and layers, by the path of the tree."""
        record = read_record(os.path.join(self.path, _USES))
        return {
            tree: use
            for tree, use in record.items()
            if lifeline.start_time(use["owner"][0]) == use["owner"][1] and os.path.isdir(tree)
        }

    def _take_down_use(self, tree: str, names: Sequence[str]) -> None:
        use = {"owner": lifeline.run_owner(), "layers": list(names)}
        write_record(os.path.join(self.path, _USES), {**self._uses(), os.path.abspath(tree): use})


def _boot() -> str:
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()
