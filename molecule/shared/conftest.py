# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The booted guest, over ssh with the key of the instance."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import testinfra
from testinfra.host import Host


@pytest.fixture(scope="module")
def guest() -> Host:
    """The guest that converge left up."""
    where = json.loads((Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "guest.json").read_text())
    # A login takes seconds under emulation: all commands share one.
    host = testinfra.get_host(
        f"ssh://{where['user']}@{where['host']}:{where['port']}",
        ssh_identity_file=where["key"],
        controlpath=str(Path(where["key"]).with_name("cp")),
        ssh_extra_args="-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o IdentitiesOnly=yes",
    )
    # ssh is there before the login prompt; what failed then is what the tests say.
    host.run("timeout 300 systemctl is-system-running --wait")
    return host


@pytest.fixture(scope="module")
def root(guest: Host) -> Host:
    """The same, as root by sudo."""
    with guest.sudo():
        yield guest
