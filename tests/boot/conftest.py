# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the boot tests."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.emulator import quick_emulator


@pytest.fixture(scope="module", autouse=True)
def emulator() -> Iterator[None]:
    """The QEMU of these tests."""
    with quick_emulator():
        yield


@pytest.fixture(scope="module")
def guest_folder() -> Iterator[Path]:
    """Where guests have their files. Its name is short, for the sockets in it."""
    with tempfile.TemporaryDirectory(prefix="gs-") as name:
        yield Path(name)
