# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a guest has its packages from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.runners import RecordingRunner

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import extra_sources, guest_sources
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.guest_sources import Wish
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.tree_request import Repository, Request, Source
from ansible_collections.goldsmith.openstack.plugins.plugin_utils import _axes

KEY = Path(_axes.axis_file("keys", "rhel")).read_text()
OWN = ("deb http://mirror.site/debian trixie main",)
PUBLIC = [
    "deb http://public.example/debian trixie main",
    "deb http://public.example/debian trixie-updates main",
    "deb http://security.example/debian-security trixie-security main",
]
APT = Request("/tree", "trixie", "amd64", (), sources=OWN)
DNF = Request(
    "/tree", "44", "x86_64", (), tool="dnf", repositories=(Repository("a", "http://mirror.site"),), keys=(KEY,)
)
LIST = "/etc/apt/sources.list"


@pytest.fixture(autouse=True)
def no_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespaces, "prefix", list)


def of(request: Request, cache: Path, **wish: Any) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """The files by their paths, and what is lacking, where mmdebstrap knows the public sources."""
    runner = RecordingRunner(lambda argv: (1, "", "\n".join(PUBLIC)))
    files, lacking = guest_sources.of_build(runner, request, Wish(**wish), str(cache))
    return {file["path"]: file for file in files}, lacking


def test_a_guest_has_the_public_sources_with_security_updates(tmp_path: Path) -> None:
    files, lacking = of(APT, tmp_path)
    text = "".join(f"{line}\n" for line in PUBLIC)
    assert files == {LIST: {"path": LIST, "content": text, "replaces": f"{OWN[0]}\n"}}
    assert lacking == []


def test_where_the_build_has_them_too_nothing_changes(tmp_path: Path) -> None:
    assert of(replace(APT, sources=()), tmp_path) == ({}, [])
    assert of(APT, tmp_path, mirror="build") == ({}, [])
    assert of(replace(APT, base="sha512:1"), tmp_path) == ({}, []), "a base keeps its own"


def test_the_archive_of_a_day_is_that_of_the_build_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        guest_sources.bootstrap.snapshot,
        "sources_at",
        lambda runner, lines, time, proxy: tuple(line.replace("public", time) for line in lines),
    )
    files, _lacking = of(replace(APT, sources=(), snapshot="20261101T000000Z"), tmp_path)
    assert "http://public.example/debian trixie main" in files[LIST]["content"]
    assert "http://20261101T000000Z.example/debian trixie main" in files[LIST]["replaces"]


def test_a_mirror_of_ones_own_has_the_suites_of_the_release(tmp_path: Path) -> None:
    files, lacking = of(APT, tmp_path, mirror="http://inside.site/debian")
    assert files[LIST]["content"].splitlines() == [
        "deb http://inside.site/debian trixie main",
        "deb http://inside.site/debian trixie-updates main",
    ]
    assert lacking == [
        "guest_mirror=http://inside.site/debian: the guest has no source for trixie-security, and so no security "
        "updates; give it in image_guest_security_mirror"
    ]
    files, lacking = of(APT, tmp_path, mirror="http://inside.site/debian", security="http://inside.site/security")
    assert files[LIST]["content"].splitlines()[2] == "deb http://inside.site/security trixie-security main"
    assert lacking == []


def test_the_keys_of_the_build_go_where_its_mirror_goes(tmp_path: Path) -> None:
    own = extra_sources.OWN_KEYRING
    request = replace(APT, keys=(KEY,), keyrings=((own, KEY),), sources=extra_sources.signed(OWN, own))
    files, _lacking = of(request, tmp_path, mirror="http://inside.site/debian")
    assert files[own]["content"].startswith("-----BEGIN PGP PUBLIC KEY BLOCK-----")
    assert f"deb [signed-by={own}] http://inside.site/debian trixie main" in files[LIST]["content"]
    files, _lacking = of(request, tmp_path)
    assert files[own] == {"path": own, "state": "absent"} and own not in files[LIST]["content"]
    assert of(request, tmp_path, mirror="build") == ({}, []), "they are there already"


def test_a_release_whose_public_mirrors_nobody_knows_is_told(tmp_path: Path) -> None:
    files, lacking = of(APT, tmp_path, public=False)
    assert files == {} and lacking == [
        "guest_mirror: no public mirror of trixie is known, so the guest has the sources of the build; "
        "name one in image_guest_mirror"
    ]
    files, lacking = of(APT, tmp_path, public=False, mirror="http://a.site", security="http://b.site")
    assert files[LIST]["content"] == "deb http://a.site trixie main\ndeb http://b.site trixie-security main\n"
    assert lacking == []


@pytest.mark.parametrize("request_", [APT, DNF])
def test_a_source_of_the_build_alone_goes(tmp_path: Path, request_: Request) -> None:
    extra = (Source("stays", "http://a.site", ("x",)), Source("goes", "http://b.site", ("x",), guest=False))
    files, _lacking = of(replace(request_, extra=extra), tmp_path, mirror="build")
    (path,) = files
    assert "/goes." in path and files[path]["state"] == "absent"


def test_repositories_of_rpm_packages_are_those_of_the_distribution_or_of_ones_own(tmp_path: Path) -> None:
    assert of(DNF, tmp_path) == ({}, [])
    extra = (Source("company", "http://c.site"),)
    files, _lacking = of(replace(DNF, extra=extra), tmp_path, repositories=(Repository("base", "http://b.site/os"),))
    folder = "/etc/yum.repos.d"
    assert list(files) == ["/etc/pki/rpm-gpg/goldsmith", f"{folder}/goldsmith.repo", f"{folder}/company.repo"]
    lines = files[f"{folder}/goldsmith.repo"]["content"].splitlines()
    assert {"[base]", "baseurl=http://b.site/os", "gpgkey=file:///etc/pki/rpm-gpg/goldsmith"} < set(lines)
