# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the boot tests."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from helpers.guests import BuiltImage, build_image


@pytest.fixture(scope="session")
def built_image(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], BuiltImage]:
    """The default image for a firmware, built at the first call.

    GOLDSMITH_TEST_IMAGE_DIR names a folder that keeps the images for the next run of the tests.
    """
    kept = os.environ.get("GOLDSMITH_TEST_IMAGE_DIR")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("images")

    @cache
    def build(firmware: str) -> BuiltImage:
        return build_image(checkout, folder, firmware)

    return build


@pytest.fixture(scope="module")
def guest_folder() -> Iterator[Path]:
    """Where guests have their files. Its name is short, for the sockets in it."""
    with tempfile.TemporaryDirectory(prefix="gs-") as name:
        yield Path(name)
