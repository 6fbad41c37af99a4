# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a module ends: what reaches Ansible."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import lifeline
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.module import run_module


class Ended(BaseException):
    """Stands for the exit of a module's process."""


class Module:
    """Stands for AnsibleModule: keeps what it was told at the end."""

    def __init__(self, diff: bool = False) -> None:
        self._diff = diff
        self.result: dict[str, Any] = {}

        self.warnings: list[str] = []

    def warn(self, line: str) -> None:
        self.warnings.append(line)

    def exit_json(self, **result: Any) -> None:
        self.result = result
        raise Ended

    def fail_json(self, **result: Any) -> None:
        self.result = {"failed": True, **result}
        raise Ended


@pytest.fixture(autouse=True)
def no_lifeline(monkeypatch: pytest.MonkeyPatch) -> None:
    # The test process must not get the signal handlers of a module.
    monkeypatch.setattr(lifeline, "hold", lambda: None)


def end(module: Module, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    with pytest.raises(Ended):
        run_module(module, work)
    return module.result


def test_the_result_and_the_seconds_of_work() -> None:
    result = end(Module(), lambda: {"changed": True, "path": "/x"})
    assert 0 <= result.pop("elapsed") < 1
    assert result == {"changed": True, "path": "/x"}


def test_warnings_are_told_one_by_one() -> None:
    module = Module()
    assert "warnings" not in end(module, lambda: {"changed": True, "warnings": ["one", "of \udcff"]})
    assert module.warnings == ["one", "of \ufffd"]


def test_a_diff_is_shown_only_where_it_is_asked_for() -> None:
    def work() -> dict[str, Any]:
        return {"changed": True, "diff": {"before": "a", "after": "b"}}

    assert "diff" not in end(Module(), work)
    assert end(Module(diff=True), work)["diff"] == {"before": "a", "after": "b"}


def test_an_error_is_one_line_with_its_facts() -> None:
    def work() -> dict[str, Any]:
        raise GoldsmithError("the disk is full", hint="free 2 GiB", needed=2)

    assert end(Module(), work) == {"failed": True, "msg": "the disk is full; free 2 GiB", "needed": 2}


def test_a_mistake_of_ours_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        run_module(Module(), lambda: {"changed": 1 / 0})


def test_what_is_no_utf8_is_replaced() -> None:
    def work() -> dict[str, Any]:
        raise GoldsmithError("\udce4 is missing", names=["\udce4"])

    result = end(Module(), lambda: {"changed": False, "names": ["\udce4"], "elapsed": 1})
    assert result == {"changed": False, "names": ["\ufffd"], "elapsed": 1}
    assert end(Module(), work) == {"failed": True, "msg": "\ufffd is missing", "names": ["\ufffd"]}


def test_namespaces_are_entered_before_there_are_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    monkeypatch.setattr(lifeline, "hold", lambda: steps.append("hold"))
    module = Module()
    with pytest.raises(Ended):
        run_module(module, lambda: {"changed": bool(steps.append("work"))}, enter=lambda: steps.append("enter"))
    assert steps == ["enter", "hold", "work"]
    assert module.result["changed"] is False


def test_what_cannot_be_entered_is_told_and_nothing_is_done() -> None:
    def refuse() -> None:
        raise GoldsmithError("cannot enter")

    module = Module()
    with pytest.raises(Ended):
        run_module(module, lambda: pytest.fail("it worked"), enter=refuse)
    assert module.result == {"failed": True, "msg": "cannot enter"}
