# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings, and what rules ask about services."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.system_trees import make_tree

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit.rule import (
    FAIL,
    NOT_APPLICABLE,
    PASS,
    Guest,
    judged,
    not_applicable,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import TreeFiles


@pytest.fixture
def guest(tmp_path: Path) -> Guest:
    return Guest(TreeFiles(str(make_tree(tmp_path / "tree"))))


def test_verdicts() -> None:
    assert judged([], ["seen"]).verdict == PASS
    assert judged(["fault"], ["seen"]).evidence == ("fault",)
    assert judged(["fault"]).verdict == FAIL
    assert not_applicable("why").verdict == NOT_APPLICABLE


def test_long_evidence_is_cut_and_counted() -> None:
    evidence = judged(str(number) for number in range(50)).evidence
    assert len(evidence) == 21
    assert evidence[-1] == "and 30 more"


def test_passwords_in_addresses_are_hidden() -> None:
    assert "secret" not in judged(["deb http://me:secret@mirror/debian x main"]).evidence[0]


def test_services(guest: Guest, tmp_path: Path) -> None:
    assert guest.enabled("ssh.service") == ["/etc/systemd/system/multi-user.target.wants/ssh.service"]
    assert guest.enabled("ufw.service") == []
    assert guest.has_unit("ssh.service")
    assert not guest.has_unit("ufw.service")
    assert not guest.masked("ssh.service")


@pytest.mark.parametrize("how", ["link", "empty"])
def test_a_masked_service_is_not_enabled(guest: Guest, tmp_path: Path, how: str) -> None:
    unit = tmp_path / "tree/etc/systemd/system/ssh.service"
    if how == "link":
        unit.symlink_to("/dev/null")
    else:
        unit.touch()
    assert guest.masked("ssh.service")
    assert guest.enabled("ssh.service") == []
