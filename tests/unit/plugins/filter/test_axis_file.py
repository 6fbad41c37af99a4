# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter axis_file."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.goldsmith.openstack.plugins.filter.axis_file import FilterModule

axis_file = FilterModule().filters()["axis_file"]


def test_a_name_is_the_path_of_a_file() -> None:
    assert axis_file("xen", "strategies").endswith("/strategies/xen.yml")


@pytest.mark.parametrize(
    ("name", "axis", "fault"), [("zfs", "strategies", "zfs: is not known; use"), ("xen", "x", "axis=x:")]
)
def test_what_is_not_there_is_named(name: str, axis: str, fault: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        axis_file(name, axis)
    assert fault in str(caught.value)
