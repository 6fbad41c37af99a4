# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables that say how an image is made."""

from __future__ import annotations

from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.build_variables import BUILD
from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.image_variables import IMAGE


def test_they_are_part_of_the_definition_once() -> None:
    names = [variable.name for variable in IMAGE]
    assert {variable.group for variable in BUILD} == {"How it is made"}
    assert all(names.count(variable.name) == 1 for variable in BUILD)
