# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For all tests: the checkout is importable, and known to Ansible, as the collection goldsmith.openstack."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

import pytest

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
