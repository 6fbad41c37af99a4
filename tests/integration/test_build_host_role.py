# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role build_host on this host, which the command that runs the tests has made ready by it."""

from __future__ import annotations

from pathlib import Path

from helpers.tools import run_tool


def test_where_all_is_there_nothing_is_installed(checkout: Path) -> None:
    said = run_tool(["./goldsmith", "playbook", "playbooks/build_host.yml"], cwd=checkout, timeout=300)
    install = said.partition("TASK [goldsmith.openstack.build_host : Install the packages]")[2]
    assert install.split()[1] == "skipping:", said
