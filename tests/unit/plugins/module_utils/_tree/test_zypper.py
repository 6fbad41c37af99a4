# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""zypper: its argv and configuration, its progress, and what its failures mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.runners import RecordingRunner

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import rpm, zypper
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.rpm import Workshop
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.tree_request import Repository, Request

REQUEST = Request(
    "/tree",
    "16.0",
    "x86_64",
    ("vim",),
    tool="zypper",
    repositories=(Repository("oss", "http://a.example/oss"),),
    keys=("k",),
)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    with rpm.workshop(RecordingRunner(), replace(REQUEST, cache=str(tmp_path)), ["enter"]) as shop:
        yield shop


def test_its_configuration_is_its_own(shop: Workshop) -> None:
    argv = zypper.command(shop, "install", "vim", mounted=False)
    words = argv[argv.index("--non-interactive") :]
    assert words[:4] == ["--non-interactive", "--xmlout", "--installroot", "/tree"]
    assert words[-2:] == ["install", "vim"]
    text = (shop.home / "repositories/oss.repo").read_text()
    assert "baseurl=http://a.example/oss\n" in text and "pkg_gpgcheck=1\n" in text
    assert "arch = x86_64\n" in (shop.home / "zypp.conf").read_text()


def test_keys_come_before_all_packages_and_folders_before_mounts(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Workshop, "finish", lambda shop: None)
    zypper.bootstrap(shop, lambda percent, note: None)
    calls = shop.runner.calls
    assert calls[0][-2:] == ["--import", shop.keys[0]]
    installs = [argv for argv in calls if "install" in argv]
    assert [argv[-1] for argv in installs] == ["filesystem", "vim"]
    assert ["beside" in argv for argv in installs] == [False, True]


def test_progress_of_a_run(shop: Workshop) -> None:
    told: list[int] = []
    lines = '<download url="a"/>\n<progress id="install-resolvable" name="(90/180) Installing: bash" value="25"/>\n'
    quiet = RecordingRunner(lambda argv: (0, lines, ""))
    zypper.run(replace(shop, runner=quiet), lambda percent, note: told.append(percent), "install", mounted=True)
    assert told == [10, 65]


@pytest.mark.parametrize(
    ("rc", "text", "message"),
    [
        (
            104,
            "<message type=\"error\">No provider of 'no-such' found.</message>",
            "packages=no-such: there is no such package in 16.0",
        ),
        (
            8,
            '<message type="error">Signature verification failed</message>',
            "mirror=http://a.example/oss: its signature cannot be",
        ),
        (
            104,
            "Problem retrieving files from 'oss'.\n<message type=\"error\">No provider of 'a' found.</message>",
            "mirror=http://a.example/oss: a file cannot be fetched; try again",
        ),
        (0, "Skipping repository 'oss' because of the above error.", "zypper could not make 16.0:"),
        (1, '<message type="error">it broke</message>', 'zypper could not make 16.0: <message type="error">it broke'),
    ],
)
def test_what_a_failure_means(shop: Workshop, rc: int, text: str, message: str) -> None:
    broken = RecordingRunner(lambda argv: (rc, text, ""))
    with pytest.raises(GoldsmithError) as caught:
        zypper.run(replace(shop, runner=broken), lambda percent, note: None, "install", mounted=False)
    assert str(caught.value).startswith(message)


def test_a_repository_with_a_key_and_a_priority_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Workshop, "finish", lambda shop: None)
    own = Repository("company", "http://c.example", "its key", 50)
    request = replace(REQUEST, cache=str(tmp_path), repositories=(*REQUEST.repositories, own))
    with rpm.workshop(RecordingRunner(), request, []) as shop:
        zypper.bootstrap(shop, lambda percent, note: None)
        imported = [argv[-1] for argv in shop.runner.calls if "--import" in argv]
        assert imported == [*shop.keys, shop.own_keys["company"]]
        assert "priority=50\n" in (shop.home / "repositories/company.repo").read_text()
