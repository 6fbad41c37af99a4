# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of tree_bootstrap as a request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import host_sources, keys
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.bootstrap_options import notes, request_of
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.tree_request import Repository, Source
from ansible_collections.goldsmith.openstack.plugins.modules import tree_bootstrap
from ansible_collections.goldsmith.openstack.plugins.plugin_utils import _axes

DEFAULTS = {
    **dict.fromkeys(tree_bootstrap.ARGUMENT_SPEC),
    **{name: spec["default"] for name, spec in tree_bootstrap.ARGUMENT_SPEC.items() if "default" in spec},
    "path": "/tree",
    "release": "trixie",
}
KEY = Path(_axes.axis_file("keys", "rhel")).read_text()
RPM: dict[str, Any] = {
    "tool": "dnf",
    "release": "9",
    "repositories": [{"name": "base", "url": "http://a.example/os"}],
    "keys": [KEY],
}


def test_the_release_knows_its_mirrors() -> None:
    request = request_of({**DEFAULTS, "packages": ["vim", "curl", "vim"]})
    assert request.sources == ()
    assert request.packages == ("vim", "curl"), "each once, in their order"


def test_a_mirror_of_ones_own() -> None:
    own = {"mirror": "http://a.example/debian", "components": ["main", "contrib"]}
    assert request_of({**DEFAULTS, **own}).sources == ("deb http://a.example/debian trixie main contrib",)
    own["security_mirror"] = "http://b.example/debian-security"
    assert request_of({**DEFAULTS, **own}).sources[1:] == (
        "deb http://b.example/debian-security trixie-security main contrib",
    )


def test_the_keys_of_a_mirror_are_in_the_tree_for_its_own_apt() -> None:
    request = request_of({**DEFAULTS, "mirror": "http://a.example/debian", "keys": [KEY]})
    path = "/etc/apt/keyrings/goldsmith.asc"
    assert request.sources == (f"deb [signed-by={path}] http://a.example/debian trixie main",)
    ((place, text),) = request.keyrings
    assert place == path and keys.binary(text) == keys.binary(KEY)
    assert request_of({**DEFAULTS, "keys": [KEY]}).keyrings == (), "the release's own packages bring its keys"
    assert request_of({**DEFAULTS, "mirror": "http://a/", "keys": [KEY], "base": "oci:a"}).keyrings == ()


SOURCE = {"name": "company", "url": "http://c.example", "suites": ["x"], "components": ["main"], "key": KEY}
SOURCE |= {"pin": "origin c.example", "priority": 900, "guest": False}


def test_sources_beside_those_of_the_distribution() -> None:
    whole = Source("company", "http://c.example", ("x",), ("main",), KEY, "origin c.example", 900, False)
    assert request_of({**DEFAULTS, "sources": [SOURCE]}).extra == (whole,)
    request = request_of({**DEFAULTS, **RPM, "sources": [SOURCE]})
    assert request.repositories[1:] == (Repository("company", "http://c.example", KEY, 900),)


def test_packages_of_a_version_or_a_suite() -> None:
    names = ["jq=1.7-1", "linux-image-amd64/trixie-backports", "kernel-core-6.1", "@development"]
    assert request_of({**DEFAULTS, "packages": names}).packages == tuple(names)


def test_what_is_left_out_of_the_hosts_sources_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_sources, "APT", str(tmp_path))
    (tmp_path / "sources.list").write_text("deb http://a.example trixie main\ndeb http://b.example nodistro main\n")
    values = {**DEFAULTS, "mirror": "host"}
    assert request_of(values).sources == ("deb http://a.example trixie main",)
    (note,) = notes(values)
    assert "http://b.example nodistro" in note and "is left out: its suite is not one of trixie" in note
    assert notes(DEFAULTS) == []


def test_repositories_of_rpm_packages() -> None:
    request = request_of({**DEFAULTS, **RPM, "packages": ["gtk2_engines"]})
    assert request.repositories == (Repository("base", "http://a.example/os"),)
    assert (request.sources, request.keys, request.first) == ((), (KEY,), ("filesystem",))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"repositories": []}, "repositories=: is empty, and dnf knows none by itself; name one"),
        ({"keys": []}, "keys=: is empty, and dnf knows none by itself; name one"),
        ({"keys": ["rhel"]}, "keys=rhel: is no public key of OpenPGP in ASCII armor; gpg --armor --export"),
        ({"first": ["a b"]}, "first=a b: is not a name; use letters, digits and + . -"),
        ({"repositories": [{"name": "a/b", "url": "http://a"}]}, "repositories.name=a/b: is not a name; use letters,"),
        (
            {"repositories": [{"name": "a", "url": "a"}]},
            "repositories.url=a: is not a URL; begin with http:// or https://",
        ),
        ({"release": "../x"}, "release=../x: is not a name"),
        ({"packages": ["a/../b"]}, "packages=a/../b: is not a name"),
        ({"sources": [{**SOURCE, "name": "../a"}]}, "sources.name=../a: is not a name; use letters, digits, _ and -"),
        ({"sources": [{**SOURCE, "url": "c"}]}, "sources.url=c: is not a URL; begin with http:// or https://"),
        ({"sources": [{**SOURCE, "key": "c"}]}, "keys=c: is no public key of OpenPGP in ASCII armor"),
    ],
)
def test_what_cannot_be(values: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        request_of({**DEFAULTS, **RPM, **values})
    assert str(caught.value).startswith(message)
