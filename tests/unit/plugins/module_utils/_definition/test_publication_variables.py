# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of a publication."""

from __future__ import annotations

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.publication_variables import PUBLICATION
from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.variable import BadValue, Variable


@pytest.mark.parametrize("variable", PUBLICATION, ids=lambda variable: variable.name)
def test_a_variable_is_told_and_its_default_is_good(variable: Variable) -> None:
    assert variable.text.endswith(".") and variable.group
    if variable.default not in ("", [], {}):
        assert variable.read(variable.default) == variable.default


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("source", "https://cloud.example/a.qcow2", "nowhere"),
        ("replace_frequency", "monthly", "often"),
        ("provided_until", "2027-01-31", "soon"),
        ("uuid_validity", "last-3", "last"),
        ("hotfix_hours", "48", "two"),
    ],
)
def test_what_is_promised_is_judged_as_a_property(name: str, good: str, bad: str) -> None:
    variable = next(one for one in PUBLICATION if one.name == name)
    assert variable.read(good) == good
    with pytest.raises(BadValue, match=r"^must be "):
        variable.read(bad)
