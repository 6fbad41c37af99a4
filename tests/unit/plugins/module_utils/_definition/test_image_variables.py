# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of an image."""

from __future__ import annotations

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.image_variables import IMAGE
from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.variable import Variable


@pytest.mark.parametrize("variable", IMAGE, ids=lambda variable: variable.name)
def test_a_variable_is_told_and_its_default_is_good(variable: Variable) -> None:
    assert variable.text.endswith(".") and variable.group
    if variable.default not in ("", [], {}):
        assert variable.read(variable.default) == variable.default
