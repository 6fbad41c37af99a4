# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors: one line each."""

from __future__ import annotations

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError


def test_the_line_names_the_cause_and_the_remedy() -> None:
    error = GoldsmithError("the disk is full", hint="free 2 GiB", path="/x")
    assert str(error) == "the disk is full; free 2 GiB"
    assert error.facts == {"path": "/x"}


def test_an_option_s_line_names_option_and_value() -> None:
    error = OptionError("size", "2Q", "not a size", hint="write 2G")
    assert str(error) == "size=2Q: not a size; write 2G"
    assert error.option == "size"
    assert isinstance(error, GoldsmithError)
