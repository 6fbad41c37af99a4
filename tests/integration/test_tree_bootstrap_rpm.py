# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tree_bootstrap by dnf and zypper: what it refuses in one line, and what root and an ordinary user get alike."""

from __future__ import annotations

import re
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.family_mirrors import TOOLS, FamilyMirror, family_mirror
from helpers.listing import listing
from helpers.modules import run_module
from helpers.repositories.rpm_repository import DAMAGED, GREETING, UNSATISFIED, UNSIGNED, WRONG_KEY
from helpers.repositories.signing import index_rpms
from helpers.tools import run_tool
from helpers.users import ordinary_user, run_as

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import bootstrap
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.bootstrap_options import request_of
from ansible_collections.goldsmith.openstack.plugins.modules import tree_bootstrap

pytestmark = [pytest.mark.root, pytest.mark.slow]

DEFAULTS = {name: spec.get("default") for name, spec in tree_bootstrap.ARGUMENT_SPEC.items()}
# What is small and has scripts, owners and capabilities.
PACKAGES = ["bash", "iputils", "shadow-utils", "sudo", "rpm"]


@pytest.fixture(scope="module", params=TOOLS)
def mirror(request: pytest.FixtureRequest) -> Iterator[FamilyMirror]:
    with family_mirror(request.param) as mirror:
        yield mirror


def options(mirror: FamilyMirror, tree: Path, **more: Any) -> dict[str, Any]:
    suse = mirror.repository.family == "suse"
    packages = ["shadow" if name == "shadow-utils" and suse else name for name in PACKAGES]
    return mirror.bootstrap(tree, **{"packages": packages, **more})


def refused(given: dict[str, Any]) -> str:
    """The one line of a bootstrap that fails; nothing is left of it."""
    folder = Path(given["path"]).parent
    before = sorted(path.name for path in folder.iterdir())
    result = run_module("tree_bootstrap", given)
    assert result["failed"] is True
    assert "\n" not in result["msg"]
    assert sorted(path.name for path in folder.iterdir()) == before
    assert str(folder) not in Path("/proc/self/mounts").read_text()
    return result["msg"]


@pytest.mark.parametrize(
    ("package", "expected"),
    [
        ("no-such-package", "packages=no-such-package: there is no such package in {release}; look for its name"),
        (UNSATISFIED, "packages=.*: cannot be installed together; see the dependencies in stderr"),
        (UNSIGNED, "mirror={url}.*: its signature cannot be verified; check image_keyrings"),
        (WRONG_KEY, "mirror={url}.*: its signature cannot be verified; check image_keyrings"),
        (DAMAGED, "mirror={url}.*: (its signature cannot be verified|.*a file cannot be fetched)"),
    ],
)
def test_a_package_that_cannot_be_had(mirror: FamilyMirror, tmp_path: Path, package: str, expected: str) -> None:
    told = refused(options(mirror, tmp_path / "tree", packages=[package]))
    assert re.match(expected.format(release=mirror.repository.release, url=re.escape(mirror.url)), told), told


def test_keys_of_somebody_else(mirror: FamilyMirror, tmp_path: Path) -> None:
    told = refused(options(mirror, tmp_path / "tree", keys=[mirror.repository.wrong_key.read_text()]))
    assert told.startswith(f"mirror={mirror.url}")
    assert ": its signature cannot be verified; check image_keyrings" in told


