# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loopback never goes through a proxy: the variables that say so to programs."""

from __future__ import annotations

from collections.abc import Mapping

LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy")


def no_proxy(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables to add where the environment names a proxy; what it excepts already stays excepted."""
    given = (environment.get("no_proxy") or environment.get("NO_PROXY") or "").replace(" ", "").split(",")
    # Programs know the star only where it stands alone.
    if "*" in given or not any(value and name.lower() in _PROXIES for name, value in environment.items()):
        return {}
    return dict.fromkeys(("no_proxy", "NO_PROXY"), ",".join(dict.fromkeys([*filter(None, given), *LOOPBACK])))
