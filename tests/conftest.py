# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For all tests: the checkout is importable, and known to Ansible, as the collection goldsmith.openstack."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from helpers.guests import BuiltImage

CHECKOUT = Path(__file__).resolve().parent.parent
_COLLECTIONS = CHECKOUT / ".ansible" / "collections"


def _link() -> None:
    link = _COLLECTIONS / "ansible_collections" / "goldsmith" / "openstack"
    link.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        link.symlink_to(CHECKOUT, target_is_directory=True)


_link()
sys.path.insert(0, str(_COLLECTIONS))
os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(_COLLECTIONS)
os.environ.setdefault("ANSIBLE_CONFIG", str(CHECKOUT / "ansible.cfg"))


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The folder of the collection's sources."""
    return CHECKOUT


@pytest.fixture(scope="session")
def built_image(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], BuiltImage]:
    """The image of a kind, built at the first call.

    The workers of a run share them. GOLDSMITH_TEST_IMAGE_DIR names a folder that keeps them for the next run.
    """
    from helpers.guests import build_image  # knows the collection, which is linked above

    run = tmp_path_factory.getbasetemp()
    run = run.parent if "PYTEST_XDIST_WORKER" in os.environ else run
    folder = Path(os.environ.get("GOLDSMITH_TEST_IMAGE_DIR", run / "images"))

    @cache
    def build(kind: str) -> BuiltImage:
        return build_image(checkout, folder, kind)

    return build


@pytest.fixture(scope="module")
def guest_folder() -> Iterator[Path]:
    """Where guests have their files. Its name is short, for the sockets in it."""
    with tempfile.TemporaryDirectory(prefix="gs-") as name:
        yield Path(name)
