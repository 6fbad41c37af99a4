# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of the action image_definition."""

from __future__ import annotations

import yaml
from helpers.definitions import build

from ansible_collections.goldsmith.openstack.plugins.modules import image_definition


def test_what_it_says_that_it_returns_is_there() -> None:
    contains = yaml.safe_load(image_definition.RETURN)["definition"]["contains"]
    assert set(contains) <= set(build())
