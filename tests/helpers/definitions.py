# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of the variables of a definition, made from their specification."""

from __future__ import annotations

from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._definition import definition, faults
from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.definition import Axes, Place
from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.specification import SPECIFICATION, read
from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.variable import Variable
from ansible_collections.goldsmith.openstack.plugins.plugin_utils import _axes

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me@home"
_BAD = {"flag": "perhaps", "number": -1, "mapping": "text", "records": "text"}


def bad_value(variable: Variable) -> Any:
    """A value that this variable cannot have."""
    if variable.kind in _BAD:
        return _BAD[variable.kind]
    if variable.choices:
        return "no-such-value"
    return 'a\x01b"\n?' if variable.check else {"a": "mapping"}


def bad_values() -> dict[str, Any]:
    """One for every variable, by its full name."""
    return {variable.variable: bad_value(variable) for variable in SPECIFICATION.values()}


def values(**given: Any) -> dict[str, Any]:
    """The values of all variables, of which some are given."""
    found, faults = read(given)
    assert faults == []
    return found


def axes(
    resize: str = "cloud_init", distribution: str = "debian", os_id: str = "", architecture: str = "amd64"
) -> Axes:
    """The data of a strategy, and of a distribution of ours or of one that a machine says that it is."""
    strategy = _axes.load("strategies", resize)
    agents = {name: _axes.load("agents", name) for name in strategy["agents"]}
    data = _axes.of_system(os_id) if os_id else _axes.load("distributions", distribution)
    return Axes(data, strategy, agents, _axes.load("architectures", architecture))


PLACE = Place("/here", "/home/me")


def build(resize: str = "cloud_init", place: Place = PLACE, **given: Any) -> dict[str, Any]:
    """The definition of a build, by our data."""
    chosen = values(resize=resize, **given)
    data = axes(resize, chosen["distribution"], place.system.get("id", ""), chosen["architecture"])
    assert faults.between(chosen, data, place) == []
    return definition.build(chosen, data, place)
