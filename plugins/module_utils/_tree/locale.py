# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment of programs that run in a tree: the same on every host, so that they leave the same."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.no_proxy import no_proxy
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import SYSTEM_PATH
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import stand_ins

# All that they may know of the host.
_INHERITED = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "TERM")
_FIXED = {
    "PATH": f"{stand_ins.FOLDER}:{SYSTEM_PATH}",
    "HOME": "/root",
    "USER": "root",
    "LOGNAME": "root",
    "SHELL": "/bin/sh",
    "LC_ALL": "C.UTF-8",
    "TMPDIR": "/tmp",  # noqa: S108 (inside the tree)
    "DEBIAN_FRONTEND": "noninteractive",
    # Compiled Python comes from package scripts, not from whichever program was started first.
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    # Keeps compiled Python, the initramfs and the dates of accounts the same at every run. It is not the time of the
    # image, which comes from its packages. Not 0: a password changed on day 0 counts as expired.
    "SOURCE_DATE_EPOCH": "1577836800",
}


def words(more: Mapping[str, str] | None = None) -> list[str]:
    """Return the argv that starts a program, named behind it, in this environment and nothing else of the host's."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    variables = {**_FIXED, **inherited, **(more or {})}
    variables |= no_proxy(variables)
    return ["env", "-i", *(f"{name}={value}" for name, value in variables.items())]
