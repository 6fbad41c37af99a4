# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where packages of a tree come from, and where those of its guest do: by mmdebstrap, from this host's own mirror and
from an archive of a company that is made here."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from helpers.file_server import served
from helpers.listing import listing
from helpers.modules import run_module
from helpers.package_mirror import ARCHIVE, host_repositories
from helpers.repositories.apt_archive import index_suite, make_deb
from helpers.repositories.signing import key_home, make_key
from helpers.tools import run_tool
from helpers.users import ordinary_user, run_as

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.bootstrap_options import request_of
from ansible_collections.goldsmith.openstack.plugins.modules import tree_bootstrap

pytestmark = [pytest.mark.root, pytest.mark.slow]
SUITE = "company"
DEFAULTS = {name: spec.get("default") for name, spec in tree_bootstrap.ARGUMENT_SPEC.items()}


@dataclass(frozen=True)
class Company:
    """An archive with a key of its own: its folder, its URL, its key in ASCII armor."""

    folder: Path
    url: str
    key: str

    def source(self, **more: Any) -> dict[str, Any]:
        return {"name": SUITE, "url": self.url, "suites": [SUITE], "key": self.key, **more}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """It has a tool of its own in two versions, and another hostname."""
    place = tmp_path_factory.mktemp("company")
    root, work = place / "root", place / "work"
    for folder in (root / "pool", work):
        folder.mkdir(parents=True)
    for number in (1, 2):
        (work / str(number)).mkdir()
        tool = {"usr/bin/their-tool": f"#!/bin/sh\necho {number}\n".encode()}
        make_deb(root / "pool", work / str(number), "their-tool", f"{number}.0", files=tool)
    make_deb(root / "pool", work, "hostname", "0.1", files={"usr/bin/theirs": b"#!/bin/sh\n"})
    (place / "override").write_text("their-tool optional utils\nhostname optional utils\n")
    fields = {"Origin": "Company", "Codename": SUITE}
    with key_home() as home:
        key = make_key(home, "company")
        key.sign_release(index_suite(root, SUITE, [("main", "pool")], fields, place / "override"))
        key.export(place / "key.asc")
    place.chmod(0o755)
    with served(root) as url:
        yield Company(root, url, (place / "key.asc").read_text())


@pytest.fixture
def host_suite() -> str:
    """The release of this host, whose packages its mirror has."""
    words = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    return words["VERSION_CODENAME"].strip('"')


@pytest.fixture
def cache(request: pytest.FixtureRequest) -> Path:
    """A folder of packages that the tests of this file share."""
    folder = Path(request.config.cache.mkdir("trees"))
    (folder / "debs").mkdir(exist_ok=True)
    return folder / "debs"


def bootstrap(tree: Path, cache: Path, release: str, **more: Any) -> dict[str, Any]:
    result = run_module("tree_bootstrap", {"path": str(tree), "release": release, "cache_dir": str(cache), **more})
    assert "msg" not in result, result["msg"]
    return result


def installed(result: dict[str, Any]) -> dict[str, str]:
    return {package["package"]: package["version"] for package in result["packages"]}


def seal(tree: Path, result: dict[str, Any]) -> list[str]:
    """What the seal does with the files of the guest; returns what stays."""
    moved = [{**file, "path": f"{tree}{file['path']}"} for file in result["guest_files"]]
    return run_module("file_set", {"files": moved})["kept"] if moved else []


def settings(tree: Path) -> dict[str, str]:
    """The sources of apt, its priorities and keyrings by their paths."""
    folders = ("sources.list", "sources.list.d", "preferences.d", "keyrings")
    paths = [path for name in folders for path in [tree / "etc/apt" / name, *(tree / "etc/apt" / name).glob("*")]]
    return {str(path.relative_to(tree / "etc/apt")): path.read_text() for path in paths if path.is_file()}


def test_a_company_repository_with_key_and_pin(tmp_path: Path, cache: Path, host_suite: str, company: Company) -> None:
    tree = tmp_path / "tree"
    source = company.source(pin="release o=Company", priority=100)
    mirror = host_repositories()[ARCHIVE]
    words = {"mirror": mirror, "sources": [source], "packages": ["their-tool=1.0", "hostname"]}
    result = bootstrap(tree, cache, host_suite, **words)
    have = installed(result)
    assert have["their-tool"] == "1.0", "the version that was asked for, not the newest"
    assert have["hostname"] != "0.1", "by the pin, Debian's goes before"
    built = settings(tree)
    assert built["sources.list"] == f"deb {mirror} {host_suite} main\n"
    signed = f"[signed-by=/etc/apt/keyrings/{SUITE}.asc]"
    assert built[f"sources.list.d/{SUITE}.list"] == f"deb {signed} {company.url} {SUITE} main\n"
    assert built[f"keyrings/{SUITE}.asc"].startswith("-----BEGIN PGP PUBLIC KEY BLOCK-----")
    assert built[f"preferences.d/{SUITE}"] == "Package: *\nPin: release o=Company\nPin-Priority: 100\n"
    # A role in the tree finds the same sources, and the guest public ones with security updates beside the company's.
    update = run_module("chroot_exec", {"tree": str(tree), "argv": ["apt-get", "--error-on=any", "update"]})
    assert update["rc"] == 0, update
    assert seal(tree, result) == []
    guest = settings(tree)
    assert guest[f"sources.list.d/{SUITE}.list"] == built[f"sources.list.d/{SUITE}.list"]
    suites = [line.split()[-2] for line in guest["sources.list"].splitlines()]
    assert suites == [host_suite, f"{host_suite}-updates", f"{host_suite}-security"]


