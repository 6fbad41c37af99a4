# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit as a whole, on trees; images are integration tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.system_trees import make_tree

from ansible_collections.goldsmith.openstack.plugins.module_utils._audit import audit
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

REQUIRED = {"Q1c", "Q2", "Q3", "Q4", "Q5", "Q6", "Q7", "Q9", "D7"}


def test_every_requirement_has_one_result(tmp_path: Path) -> None:
    results = [result.describe() for result in audit.run(Runner(), str(make_tree(tmp_path / "t")), audit.Request())]
    ids = [result["id"] for result in results]
    assert len(ids) == len(set(ids))
    assert set(ids[: len(REQUIRED)]) == REQUIRED
    assert {"machine_id", "ssh_host_keys", "passwords", "logs", "secrets", "policy_rc_d"} <= set(ids)
    assert [result["id"] for result in results if not (result["title"] and result["evidence"])] == []
    # There is no kernel in it, and no bus is given.
    assert {result["id"] for result in results if result["verdict"] != "pass"} == {"Q9", "ids", "initramfs"}


def test_rules_of_other_strategies_are_left_out(tmp_path: Path) -> None:
    results = audit.run(Runner(), str(make_tree(tmp_path / "t")), audit.Request(resize="lvm"))
    ids = [result.rule.id for result in results]
    assert "Q1l" in ids
    assert "Q1c" not in ids


def test_a_strategy_that_is_not_known(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"resize=zfs: is not known; one of cloud_init, lvm"):
        audit.run(Runner(), str(make_tree(tmp_path / "t")), audit.Request(resize="zfs"))


def test_broken_rules_are_listed(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    (tree / "etc/machine-id").unlink()
    results = audit.run(Runner(), str(tree), audit.Request(user="ubuntu"))
    assert audit.broken(results) == ["Q5", "machine_id"]


def test_a_bare_tree_fails_but_is_judged_to_the_end(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    results = audit.run(Runner(), str(tmp_path), audit.Request())
    assert {"Q1c", "Q2", "Q3", "Q5", "Q6", "Q7", "machine_id"} <= set(audit.broken(results))


@pytest.mark.parametrize(("name", "said"), [("none", "neither a file nor a folder"), ("", "a folder without etc")])
def test_what_is_no_system_is_refused(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        audit.run(Runner(), str(tmp_path / name), audit.Request())


def test_only_the_rules_that_are_asked_for(tmp_path: Path) -> None:
    tree = str(make_tree(tmp_path / "t"))
    assert [one.rule.id for one in audit.run(Runner(), tree, audit.Request(rules=("Q2",)))] == ["Q2"]
    with pytest.raises(OptionError, match="rules=Q99: is not known; of "):
        audit.Request(rules=("Q99",))