def test_a_source_with_a_key_of_its_own(mirror: FamilyMirror, tmp_path: Path) -> None:
    folder, tree = tmp_path / "company", tmp_path / "tree"
    folder.mkdir()
    (package,) = mirror.repository.folder.rglob(f"{WRONG_KEY}-[0-9]*.rpm")
    shutil.copy(package, folder)
    index_rpms(folder)
    key = mirror.repository.wrong_key.read_text()
    source = {"name": "company", "url": f"file://{folder}", "key": key, "priority": 50}
    guest = [{"name": "inside", "url": "http://mirror.site/os"}]
    words = {"packages": [WRONG_KEY], "guest_repositories": guest}
    kept = run_module("tree_bootstrap", options(mirror, tree, sources=[source], **words))
    assert "msg" not in kept, kept["msg"]
    assert WRONG_KEY in {package["package"] for package in kept["packages"]}
    place = {"fedora": "etc/yum.repos.d", "suse": "etc/zypp/repos.d"}[mirror.repository.family]
    text = (tree / place / "company.repo").read_text()
    assert f"baseurl=file://{folder}\n" in text and "priority=50\n" in text
    assert (tree / "etc/pki/rpm-gpg/company").read_text() == key
    own = {file["path"]: file for file in kept["guest_files"]}
    assert "baseurl=http://mirror.site/os\n" in own[f"/{place}/goldsmith.repo"]["content"]
    assert own[f"/{place}/company.repo"]["content"] == text, "it stays beside them"
    gone = run_module(
        "tree_bootstrap", options(mirror, tmp_path / "other", sources=[{**source, "guest": False}], packages=["bash"])
    )
    assert {(file["path"], file["state"]) for file in gone["guest_files"]} == {
        ("/etc/pki/rpm-gpg/company", "absent"),
        (f"/{place}/company.repo", "absent"),
    }


def test_a_guest_without_a_repository_is_told(mirror: FamilyMirror, tmp_path: Path) -> None:
    made = run_module("tree_bootstrap", options(mirror, tmp_path / "tree", packages=["bash"]))
    assert (made["repositories"], made["guest_files"]) == (False, [])
    assert "the guest has no repository that is enabled, and so no updates" in str(made["warnings"])


def test_a_mirror_that_is_away(mirror: FamilyMirror, tmp_path: Path) -> None:
    away = [{"name": "base", "url": "http://127.0.0.1:9/os"}]
    told = refused(options(mirror, tmp_path / "tree", repositories=away))
    assert told.startswith("mirror=http://127.0.0.1:9/os: ")
    assert told.endswith("cannot be reached; check mirror, proxy and the network")


def test_a_mirror_without_the_release(mirror: FamilyMirror, tmp_path: Path) -> None:
    none = [{"name": "base", "url": f"{mirror.url}/none"}]
    told = refused(options(mirror, tmp_path / "tree", repositories=none))
    assert told.endswith("the mirror has no such release; check release and mirror"), told


def test_half_a_mirror(mirror: FamilyMirror, tmp_path: Path) -> None:
    made = mirror.repository.folder
    half = tmp_path / "half"
    shutil.copytree(made / "repodata", half / "repodata")
    next((half / "repodata").glob("*primary*")).unlink()
    (tmp_path / "work").mkdir()
    told = refused(options(mirror, tmp_path / "work/tree", repositories=[{"name": "base", "url": f"file://{half}"}]))
    assert told.startswith(f"mirror=file://{half}: ") and told.endswith("a file cannot be fetched; try again"), told


# That of Fedora is compared as a whole image, by tests/boot/test_families.py.
@pytest.mark.parametrize("mirror", ["suse"], indirect=True)
def test_root_and_an_ordinary_user_get_the_same(mirror: FamilyMirror, tmp_path: Path) -> None:
    packages = [*options(mirror, tmp_path)["packages"], GREETING]
    own = run_module("tree_bootstrap", options(mirror, tmp_path / "tree", packages=packages))
    assert not own.get("failed"), own["msg"]
    names = {package["package"] for package in own["packages"]}
    assert {"filesystem", "bash", GREETING} <= names
    assert run_tool(["chroot", str(tmp_path / "tree"), "/usr/bin/greet"], cwd=tmp_path, timeout=60)
    with sqlite3.connect(tmp_path / "tree/usr/lib/sysimage/rpm/rpmdb.sqlite") as database:
        assert database.execute("SELECT count(*) FROM Packages").fetchone()[0] >= len(names)
    with ordinary_user() as (name, folder):
        tree = str(folder / "tree")
        given = {**DEFAULTS, **options(mirror, folder / "tree", packages=packages)}

        def work() -> tuple[dict[str, Any], list[str]]:
            sys.executable = "/usr/bin/python3"  # that of the tests may lie in a home folder
            made = bootstrap.present(Runner(), request_of(given), check_mode=False)
            seen = listing(tree)
            bootstrap.absent(Runner(), tree, check_mode=False)
            return made, seen

        theirs, seen = run_as(name, work)
    assert seen == listing(str(tmp_path / "tree"))
    assert theirs["packages"] == own["packages"]
