# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter axis_data."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.goldsmith.openstack.plugins.filter.axis_data import FilterModule

axis_data = FilterModule().filters()["axis_data"]


def test_a_distribution_has_what_the_ones_have_that_it_is_like() -> None:
    data = axis_data("rocky", "distributions")
    assert (data["title"], data["bootstrap"], data["entitlement"]) == ("Rocky Linux", "dnf", False)


def test_a_release_has_data_of_its_own() -> None:
    assert axis_data("rocky", "distributions", "9")["rpm_database"] == "/var/lib/rpm"
    assert axis_data("rocky", "distributions", "10")["rpm_database"] == "/usr/lib/sysimage/rpm"


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(AnsibleFilterError, match=r"^plan9: is not known; use"):
        axis_data("plan9", "distributions")
