# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sealing as a program of its own, for trees that only a process in the namespaces may change.

This file and what it imports need the standard library only.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import shown
from ansible_collections.goldsmith.openstack.plugins.module_utils._host import errors
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import (
    seal_changes,
    seal_plan,
    seal_steps,
    seal_tree,
)

_PATHS_SHOWN = 1000


def run(request: dict[str, Any]) -> None:
    """Be the program."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # One descriptor for each folder on the way down.
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        answer = seal(seal_steps.Request(**request))
    except GoldsmithError as error:
        answer = {"error": str(error)}
    sys.stdout.write(json.dumps(answer))


def seal(request: seal_steps.Request) -> dict[str, Any]:
    """Seal a tree; return C(steps), C(stays) and C(warnings)."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        foreign, own = seal_tree.mounts_below(request.root, file.read(), running=request.running)
    below = request.root.rstrip("/") + "/"
    spare = {path[len(below) - 1 :] for path in request.spare if path.startswith(below)}
    tree = seal_tree.SealTree(request.root, foreign | spare, own)
    if tree.find("/etc") is None:
        raise errors.OptionError(
            "path", request.root, "is a folder without etc", hint="name the root of a system's files"
        )
    plan = seal_plan.SealPlan(tree)
    for name in request.steps:
        plan.step = name
        seal_steps.STEPS[name](plan, request)
    seal_steps.name_what_stays(plan)
    if not request.check_mode:
        changes = seal_changes.Changes(tree.folders)
        for action in plan.actions:
            changes.carry_out(action)
        # A machine that is on may be switched off the hard way next.
        if request.running:
            os.sync()
    if not request.running:
        plan.warnings += [
            f"{shown(path)} is a mount in the tree: what is there was left alone" for path in sorted(tree.met & foreign)
        ]
    return {
        "steps": plan.report(request.steps, _PATHS_SHOWN),
        "stays": plan.stays,
        "warnings": plan.warnings,
    }
