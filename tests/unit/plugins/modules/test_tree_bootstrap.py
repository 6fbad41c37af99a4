# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module tree_bootstrap: its options as a request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.modules import run_module

from ansible_collections.goldsmith.openstack.plugins.modules import tree_bootstrap

DEFAULTS = {
    **dict.fromkeys(tree_bootstrap.ARGUMENT_SPEC),
    **{name: spec["default"] for name, spec in tree_bootstrap.ARGUMENT_SPEC.items() if "default" in spec},
    "path": "/tree",
    "release": "trixie",
}


def test_the_release_knows_its_mirrors() -> None:
    request = tree_bootstrap.request_of({**DEFAULTS, "packages": ["vim", "curl", "vim"]})
    assert request.sources == ()
    assert request.packages == ("vim", "curl"), "each once, in their order"


def test_a_mirror_of_ones_own() -> None:
    own = {"mirror": "http://a.example/debian", "components": ["main", "contrib"]}
    assert tree_bootstrap.request_of({**DEFAULTS, **own}).sources == (
        "deb http://a.example/debian trixie main contrib",
    )
    own["security_mirror"] = "http://b.example/debian-security"
    assert tree_bootstrap.request_of({**DEFAULTS, **own}).sources[1:] == (
        "deb http://b.example/debian-security trixie-security main contrib",
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "state is present but all of the following are missing: release"),
        ({"release": "../x"}, "release=../x: is not a name"),
        (
            {"release": "trixie", "packages": ["vim", "a b"]},
            "packages=a b: is not a name; use letters, digits and + . -",
        ),
        ({"release": "trixie", "packages": ["-o"]}, "packages=-o: is not a name"),
        ({"release": "trixie", "packages": ["?essential"]}, "is not a name"),
        ({"release": "trixie", "mirror": "deb.example"}, "mirror=deb.example: is not a URL; write it with http://"),
        ({"release": "trixie", "mirror": "http://a b"}, "is not a URL"),
        ({"release": "trixie", "mirror": "http://a", "security_mirror": "b"}, "security_mirror=b: is not a URL"),
        ({"release": "trixie", "distribution": "slackware"}, "value of distribution must be one of: debian"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_bad_parameters(tmp_path: Path, arguments: dict[str, Any], message: str, check: bool) -> None:
    result = run_module("tree_bootstrap", {"path": str(tmp_path / "tree"), **arguments}, check=check)
    assert result["failed"] is True
    assert message in result["msg"]
    assert "\n" not in result["msg"]
    assert not list(tmp_path.iterdir())


def test_check_mode_downloads_nothing(tmp_path: Path) -> None:
    arguments = {"path": str(tmp_path / "tree"), "release": "trixie", "mirror": "http://127.0.0.1:9/debian"}
    result = run_module("tree_bootstrap", arguments, check=True)
    assert result["changed"] is True
    assert result["diff"]["after"]["release"] == "trixie"
    assert not list(tmp_path.iterdir())
