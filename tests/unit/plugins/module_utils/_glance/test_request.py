# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.request import request_from
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

OPTIONS: dict[str, Any] = {
    "name": "guest",
    "state": "present",
    "keep": None,
    "retire": "hidden",
    "leftover_age": 86400,
    "promote": True,
    "visibility": None,
    "members": None,
    "protected": None,
    "import_method": "auto",
    "import_uri": None,
    "stores": [],
    "signing_key": None,
    "signing_command": None,
    "signing_passphrase": None,
    "signing_certificate": None,
    "signing_certificate_id": None,
    "signing_hash": "SHA-256",
}


def test_the_options_become_a_request() -> None:
    given = {
        "kernel_name": "k",
        "ramdisk_name": "r",
        "keep": 3,
        "visibility": "shared",
        "members": ["a"],
        "stores": ["fast"],
        "protected": False,
    }
    request = request_from({**OPTIONS, **given}, Runner())
    assert request.names == ("guest", "k", "r")
    assert request.keep == 3
    assert request.members == ["a"]
    assert request.transport.stores == ("fast",)
    assert request.protected is False
    assert request.signer is None


@pytest.mark.parametrize("state", ["current", "retired", "absent"])
def test_only_a_new_version_makes_another_one_too_many(state: str) -> None:
    assert request_from({**OPTIONS, "state": state, "keep": 1}, Runner()).keep is None


BAD = [
    ({"keep": 0}, "keep=0: the current version always stays"),
    ({"leftover_age": -1}, "leftover_age=-1: must be 0 or more seconds"),
    ({"members": ["a"], "visibility": "public"}, "members=a: only with visibility=shared"),
]


@pytest.mark.parametrize(("options", "message"), BAD)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        request_from({**OPTIONS, **options}, Runner())


def test_a_signature_needs_a_key_that_is_there() -> None:
    options = {"signing_key": "/nowhere/key.pem", "signing_certificate_id": "c0ffee00-0000-4000-8000-000000000000"}
    with pytest.raises(GoldsmithError, match=r"signing_key=/nowhere/key.pem"):
        request_from({**OPTIONS, **options}, Runner())
