# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder with a root file system, or a tar of one, in place of a disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._disk import (
    extract_plan,
    extract_tree,
    lay_tree,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._disk.lay_tree import Outputs, Request
from ansible_collections.goldsmith.openstack.plugins.module_utils._fs import volume
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.volume_walker import VolumeFiles
from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.digests import digest
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.files import file_error
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import (
    ProgramError,
    Runner,
    find_program,
    missing_program,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.scratch import scratch_folder
from ansible_collections.goldsmith.openstack.plugins.module_utils._image import recognition


def kind_of(path: str) -> str | None:
    """Return what there is in place of a disk; what is compressed can only be a tar."""
    if os.path.isdir(path):
        return volume.FOLDER
    if os.path.isfile(path) and (recognition.packer_of(path) or recognition.is_tar(path)):
        return volume.TAR
    return None


def extract(
    runner: Runner, path: str, kind: str, outputs: Outputs, request: Request, *, check_mode: bool
) -> dict[str, Any]:
    """Make a tree of a folder or a tar; return the facts of it."""
    if not outputs.tree or outputs.root or outputs.kernel or outputs.ramdisk:
        raise OptionError("src", path, f"is a {kind}, of which only a tree can be made", hint="give tree alone")
    tree = os.path.realpath(outputs.tree)
    if kind == volume.FOLDER and os.path.commonpath([tree, os.path.realpath(path)]) in (tree, os.path.realpath(path)):
        raise OptionError("tree", outputs.tree, "lies in the folder src, or around it", hint="choose one elsewhere")
    with scratch_folder("extract") as scratch:
        source = FilesSource(runner, path, kind, scratch, request)
        try:
            changed, facts = lay_tree.lay(runner, source, outputs.tree, request, check_mode=check_mode)
        except OSError as error:
            raise file_error(error.filename or path, error) from error
    warnings = [*source.warnings(), *lay_tree.warnings(facts)]
    after = f"{outputs.tree}\n" if changed else ""
    return {"changed": changed, "format": kind, **facts, "warnings": warnings, "diff": {"before": "", "after": after}}


@dataclass(frozen=True)
class FilesSource:
    """A folder or a tar as what a tree is made of. *scratch* holds a tar that was compressed."""

    runner: Runner
    path: str
    kind: str
    scratch: Path
    request: Request

    def identity(self) -> list[Any]:
        if self.kind == volume.FOLDER:
            return [os.path.realpath(self.path), digest(*(str(row) for row in self._statuses))]
        status = os.stat(self.path)
        return [os.path.realpath(self.path), status.st_size, status.st_mtime_ns]

    def warnings(self) -> list[str]:
        """Return what else a user has to know: an ordinary user's files become those of root."""
        own = os.geteuid()
        if self.kind == volume.FOLDER and own != 0 and all(uid == own for _name, uid, *_more in self._statuses):
            return [
                f"{self.path}: all its files are yours, and become those of root; where others of that system owned "
                "some, give a tar of it, or run as root"
            ]
        return []

    def plan(self) -> extract_plan.ExtractPlan:
        files = VolumeFiles(self.path, lambda: volume.reader(self.kind, self._file, 0))
        if not files.names("/etc"):
            raise OptionError("src", self.path, "holds no /etc at its top", hint="make it of the root of a system")
        return extract_plan.plan_of_files(files, self.path)

    def parts(self, todo: extract_plan.ExtractPlan) -> list[dict[str, Any]]:
        return [{"mountpoint": "/"}]

    def write(self, todo: extract_plan.ExtractPlan, folder: str) -> list[dict[str, Any]]:
        if self.kind == volume.FOLDER:
            self._require_own()
        request = self.request
        words = {"path": os.path.abspath(self._file), "offset": 0, "fstype": self.kind, "mountpoint": "/"}
        # Only the kernel fills it.
        words |= {"hidden": ["/dev"], "unwanted": list(todo.unwanted) if request.root_source else []}
        facts = extract_tree.unpack(self.runner, self.path, folder, words)
        if request.root_source:
            extract_tree.rewrite_fstab(folder, todo, request.root_source, request.root_filesystem)
        return [{"mountpoint": "/", "filesystem": self.kind, **facts}]

    @cached_property
    def _statuses(self) -> list[tuple[str, int, int, int, int, int]]:
        """What tells each file of a folder from what it was, links not followed."""
        rows = []
        device = os.stat(self.path).st_dev
        for top, folders, names in os.walk(self.path):
            found = {name: _status(os.path.join(top, name)) for name in sorted([*folders, *names])}
            # Not into what is mounted there
            folders[:] = sorted(name for name in folders if (one := found[name]) and one.st_dev == device)
            for name, one in found.items():
                if one:
                    path = os.path.relpath(os.path.join(top, name), self.path)
                    rows.append((path, one.st_uid, one.st_ino, one.st_size, one.st_mtime_ns, one.st_ctime_ns))
        return rows

    @cached_property
    def _file(self) -> str:
        """The folder, or the tar unpacked."""
        packer = recognition.packer_of(self.path) if self.kind == volume.TAR else None
        if packer is None:
            return self.path
        if not find_program(packer):
            raise missing_program(packer)
        tar = os.path.join(self.scratch, "tar")
        try:
            self.runner.run(["sh", "-c", '"$1" -dc <"$2" >"$3"', "unpack", packer, os.path.abspath(self.path), tar])
        except ProgramError as error:
            raise GoldsmithError(f"{self.path} cannot be unpacked: {error.result.last_line}") from None
        if not recognition.is_tar(tar):
            raise OptionError("src", self.path, f"is compressed by {packer}, and no tar", hint="give it unpacked")
        return tar

    def _require_own(self) -> None:
        """Raise OptionError where files belong to accounts that an ordinary user cannot give them to."""
        if os.geteuid() == 0:
            return
        own = namespaces.own_ids()
        for name, uid, *_more in self._statuses:
            if not any(uid in ids for ids in own):
                raise OptionError(
                    "src",
                    self.path,
                    f"has {name!r}, which belongs to uid {uid}, beyond those of this account",
                    hint="run as root, or give a tar of it",
                )


def _status(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except FileNotFoundError:
        return None  # it went meanwhile
