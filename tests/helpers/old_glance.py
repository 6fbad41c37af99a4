# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The previous generation of Glance and Keystone, from a distribution's packages, as a cloud for tests.

The packages are only unpacked. That needs no chroot: their Python runs with its own loader and libraries.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shlex
import shutil
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from helpers.cache import cache_folder, unpacked
from helpers.glance import TestCloud, running_cloud

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._local_cloud.server_files import Settings
from ansible_collections.goldsmith.openstack.plugins.module_utils._local_cloud.servers import LocalCloud

VARIABLE = "GOLDSMITH_PREVIOUS_GLANCE"
RELEASE = "bookworm"
PACKAGES = "python3-glance,glance-common,python3-keystone,gunicorn"
_SITE = "usr/lib/python3/dist-packages"
_PASTE = "usr/share/glance-common/glance-api-paste.ini"
_PROGRAMS = ("gunicorn", "glance-manage", "keystone-manage")


@dataclass(frozen=True)
class TreeEnvironment:
    """What LocalCloud takes for a Python environment: programs that run from the packages below *tree*."""

    directory: Path
    tree: Path

    @property
    def ready(self) -> bool:
        """Whether it is there, for these packages."""
        python = self.directory / "bin" / "python"
        return python.exists() and python.read_text() == self._launcher()

    def make(self, _runner: object, _python: str) -> bool:
        """Make it; return whether there was something to do."""
        if self.ready:
            return False
        shutil.rmtree(self.directory, ignore_errors=True)
        programs = self.directory / "bin"
        programs.mkdir(parents=True)
        for name in _PROGRAMS:
            shutil.copy(self.tree / "usr" / "bin" / name, programs / name)
        paste = self.directory / "etc" / "glance" / "glance-api-paste.ini"
        paste.parent.mkdir(parents=True)
        shutil.copy(self.tree / _PASTE, paste)
        partial = programs / ".python"
        partial.write_text(self._launcher())
        partial.chmod(0o755)
        partial.rename(programs / "python")
        return True

    def _launcher(self) -> str:
        loaders = sorted(self.tree.glob("lib64/ld-*.so.*")) + sorted(self.tree.glob("lib/ld-*.so.*"))
        libraries = [os.fspath(path) for top in ("lib", "usr/lib") for path in self.tree.glob(f"{top}/*-linux-gnu")]
        python = self.tree / "usr" / "bin" / "python3"
        words = [
            loaders[0],
            "--library-path",
            ":".join(libraries),
            "--argv0",
            self.directory / "bin" / "python",
            python,
        ]
        return (
            f"#!/bin/sh\nPYTHONHOME={shlex.quote(os.fspath(self.tree / 'usr'))}\nexport PYTHONHOME\n"
            f'exec {shlex.join(map(os.fspath, words))} "$@"\n'
        )


@dataclass(frozen=True)
class PreviousCloud(LocalCloud):
    """A local cloud whose servers are those below *tree*."""

    tree: Path = field(kw_only=True)

    @property
    def _environment(self) -> TreeEnvironment:
        return TreeEnvironment(self.venv, self.tree)

    def _lay_databases(self, runner: Runner) -> None:
        super()._lay_databases(runner)
        # Who still reads must not hold up who writes.
        for database in self._state.glob("*.sqlite"):
            with contextlib.closing(sqlite3.connect(database)) as connection:
                connection.execute("PRAGMA journal_mode=WAL")

    def _configure(self, settings: Settings) -> None:
        super()._configure(settings)
        # Connections of this generation end in another thread than theirs. Forbidden to, they would hold their locks.
        for name in ("keystone.conf", "glance-api.conf"):
            path = self._state / name
            text = re.sub(r"(connection = sqlite:[^\n?]*)\??", r"\1?check_same_thread=false&", path.read_text())
            path.write_text(text)
        # Nor may those of Keystone wait as they begin: a request has several at once.
        path = self._state / "keystone.gunicorn.py"
        path.write_text(re.sub(r"\A.*?(?=^wsgi_app)", "", path.read_text(), flags=re.DOTALL | re.MULTILINE))

    @staticmethod
    def _servers(settings: Settings) -> tuple[tuple[str, str, int], ...]:
        return (
            ("keystone", "keystone.server.wsgi:initialize_public_application()", settings.identity_port),
            ("glance", "glance.common.wsgi_app:init_app()", settings.image_port),
        )


def previous_tree() -> Path:
    """Return where the packages are: in the folder that the environment names, else in the cache."""
    named = os.environ.get(VARIABLE)
    tree = Path(named) if named else unpacked("glance-25", RELEASE, PACKAGES)
    parts = [*(f"{_SITE}/{name}" for name in ("glance", "keystone", "gunicorn")), _PASTE]
    missing = [part for part in parts if not (tree / part).exists()]
    assert not missing, f"{tree} has no {', '.join(missing)}"
    return tree


def previous_cloud(directory: Path, tree: Path, options: Mapping[str, str] | None = None) -> PreviousCloud:
    """A cloud in *directory* with the servers of *tree*."""
    # Empty tables are kept with the launcher: other packages, other tables.
    releases = sorted(path.name for name in ("glance", "keystone") for path in tree.glob(f"{_SITE}/{name}-*"))
    mark = hashlib.sha256(f"{tree} {releases}".encode()).hexdigest()[:12]
    return PreviousCloud(
        directory=directory,
        venv=cache_folder() / f"launcher-{mark}",
        python=sys.executable,
        options=options or {},
        tree=tree,
    )


@contextlib.contextmanager
def previous_test_cloud(directory: Path, options: Mapping[str, str] | None = None) -> Iterator[TestCloud]:
    """The running cloud with a proxy before its Glance."""
    cloud = previous_cloud(directory / "state", previous_tree(), options)
    with running_cloud(cloud, directory) as running:
        yield running
