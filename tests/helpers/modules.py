# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module of the collection, run in a process of its own as Ansible runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

_MODULES = "ansible_collections.goldsmith.openstack.plugins.modules"


def start_module(
    name: str,
    arguments: Mapping[str, Any],
    *,
    check: bool = False,
    environment: Mapping[str, str] | None = None,
    inside: Sequence[str] = (),
) -> subprocess.Popen[str]:
    """Start a module, behind the words *inside*; finish_module() ends it."""
    process = subprocess.Popen(
        [*inside, sys.executable, "-m", f"{_MODULES}.{name}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.environ["ANSIBLE_COLLECTIONS_PATH"], **(environment or {})},
    )
    assert process.stdin
    words = {**arguments, "_ansible_check_mode": check, "_ansible_diff": True}
    process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": words}))
    process.stdin.close()
    process.stdin = None
    return process


def finish_module(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for a module and return its result."""
    said, complained = process.communicate()
    assert said, complained
    return json.loads(said)


def run_module(
    name: str, arguments: Mapping[str, Any], *, check: bool = False, environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Run a module and return its result."""
    return finish_module(start_module(name, arguments, check=check, environment=environment))
