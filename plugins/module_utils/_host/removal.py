# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removal of folders whose files may belong to several accounts."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner


def remove(runner: Runner, path: str, prefix: Sequence[str]) -> None:
    """Remove a folder whose files may belong to subordinate ids, and nothing that is mounted in it."""
    if os.path.lexists(path):
        argv = [*prefix, "rm", "-rf", "--one-file-system", "--", path]
        if runner.run(argv, check=False).rc != 0:
            # Immutable files, and those open for appending only, are in the way.
            runner.run([*prefix, "chattr", "-R", "-f", "-i", "-a", path], check=False)
            runner.run(argv)
