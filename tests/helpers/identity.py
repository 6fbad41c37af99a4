# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests have the real Keystone do."""

from __future__ import annotations

import urllib.request

from helpers.glance import TestCloud


def revoke(cloud: TestCloud, token: str) -> None:
    """See that Keystone accepts a token no more."""
    settings = cloud.local.settings()
    assert settings
    request = urllib.request.Request(
        f"{settings.identity_url}/auth/tokens",
        method="DELETE",
        headers={"X-Auth-Token": token, "X-Subject-Token": token},
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        assert answer.status == 204
