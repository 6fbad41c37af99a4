# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder in which one image is built, and the lock that keeps a second build of it away."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import lifeline, namespaces, removal
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.files import drop_partial_files, file_error
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.locks import take
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

_ANOTHER = "or name another folder in image_cache_dir"
# What a tree asks of a file system: a file for another account.
_OWNERS = ': >"$1" && chown 1:1 "$1"; code=$?; rm -f "$1"; exit $code'


@dataclass(frozen=True)
class Workspace:
    """The workspace of the image *name* that goes to *output_dir*.

    *tree*: it is for a tree whose programs run, with files of several owners.
    """

    name: str
    output_dir: str
    cache_dir: str
    tree: bool = True

    @property
    def path(self) -> str:
        """The folder: one for each place that an image is built to."""
        place = hashlib.sha256(os.fsencode(os.path.realpath(self.output_dir))).hexdigest()[:8]
        return os.path.join(self.cache_dir, "work", f"{self.name}-{place}")

    @property
    def lock(self) -> str:
        """The file that names the run that has the workspace."""
        return f"{self.path}.lock"

    def present(self, runner: Runner, *, check_mode: bool) -> dict[str, Any]:
        """Take the workspace for this run and empty it of what a killed one left."""
        left = os.path.isdir(self.path) and os.listdir(self.path)
        warnings = self._judge_mount()
        if check_mode:
            self._require_free(_read(self.lock))
        else:
            work = os.path.dirname(self.path)
            _make("image_cache_dir", self.cache_dir, work)
            _make("image_output_dir", self.output_dir, self.output_dir)
            self._require_owners(runner, work)
            try:
                self._take()
                removal.remove(runner, self.path, namespaces.prefix() if left else ())
                # It may hold setuid programs of a foreign system: nobody else gets to them.
                os.makedirs(self.path)
                os.chmod(self.path, 0o700)
                drop_partial_files(self.output_dir)
            except OSError as error:
                raise file_error(error.filename or self.path, error) from error
        result = {"changed": True, "path": self.path, "diff": {"before": "", "after": self.path}}
        return {**result, **({"warnings": warnings} if warnings else {})}

    def absent(self, runner: Runner, *, check_mode: bool) -> dict[str, Any]:
        """Remove the workspace and give it free."""
        there = os.path.isdir(self.path) or os.path.exists(self.lock)
        if there and check_mode:
            self._require_free(_read(self.lock))
        elif there:
            try:
                self._take()
                removal.remove(runner, self.path, namespaces.prefix())
                os.unlink(self.lock)
                if os.path.isdir(self.output_dir) and not os.listdir(self.output_dir):
                    os.rmdir(self.output_dir)  # a build that failed leaves no empty folder
            except OSError as error:
                raise file_error(error.filename or self.path, error) from error
        return {"changed": there, "path": self.path, "diff": {"before": self.path if there else "", "after": ""}}

    def _judge_mount(self) -> list[str]:
        """Refuse a file system on which no tree can work, before anything is made; return what to warn of."""
        if not self.tree:
            return []
        there = next(folder for folder in (self.path, *map(str, Path(self.path).parents)) if os.path.isdir(folder))
        flags = os.statvfs(there).f_flag
        if flags & os.ST_NOEXEC:
            raise GoldsmithError(
                f"image_cache_dir={self.cache_dir}: its file system is mounted with noexec, so no program of the tree "
                f"can run; mount it with exec, {_ANOTHER}"
            )
        if flags & os.ST_NOSUID:
            return [
                f"image_cache_dir={self.cache_dir}: its file system is mounted with nosuid, so while roles run no "
                f"account but root can use sudo in the tree; if one has to, mount it with suid, {_ANOTHER}"
            ]
        return []

    def _require_owners(self, runner: Runner, folder: str) -> None:
        argv = ["sh", "-c", _OWNERS, "sh", os.path.join(folder, f".owner-{os.getpid()}")]
        if self.tree and runner.run([*namespaces.prefix(), *argv], check=False).rc != 0:
            raise GoldsmithError(
                f"image_cache_dir={self.cache_dir}: its file system gives no file to another owner, as NFS with "
                f"root_squash, and a tree has files of several; export it with no_root_squash, {_ANOTHER}"
            )

    def _take(self) -> None:
        # The lock belongs to the whole playbook run, not to this module: it holds while that process lives.
        with open(take(self.lock, mode=0o644), "r+", encoding="utf-8") as file:
            self._require_free(file.read())
            file.seek(0)
            file.truncate()
            json.dump(lifeline.run_owner(), file)

    def _require_free(self, text: str) -> None:
        owner = _parse(text)
        if owner not in (lifeline.run_owner(), None) and lifeline.start_time(owner[0]) == owner[1]:
            raise GoldsmithError(
                f"{self.output_dir} is being built by process {owner[0]}",
                hint="wait until it ends, or choose another image_name or image_output_dir",
            )


def workspace(name: str, output_dir: str, cache_dir: str, *, tree: bool = True) -> Workspace:
    """Return a workspace; raise OptionError when the name cannot be part of a path."""
    if not name or "/" in name or name.startswith("."):
        raise OptionError("name", name, "is not a file name", hint="use letters, digits, - and .")
    return Workspace(name, os.path.abspath(output_dir), os.path.abspath(cache_dir), tree)


def _make(option: str, named: str, folder: str) -> None:
    try:
        os.makedirs(folder, exist_ok=True)
        # A read-only mount, or NFS that takes root for nobody, is found out only by writing.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise GoldsmithError(
            f"{option}={named}: cannot be written: {error.strerror or error}",
            hint="name a folder of this account there, or give it the rights; NFS may refuse root",
        ) from error


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def _parse(text: str) -> tuple[int, str] | None:
    try:
        pid, began = json.loads(text)
        return int(pid), str(began)
    except (ValueError, TypeError):
        return None
