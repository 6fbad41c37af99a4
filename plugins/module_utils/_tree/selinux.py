# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The labels of SELinux in a tree, as the policy of the tree has them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import TreeFiles
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.walker import GuestFiles
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

# The extended attribute that a label is
NAME = "security.selinux"
_SETTING = re.compile(r"(?m)^\s*(SELINUX|SELINUXTYPE)\s*=\s*(\S+)")


def mode(files: GuestFiles) -> str:
    """Return the mode in which a guest starts SELinux: C(enforcing), C(permissive), or empty for none."""
    found = _settings(files)
    return found.get("SELINUX", "") if found.get("SELINUX") in ("enforcing", "permissive") and contexts(files) else ""


def contexts(files: GuestFiles) -> str:
    """Return the file of the guest that says which label belongs to which path; empty where there is none."""
    kind = _settings(files).get("SELINUXTYPE", "")
    path = f"/etc/selinux/{kind}/contexts/files/file_contexts"
    return path if re.fullmatch(r"[\w-]+", kind) and files.is_file(path) else ""


def label(
    runner: Runner, tree: str, prefix: Sequence[str], files: str | None = None, *, check_mode: bool = False
) -> list[str]:
    """Give all files of a tree that starts SELinux their labels; return what was not labelled so before.

    *prefix* enters the namespaces in which the tree is seen, and *files* is a folder where this process sees its files.
    Raises GoldsmithError where a label cannot be set.
    """
    seen = TreeFiles(files or tree)
    if not mode(seen):
        return []
    argv = ["setfiles", "-F", "-r", tree]
    names = [os.path.join(tree, contexts(seen).lstrip("/")), tree]
    asked = [*prefix, *argv, "-n", "-v", *names]
    if check_mode:
        return _relabelled(runner.run(asked).stdout, tree)
    result = runner.run([*prefix, *argv, "-v", *names], check=False)
    left = _relabelled(runner.run(asked).stdout, tree) if result.rc == 0 else []
    if result.rc != 0 or left:
        raise GoldsmithError(
            f"the labels of SELinux cannot be set in {tree}: {result.last_line if result.rc else left[0]}",
            hint="use a file system that keeps extended attributes, for example ext4",
            stderr=result.stderr,
        )
    return _relabelled(result.stdout, tree)


def labels(runner: Runner, tree: str, paths: Mapping[str, str]) -> dict[str, str]:
    """Return the label of each of *paths*, which are those inside of a tree, with their kinds C(file) or C(dir).

    Empty where the tree does not start SELinux.
    """
    files = TreeFiles(tree)
    found: dict[str, str] = {}
    for kind in ("file", "dir") if mode(files) else ():
        names = [path for path, what in paths.items() if what == kind]
        argv = ["matchpathcon", "-f", os.path.join(tree, contexts(files).lstrip("/")), "-m", kind, *names]
        lines = runner.run(argv).stdout.splitlines() if names else []
        found |= dict(line.split("\t") for line in lines if not line.endswith("<<none>>"))
    return found


def _relabelled(said: str, tree: str) -> list[str]:
    """Return the paths in the tree that setfiles has labelled, or would."""
    found = re.findall(r"(?m)^(?:Would relabel|Relabeled) (.*) from .+ to \S+$", said)
    return [path.removeprefix(tree) or "/" for path in found]


def _settings(files: GuestFiles) -> dict[str, str]:
    return dict(_SETTING.findall(files.text("/etc/selinux/config") or ""))
