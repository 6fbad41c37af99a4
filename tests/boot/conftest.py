# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the boot tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from helpers.emulator import quick_emulator


@pytest.fixture(scope="module", autouse=True)
def emulator() -> Iterator[None]:
    """The QEMU of these tests."""
    with quick_emulator():
        yield
