# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sealing as a program of its own, for trees that only a process in the namespaces may change. Floor 3.

This file and what it imports need the standard library only. Their sources are handed over on stdin: a module may lie
in an archive, or in a folder that is closed to that process.
"""

from __future__ import annotations

import inspect
import json
import os
import resource
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from ansible_collections.goldsmith.openstack.plugins.module_utils import (
    _errors,
    _seal_changes,
    _seal_network,
    _seal_plan,
    _seal_secrets,
    _seal_steps,
    _seal_tree,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import GoldsmithError

# In the order in which they import each other; this file is the last.
_SOURCES = (_errors, _seal_tree, _seal_plan, _seal_changes, _seal_network, _seal_secrets, _seal_steps)
_PATHS_SHOWN = 1000

_START = r"""
import json, sys, types
work = json.load(sys.stdin)
package = types.ModuleType(work["package"])
sys.modules[work["package"]] = package
for name, source in work["sources"]:
    module = types.ModuleType(work["package"] + "." + name)
    sys.modules[module.__name__] = module
    setattr(package, name, module)
    exec(compile(source, name + ".py", "exec"), module.__dict__)
module.run(work["request"])
"""


class Request(NamedTuple):
    """What to seal. *spare* are paths of the host that stay, because they are in use."""

    root: str
    steps: Sequence[str]
    proxy: str | None = None
    running: bool = False
    check_mode: bool = False
    spare: Sequence[str] = ()


def words(request: Request) -> tuple[list[str], str]:
    """Return the argv of the program, and what it reads from stdin. It prints a JSON object."""
    modules = (*_SOURCES, sys.modules[__name__])
    package, _dot, _name = __name__.rpartition(".")
    sources = [(module.__name__.rpartition(".")[2], inspect.getsource(module)) for module in modules]
    work = {"package": package, "sources": sources, "request": request._asdict()}
    return [sys.executable, "-I", "-S", "-c", _START], json.dumps(work)


def run(request: dict[str, Any]) -> None:
    """Be the program."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # One descriptor for each folder on the way down.
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        answer = seal(Request(**request))
    except GoldsmithError as error:
        answer = {"error": str(error)}
    sys.stdout.write(json.dumps(answer))


def seal(request: Request) -> dict[str, Any]:
    """Seal a tree; return C(steps), C(stays) and C(warnings)."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        foreign, own = _seal_tree.mounts_below(request.root, file.read(), running=request.running)
    below = request.root.rstrip("/") + "/"
    spare = {path[len(below) - 1 :] for path in request.spare if path.startswith(below)}
    folders = _seal_tree.Folders(request.root)
    try:
        tree = _seal_tree.Tree(folders, foreign | spare, own)
        if tree.find("/etc") is None:
            raise _errors.OptionError(
                "path", request.root, "is a folder without etc", hint="name the root of a system's files"
            )
        plan = _seal_plan.Plan(tree)
        wish = _seal_steps.Wish(request.proxy, request.running)
        for name in request.steps:
            plan.step = name
            _seal_steps.STEPS[name](plan, wish)
        _seal_steps.name_what_stays(plan)
        if not request.check_mode:
            changes = _seal_changes.Changes(folders)
            for action in plan.actions:
                changes.carry_out(action)
            # A machine that is on may be switched off the hard way next.
            if request.running:
                os.sync()
    finally:
        folders.close()
    if not request.running:
        plan.warnings += [
            f"{_seal_tree.shown(path)} is a mount in the tree: what is there was left alone"
            for path in sorted(tree.met & foreign)
        ]
    return {
        "steps": plan.report(request.steps, _PATHS_SHOWN),
        "stays": plan.stays,
        "warnings": plan.warnings,
    }
