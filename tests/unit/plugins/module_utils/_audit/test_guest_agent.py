# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent, as the files of a guest show it."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.system_trees import AGENT, AGENT_LINKS, make_tree

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit import guest_agent as agent
from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.rule import Guest
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import TreeFiles


def guest(root: Path, files: dict[str, str]) -> Guest:
    return Guest(TreeFiles(str(make_tree(root / "tree", files, AGENT_LINKS))))


@pytest.mark.parametrize(
    ("text", "account"),
    [
        ("user=debian\n", "debian"),
        ("url=x\nuser='cloud-user'\n", "cloud-user"),
        ("#user=x\n", None),
        ("user=$x\n", None),
    ],
)
def test_the_account(tmp_path: Path, text: str, account: str | None) -> None:
    assert agent.account(guest(tmp_path, {"etc/goldsmith/agent.conf": text})) == account


def test_program_and_unit(tmp_path: Path) -> None:
    whole = guest(tmp_path / "whole", AGENT)
    assert agent.is_there(whole)
    assert agent.judge(whole, agent.GROW)[0] == []
    bare = guest(tmp_path / "bare", {})
    assert not agent.is_there(bare)
    assert agent.judge(bare, "other.service")[0] == [f"{agent.PROGRAM}: missing", "other.service: not enabled"]
