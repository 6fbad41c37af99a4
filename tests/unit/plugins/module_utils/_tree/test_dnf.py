# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dnf: its argv and configuration, its progress, and what its failures mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.runners import RecordingRunner

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Result
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import dnf, rpm
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.rpm import Workshop
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.tree_request import Repository, Request

REQUEST = Request(
    "/tree",
    "44",
    "aarch64",
    ("vim", "curl"),
    tool="dnf",
    repositories=(Repository("base", "http://a.example/os"),),
    keys=("k",),
)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    with rpm.workshop(RecordingRunner(), replace(REQUEST, cache=str(tmp_path)), ["enter"]) as shop:
        yield shop


def test_its_configuration_is_its_own(shop: Workshop) -> None:
    argv = dnf.command(shop, "install", "vim", mounted=False)
    assert argv[0] == "enter"
    words = argv[argv.index("--config") :]
    assert words[1] == str(shop.home / "dnf.conf")
    assert words[2:] == ["--installroot", "/tree", "--releasever", "44", "--forcearch", "aarch64", "install", "vim"]
    text = (shop.home / "dnf.conf").read_text()
    for setting in ("gpgcheck=1", "skip_if_unavailable=0", "install_weak_deps=0", f"reposdir={shop.home}/repositories"):
        assert setting in text.splitlines()
    text = (shop.home / "repositories/base.repo").read_text()
    assert "baseurl=http://a.example/os\n" in text
    assert f"gpgkey=file://{shop.keys[0]}\n" in text


def test_a_subscription_of_the_host_is_shown(shop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dnf, "_ENTITLEMENT", str(tmp_path))
    own = replace(shop, request=replace(shop.request, entitlement=True))
    file = shop.home / "repositories/base.repo"
    dnf.command(own, "makecache", mounted=False)
    assert "ssl" not in file.read_text(), "there is none"
    (tmp_path / "42-key.pem").touch()
    dnf.command(shop, "makecache", mounted=False)
    assert "ssl" not in file.read_text(), "it is not asked for"
    dnf.command(own, "makecache", mounted=False)
    assert f"sslclientkey={tmp_path}/42-key.pem\nsslclientcert={tmp_path}/42.pem\n" in file.read_text()


def test_folders_come_first_and_without_mounts(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Workshop, "finish", lambda shop: None)
    dnf.bootstrap(shop, lambda percent, note: None)
    installs = [argv for argv in shop.runner.calls if "install" in argv]
    assert [argv[argv.index("install") + 1 :] for argv in installs] == [["filesystem"], ["vim", "curl"]]
    assert ["beside" in argv for argv in installs] == [False, True]


def test_progress_of_a_run(shop: Workshop) -> None:
    told: list[tuple[int, str]] = []
    lines = (
        "(92/184): file.rpm  1 MB/s | 2 MB\n  Installing : bash-5.2-1.x86_64   92/184 \n  Verifying : bash 184/184 \n"
    )
    quiet = RecordingRunner(lambda argv: (0, lines, ""))
    dnf.run(replace(shop, runner=quiet), lambda percent, note: told.append((percent, note)), "install", mounted=True)
    assert told == [(25, "downloading packages"), (60, "installing packages"), (90, "installing packages")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "No match for argument: no-such\nError: Unable to find a match: no-such\n",
            "packages=no-such: there is no such package in 44; look for its name",
        ),
        (
            "Error: GPG check FAILED\n",
            "mirror=http://a.example/os: its signature cannot be verified; check image_keyrings",
        ),
        (
            "  - Curl error (7): Couldn't connect to server for http://x [Failed to connect to down.example\n"
            "Error: Failed to download metadata for repo 'base': Cannot download repomd.xml\n",
            "mirror=http://a.example/os: down.example cannot be reached; check mirror, proxy and the network",
        ),
        (
            "Errors during downloading metadata for repository 'base':\n"
            "  - Status code: 404 for http://a.example/os/repodata/repomd.xml (IP: 127.0.0.1)\n"
            "Error: Failed to download metadata for repo 'base': Cannot download repomd.xml\n",
            "mirror=http://a.example/os: http://a.example/os/repodata/repomd.xml the mirror has no such release; check",
        ),
        (
            "Error: \n Problem: conflicting requests\n  - nothing provides x needed by bad-1-1.noarch from base\n",
            "packages=vim,curl: cannot be installed together; see the dependencies in stderr",
        ),
        ("Error: it broke\n", "dnf could not make 44: Error: it broke"),
    ],
)
def test_what_a_failure_means(shop: Workshop, text: str, message: str) -> None:
    broken = RecordingRunner(lambda argv: (1, text, ""))
    with pytest.raises(GoldsmithError) as caught:
        dnf.run(replace(shop, runner=broken), lambda percent, note: None, "install", mounted=False)
    assert str(caught.value).startswith(message)
    assert str(dnf.explain(REQUEST, Result((), 1, text, ""))) == str(caught.value)


def test_a_repository_with_a_key_and_a_priority_of_its_own(tmp_path: Path) -> None:
    own = Repository("company", "http://c.example", "its key", 50)
    request = replace(REQUEST, cache=str(tmp_path), repositories=(*REQUEST.repositories, own))
    with rpm.workshop(RecordingRunner(), request, []) as shop:
        dnf.command(shop, "makecache", mounted=False)
        texts = {name: (shop.home / f"repositories/{name}.repo").read_text() for name in ("base", "company")}
        assert f"gpgkey=file://{shop.own_keys['company']}\n" in texts["company"], "no other key verifies it"
        assert f"gpgkey=file://{shop.keys[0]}\n" in texts["base"]
    assert "priority=50\n" in texts["company"] and "priority" not in texts["base"]
