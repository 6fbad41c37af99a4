# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A boot, before its machine is started; the rest is for the boot tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.boot import Boot
from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.boot_plan import BootPlan
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner


def test_a_socket_has_a_short_path(tmp_path: Path) -> None:
    (tmp_path / "disk").write_bytes(b"")
    plan = BootPlan(image=str(tmp_path / "disk"), user="debian")
    with pytest.raises(GoldsmithError, match="is too long for a socket; choose a shorter folder"):
        Boot(Runner(), plan, tmp_path / ("x" * 100))
