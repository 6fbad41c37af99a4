# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.no_proxy import no_proxy

OURS = "localhost,127.0.0.1,::1"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"no_proxy": "example.org"}, None),
        ({"http_proxy": ""}, None),
        ({"http_proxy": "http://proxy:1"}, OURS),
        (
            {"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": "example.org, localhost"},
            "example.org,localhost,127.0.0.1,::1",
        ),
        ({"ALL_PROXY": "http://proxy:1", "no_proxy": "a", "NO_PROXY": "b"}, f"a,{OURS}"),
        ({"http_proxy": "http://proxy:1", "no_proxy": "*"}, None),
    ],
)
def test_loopback_is_added_to_what_is_excepted(environment: dict[str, str], expected: str | None) -> None:
    assert no_proxy(environment) == ({"no_proxy": expected, "NO_PROXY": expected} if expected else {})
