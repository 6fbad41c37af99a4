# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The linters: ruff, ansible-lint with its strictest profile, shellcheck."""

from __future__ import annotations

from pathlib import Path

import yaml
from helpers.tools import project_files, run_tool, tool


def test_ruff_check(checkout: Path) -> None:
    run_tool([tool("ruff"), "check", "--output-format=concise", "."], cwd=checkout)


def test_ruff_format(checkout: Path) -> None:
    run_tool([tool("ruff"), "format", "--check", "."], cwd=checkout)


def test_ansible_lint(checkout: Path) -> None:
    output = run_tool([tool("ansible-lint"), "--offline", "--nocolor", "--profile", "production"], cwd=checkout)
    assert "0 failure(s), 0 warning(s)" in output


def test_shellcheck(checkout: Path) -> None:
    scripts = [name for name in project_files(checkout) if _is_shell_script(checkout / name)]
    assert {"goldsmith", ".ci/run", "roles/openstack_guest/files/goldsmith-agent"} <= set(scripts)
    run_tool([tool("shellcheck"), *scripts], cwd=checkout)


def test_shellcheck_of_distributions(checkout: Path, tmp_path: Path) -> None:
    # Variables and names without blanks come from guest.sh.
    head = "#!/bin/sh\n# shellcheck disable=SC2046,SC2086,SC2154\n"
    for path in (checkout / "extensions/goldsmith").glob("*/*.yml"):
        if shell := yaml.safe_load(path.read_text()).get("shell"):
            (tmp_path / f"{path.stem}.sh").write_text(head + shell)
    run_tool([tool("shellcheck"), *sorted(map(str, tmp_path.glob("*.sh")))], cwd=checkout)


def _is_shell_script(path: Path) -> bool:
    with path.open("rb") as file:
        first = file.readline(64)
    return first.startswith(b"#!") and first.split()[-1].rpartition(b"/")[2] in (b"sh", b"bash", b"dash")
