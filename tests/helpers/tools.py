# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that a test drives: what they said is shown when they fail, in place of a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest


def tool(name: str) -> str:
    """The program of this Python's own environment."""
    return str(Path(sys.executable).with_name(name))


def run_tool(
    argv: list[str], *, cwd: Path, environment: Mapping[str, str] | None = None, timeout: float | None = None
) -> str:
    """Run a program and return its output, both streams; fail the test where the program fails."""
    result = subprocess.run(
        argv,
        check=False,
        cwd=cwd,
        env=None if environment is None else dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
    )
    if result.returncode != 0:
        pytest.fail(f"{' '.join(argv)}: exit status {result.returncode}\n{result.stdout}", pytrace=False)
    return result.stdout


def project_files(checkout: Path) -> list[str]:
    """The files that git knows or would take, by name."""
    # A checkout may belong to another account than the one that runs the tests.
    git = ["git", "-c", f"safe.directory={checkout}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(git, cwd=checkout, check=True, stdout=subprocess.PIPE, text=True).stdout
    return sorted(name for name in listing.split("\0") if name and (checkout / name).is_file())


def clean_environment() -> dict[str, str]:
    """The environment without what steers Ansible."""
    return {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
