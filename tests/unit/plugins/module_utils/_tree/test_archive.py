# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of an archive: what apt is told, and what the apt of this host makes of a small archive."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.file_server import served
from helpers.runners import RecordingRunner

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.archive import Archive

STANZA = """\
Package: {name}
Version: {version}
Architecture: amd64
Maintainer: Nobody <nobody@example.org>
Filename: ./{name}.deb
Size: 1
SHA256: {digest}
Description: {name}
{more}
"""


def package(name: str, version: str, *more: str) -> str:
    digest = hashlib.sha256(name.encode()).hexdigest()
    return STANZA.format(name=name, version=version, digest=digest, more="".join(f"{line}\n" for line in more))


BASE = (
    package("apt", "3.0", "Priority: important"),
    package("base-files", "13.8", "Essential: yes", "Priority: required"),
    package("tzdata", "2026a-1", "Priority: required"),
)


def publish(folder: Path, *packages: str, until: str = "") -> None:
    """An archive of lists alone."""
    folder.mkdir(exist_ok=True)
    text = "\n".join(packages).encode()
    (folder / "Packages").write_bytes(text)
    digest = hashlib.sha256(text).hexdigest()
    (folder / "Release").write_text(
        f"Suite: test\nDate: Thu, 01 Jan 2026 00:00:00 UTC\n{until}SHA256:\n {digest} {len(text)} Packages\n"
    )


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    sources = (f"deb [trusted=yes] file:{tmp_path}/packages ./",)
    return Archive(Runner(), str(tmp_path / "state of it"), sources, "amd64")


def update(archive: Archive) -> str:
    result = archive.update()
    assert result.rc == 0, result.stdout
    return archive.state()


def test_the_state_changes_when_the_archive_does(archive: Archive, tmp_path: Path) -> None:
    publish(tmp_path / "packages", *BASE)
    before = update(archive)
    assert update(archive) == before
    publish(tmp_path / "packages", *BASE, package("jq", "1.7"))
    assert update(archive) != before
    publish(tmp_path / "packages", *BASE)
    assert update(archive) == before


def test_the_versions_that_an_installation_would_bring(archive: Archive, tmp_path: Path) -> None:
    jq = package("jq", "1.7.1-3+deb13u1", "Depends: libjq1 (>= 1.7)", "Recommends: oniguruma")
    others = (package("libjq1", "2:1.7~rc1"), package("oniguruma", "6"), package("vim", "9"))
    publish(tmp_path / "packages", *BASE, jq, *others)
    update(archive)
    base = {"apt": "3.0", "base-files": "13.8", "tzdata": "2026a-1"}
    assert archive.versions(["jq"]) == {**base, "jq": "1.7.1-3+deb13u1", "libjq1": "2:1.7~rc1"}
    assert archive.versions([]) == base
    assert archive.versions(["nosuch"]) == {}
    publish(tmp_path / "packages", *BASE, jq)
    update(archive)
    assert archive.versions(["jq"]) == {}, "what it depends on is gone"


def test_an_archive_that_is_away(archive: Archive, tmp_path: Path) -> None:
    result = archive.update()
    assert result.rc != 0
    assert f"E: Failed to fetch file:{tmp_path}/packages" in result.stdout
    publish(tmp_path / "packages", *BASE)
    before = update(archive)
    (tmp_path / "packages/Release").unlink()
    (tmp_path / "packages/Packages").unlink()
    assert archive.update().rc != 0
    assert archive.state() == before


def test_release_files_past_their_date_are_accepted_only_by_choice(archive: Archive, tmp_path: Path) -> None:
    publish(tmp_path / "packages", *BASE, until="Valid-Until: Fri, 02 Jan 2026 00:00:00 UTC\n")
    result = archive.update()
    assert result.rc != 0
    assert "is expired" in result.stdout
    accepted = replace(archive, expired=True)
    update(accepted)
    assert accepted.versions(["apt"])["apt"] == "3.0"


def test_a_proxy_never_has_loopback(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    publish(tmp_path / "packages", *BASE)
    with served(tmp_path / "packages") as url:
        # Nobody is at that proxy.
        update(replace(archive, sources=(f"deb [trusted=yes] {url} ./",), proxy="http://127.0.0.1:9"))


def test_who_signs_is_asked(archive: Archive, tmp_path: Path) -> None:
    publish(tmp_path / "packages", *BASE)
    result = replace(archive, sources=(f"deb file:{tmp_path}/packages ./",)).update()
    assert result.rc != 0
    assert "is not signed" in result.stdout


def test_what_apt_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    runner = RecordingRunner()
    sources = ("deb http://one.example/debian trixie main", "deb http://two.example/debian trixie main")
    archive = Archive(runner, str(tmp_path / "state"), sources, "arm64", "http://proxy.example:3128")
    archive.update()
    archive.versions(["jq", "vim"])
    said = 'exec "$@" 2>&1'
    assert runner.calls == [
        ["sh", "-c", said, "apt", "apt-get", "update", "--error-on=any"],
        [
            *("sh", "-c", said, "apt", "apt-get", "install", "--simulate"),
            *("?essential", "?priority(required)", "apt", "jq", "vim"),
        ],
    ]
    for option in runner.options:
        assert option["environment"]["APT_CONFIG"] == f"{archive.folder}/apt.conf"
        # Where the next run removes what a killed one has left
        assert option["environment"]["TMPDIR"].startswith(f"{tmp_path}/goldsmith-apt-")
    assert (tmp_path / "state/sources.list").read_text() == "".join(f"{line}\n" for line in sources)
    lines = (tmp_path / "state/apt.conf").read_text().splitlines()
    for scheme in ("http", "https"):
        assert f'Acquire::{scheme}::Proxy "http://proxy.example:3128";' in lines
    assert 'APT::Architecture "arm64";' in lines
    replace(archive, proxy="").update()
    assert "proxy" not in (tmp_path / "state/apt.conf").read_text()


def test_only_what_is_signed_is_the_state(tmp_path: Path) -> None:
    archive = Archive(RecordingRunner(), str(tmp_path), (), "amd64")
    os.makedirs(archive.lists)
    (Path(archive.lists) / "a_InRelease").write_text("1")
    before = archive.state()
    (Path(archive.lists) / "a_Packages").write_text("1")
    assert archive.state() == before
    (Path(archive.lists) / "b_Release").write_text("1")
    assert archive.state() != before


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(GoldsmithError, match=r"^cannot write .*/file/.*: Not a directory$"):
        Archive(RecordingRunner(), str(tmp_path / "file"), (), "amd64").update()


def test_sources_with_keys_and_priorities_of_their_own(archive: Archive, tmp_path: Path) -> None:
    publish(tmp_path / "packages", *BASE, package("jq", "1"))
    publish(tmp_path / "others", package("jq", "2"))
    lines = (*archive.sources, f"deb [trusted=yes] file:{tmp_path}/others ./")
    whole = replace(archive, sources=lines)
    update(whole)
    assert whole.versions(["jq"])["jq"] == "2"
    assert whole.versions(["jq=1"])["jq"] == "1"
    pins = ("Package: jq\nPin: version 1\nPin-Priority: 900\n",)
    pinned = replace(whole, pins=pins)
    update(pinned)
    assert pinned.versions(["jq"])["jq"] == "1"
    key = "/etc/apt/keyrings/a.asc"
    replace(archive, sources=(f"deb [signed-by={key}] http://a.example x main",), keyrings=((key, "KEY"),)).update()
    (line,) = Path(archive.folder, "sources.list").read_text().splitlines()
    assert Path(line.partition("signed-by=")[2].partition("]")[0]).read_text() == "KEY"