def test_a_source_of_the_build_alone(tmp_path: Path, cache: Path, host_suite: str, company: Company) -> None:
    tree = tmp_path / "tree"
    words = {"mirror": host_repositories()[ARCHIVE], "guest_mirror": "build"}
    result = bootstrap(tree, cache, host_suite, **words, sources=[company.source(guest=False)], packages=["their-tool"])
    assert installed(result)["their-tool"] == "2.0"
    assert f"sources.list.d/{SUITE}.list" in settings(tree)
    assert seal(tree, result) == []
    assert settings(tree) == {"sources.list": f"deb {words['mirror']} {host_suite} main\n"}


def test_another_key_is_refused_for_that_source_alone(
    tmp_path: Path, cache: Path, host_suite: str, company: Company
) -> None:
    with key_home() as home:
        make_key(home, "wrong").export(tmp_path / "wrong.asc")
    source = company.source(key=(tmp_path / "wrong.asc").read_text())
    words = {"path": str(tmp_path / "tree"), "release": host_suite, "mirror": "host", "sources": [source]}
    result = run_module("tree_bootstrap", {**words, "cache_dir": str(cache)})
    assert result["failed"] and "its signature cannot be verified" in result["msg"], result["msg"]
    assert company.url in result["stderr"]


def test_a_mirror_that_is_a_folder(tmp_path: Path, cache: Path, host_suite: str, company: Company) -> None:
    # Outside what packages have, and in a folder that one of them has.
    shelf = Path(os.environ.get("TMPDIR", "/srv")) / f"goldsmith-test-{os.getpid()}"
    shutil.copytree(company.folder, shelf / "their")
    tree = tmp_path / "tree"
    try:
        source = company.source(url=f"file:{shelf}/their", guest=False)
        result = bootstrap(tree, cache, host_suite, mirror="host", sources=[source], packages=["their-tool"])
    finally:
        shutil.rmtree(shelf)
    assert installed(result)["their-tool"] == "2.0"
    assert (tree / str(shelf.parent).lstrip("/")).is_dir() and not (tree / str(shelf).lstrip("/")).exists()
    assert str(shelf) not in Path("/proc/self/mounts").read_text()


def test_the_hosts_own_sources_carry_their_keys(tmp_path: Path, cache: Path, host_suite: str) -> None:
    tree = tmp_path / "tree"
    result = bootstrap(tree, cache, host_suite, mirror="host", guest_mirror="build")
    built = settings(tree)
    for line in built["sources.list"].splitlines():
        keyring = line.partition("signed-by=")[2].partition("]")[0].split(",")[0]
        assert not keyring or (tree / keyring.lstrip("/")).is_file(), line
    assert seal(tree, result) == [] and settings(tree) == built
    run_tool(["chroot", str(tree), "apt-get", "check"], cwd=tmp_path)


PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.include_role: {name: goldsmith.openstack.openstack_guest, tasks_from: seal}
"""


def test_the_role_gives_the_guest_its_sources_and_leaves_those_of_a_role(
    tmp_path: Path, cache: Path, host_suite: str, checkout: Path
) -> None:
    tree, mirror = tmp_path / "tree", host_repositories()[ARCHIVE]
    result = bootstrap(tree, cache, host_suite, mirror=mirror, packages=["python3"])
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    (tmp_path / "hosts.ini").write_text(
        f"guest ansible_connection=goldsmith.openstack.chroot ansible_chroot_tree={tree} "
        "ansible_python_interpreter=/usr/bin/python3 ansible_remote_tmp=/tmp/.ansible\n"
    )
    words = {"openstack_guest_source_files": result["guest_files"], "openstack_guest_build_packages_stay": True}
    argv = ["./goldsmith", "playbook", "-i", str(tmp_path / "hosts.ini"), str(tmp_path / "play.yml")]
    argv += ["-e", json.dumps(words)]
    built = settings(tree)["sources.list"]
    theirs = f"deb {mirror} {host_suite} main contrib\n"
    (tree / "etc/apt/sources.list").write_text(theirs)
    assert "/etc/apt/sources.list was changed since it was written" in run_tool(argv, cwd=checkout, timeout=300)
    assert settings(tree)["sources.list"] == theirs
    (tree / "etc/apt/sources.list").write_text(built)
    assert "was changed since" not in run_tool(argv, cwd=checkout, timeout=300)
    assert f"{host_suite}-security main" in settings(tree)["sources.list"]


def test_root_and_an_ordinary_user_get_the_same(tmp_path: Path, cache: Path, host_suite: str, company: Company) -> None:
    source = {"components": ["main"], "pin": "release o=Company", "priority": 100, "guest": True, **company.source()}
    words = {"mirror": "host", "sources": [source], "packages": ["their-tool"]}
    bootstrap(tmp_path / "tree", cache, host_suite, **words)
    with ordinary_user() as (name, folder):
        tree = str(folder / "tree")
        given = {**DEFAULTS, "path": tree, "release": host_suite, **words}

        def work() -> list[str]:
            sys.executable = "/usr/bin/python3"  # that of the tests may lie in a home folder
            tree_bootstrap.bootstrap.present(Runner(), request_of(given), check_mode=False)
            seen = listing(tree)
            tree_bootstrap.bootstrap.absent(Runner(), tree, check_mode=False)
            return seen

        theirs = run_as(name, work)
    assert theirs == listing(str(tmp_path / "tree"))
