# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dnf and zypper share: settings of rpm, the keys, and what is read of the database."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from helpers.runners import RecordingRunner

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import rpm
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.tree_request import Repository, Request

REQUEST = Request("/tree", "9", "x86_64", ("vim",), tool="dnf", keys=("a key",))


def test_the_database_is_where_the_tree_looks_for_it() -> None:
    assert rpm.macros(REQUEST) == "%_dbpath /usr/lib/sysimage/rpm\n%_db_backend sqlite\n"
    assert rpm.macros(replace(REQUEST, database="/var/lib/rpm")).startswith("%_dbpath /var/lib/rpm\n")


def test_folders_that_packages_leave_out() -> None:
    request = replace(
        REQUEST, exclude=("/usr/share/doc/*", "/usr/share/vim/*/doc/*", "/usr/bin/pzstd", "/usr/share/man/*")
    )
    assert rpm.macros(request).endswith("\n%_netsharedpath /usr/share/doc:/usr/share/man\n")


def test_a_workshop_has_settings_of_its_own_and_is_gone_behind_the_work(tmp_path: Path) -> None:
    request = replace(REQUEST, cache=str(tmp_path / "cache"), proxy="http://proxy.example:3128")
    with rpm.workshop(RecordingRunner(), request, ["enter"]) as shop:
        assert (shop.home / ".rpmmacros").read_text() == rpm.macros(request)
        assert [Path(key).read_text() for key in shop.keys] == ["a key\n"]
        words = shop.words()
        assert words[:2] == ["env", "-i"]
        assert {f"HOME={shop.home}", "RPM_FORCE_DEBIAN=1", "https_proxy=http://proxy.example:3128"} <= set(words)
        assert os.path.isdir(tmp_path / "cache")
    assert not shop.home.exists()


def test_nothing_of_the_work_is_left_in_the_tree(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for name in ("proc", "etc", "var/lib/zypp", "var/cache/zypp", "var/cache/goldsmith", "usr/lib/sysimage/rpm"):
        (tree / name).mkdir(parents=True)
    for name in ("etc/machine-id", "var/lib/zypp/AnonymousUniqueId", "usr/lib/sysimage/rpm/.rpm.lock"):
        (tree / name).write_text("today\n")
    (tree / "proc").chmod(0o755)
    rpm.Workshop(Runner(), replace(REQUEST, path=str(tree)), [], tmp_path, str(tmp_path), ()).finish()
    assert (tree / "proc").stat().st_mode & 0o777 == 0o555
    assert [path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file()] == ["etc/machine-id"]
    assert (tree / "etc/machine-id").read_text() == ""
    assert sorted(path.name for path in (tree / "var/cache").iterdir()) == []


def test_a_repository_may_have_a_key_and_a_priority_of_its_own(tmp_path: Path) -> None:
    own = Repository("company", "http://c.example", "its key", 50)
    request = replace(REQUEST, cache=str(tmp_path), repositories=(Repository("base", "http://a.example"), own))
    with rpm.workshop(RecordingRunner(), request, []) as shop:
        assert [Path(key).read_text() for key in shop.keys] == ["a key\n"]
        assert {name: Path(key).read_text() for name, key in shop.own_keys.items()} == {"company": "its key\n"}
    assert [rpm.priority(one) for one in request.repositories] == ["", "priority=50\n"]


def test_whether_a_tree_has_a_repository(tmp_path: Path) -> None:
    assert not rpm.has_repositories(str(tmp_path))
    folder = tmp_path / "etc/yum.repos.d"
    folder.mkdir(parents=True)
    (folder / "off.repo").write_text("[a]\nbaseurl=http://a\nenabled=0\n")
    (folder / "broken.repo").write_text("baseurl=http://a\n")
    assert not rpm.has_repositories(str(tmp_path))
    (folder / "usual.repo").write_text("[b]\nmetalink=http://b?repo=x%20y&arch=$basearch\n")
    assert rpm.has_repositories(str(tmp_path)), "without a word it is enabled"
