# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree, or a running machine, without what belongs to one machine, to its making, or to a person."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import (
    credentials,
    disk_settings,
    network_config,
    network_ties,
    tree_walker,
    walker,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._host import errors, namespaces, texts
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.program import program
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import (
    seal_changes,
    seal_network,
    seal_plan,
    seal_program,
    seal_steps,
    seal_tree,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.seal_steps import STEPS

NAMES = tuple(STEPS)
# In the order in which they import each other.
_SOURCES = (
    errors,
    texts,
    walker,
    tree_walker,
    seal_tree,
    seal_plan,
    seal_changes,
    network_config,
    network_ties,
    seal_network,
    disk_settings,
    credentials,
    seal_steps,
    seal_program,
)


def seal(
    runner: Runner,
    path: str,
    *,
    steps: Sequence[str] = NAMES,
    proxy: Sequence[str] = (),
    running: bool = False,
    network: str = "keep",
    check_mode: bool = False,
) -> dict[str, Any]:
    """Take the steps in a tree, or on the machine itself where it is said that it is *running*."""
    root = _root(path, running)
    request = seal_steps.Request(
        root=root,
        steps=[name for name in NAMES if name in steps],
        proxy=proxy,
        running=root == "/",
        check_mode=check_mode,
        spare=_in_use(),
        network=network,
    )
    argv, stdin = sealing(request)
    # The machine itself has no other ids, and its mounts are its own.
    prefix = [] if root == "/" else namespaces.prefix()
    answer = json.loads(runner.run([*prefix, *argv], stdin=stdin).stdout)
    if "error" in answer:
        raise GoldsmithError(answer["error"])
    return _result(answer)


def sealing(request: seal_steps.Request) -> tuple[list[str], str]:
    """Return the argv of the program that seals, and what it reads from stdin. It prints a JSON object."""
    return program(*_SOURCES, request=request._asdict())


def _root(path: str, running: bool) -> str:
    if not os.path.isdir(path):
        raise OptionError("path", path, "is not a folder", hint="name the root of a system's files")
    if not os.path.samefile(path, "/"):
        if running:
            raise OptionError(
                "path", path, "is not the root of the running machine", hint="leave running out for a tree"
            )
        return os.path.realpath(path)
    if not running:
        raise OptionError("path", path, "is this machine itself", hint="if that is what you want, set running=true")
    if os.geteuid() != 0:
        raise OptionError("path", path, "needs root", hint="set become: true")
    return "/"


def _in_use() -> list[str]:
    """Return the folders that Ansible keeps this module in while it runs."""
    found = {sys.argv[0], *sys.path, str(getattr(sys.modules["__main__"], "__file__", "") or "")}
    return sorted(os.path.dirname(os.path.realpath(path)) for path in found if os.path.isfile(path))


def _result(answer: dict[str, Any]) -> dict[str, Any]:
    steps = {
        name: {"paths": list(step["done"]), "count": step["count"], "bytes": step["bytes"]}
        for name, step in answer["steps"].items()
    }
    return {
        "changed": any(step["count"] for step in steps.values()),
        "steps": steps,
        "bytes": sum(step["bytes"] for step in steps.values()),
        "stays": answer["stays"],
        "notes": answer["warnings"],
        "warnings": list(answer["warnings"]),
        "diff": [_diff(name, step["done"]) for name, step in answer["steps"].items() if step["done"]],
    }


def _diff(name: str, done: dict[str, str]) -> dict[str, str]:
    after = [f"{path}: {verb}" for path, verb in done.items() if verb != "removed"]
    return {
        "before_header": name,
        "after_header": name,
        "before": "".join(f"{path}\n" for path in done),
        "after": "".join(f"{line}\n" for line in after),
    }
