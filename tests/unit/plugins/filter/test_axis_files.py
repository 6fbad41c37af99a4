# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter axis_files."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.goldsmith.openstack.plugins.filter.axis_files import FilterModule

axis_files = FilterModule().filters()["axis_files"]


def test_a_distribution_that_is_like_others() -> None:
    found = [Path(path).name for path in axis_files("rocky", "distributions")]
    assert found == ["fedora.yml", "rhel.yml", "rocky.yml"]


def test_one_that_is_like_none() -> None:
    assert [Path(path).name for path in axis_files("debian", "distributions")] == ["debian.yml"]


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(AnsibleFilterError, match=r"^plan9: is not known; use"):
        axis_files("plan9", "distributions")
