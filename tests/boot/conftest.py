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

    The workers of a run share them. GOLDSMITH_TEST_IMAGE_DIR names a folder that keeps them for the next run.
    """
    run = tmp_path_factory.getbasetemp()
    run = run.parent if "PYTEST_XDIST_WORKER" in os.environ else run
    folder = Path(os.environ.get("GOLDSMITH_TEST_IMAGE_DIR", run / "images"))

    @cache
    def build(firmware: str) -> BuiltImage:
        return build_image(checkout, folder, firmware)

    return build


@pytest.fixture(scope="module")
def guest_folder() -> Iterator[Path]:
    """Where guests have their files. Its name is short, for the sockets in it."""
    with tempfile.TemporaryDirectory(prefix="gs-") as name:
        yield Path(name)
