# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a base's own package manager is told; that it does it is tested in tests/integration."""

from __future__ import annotations

import subprocess
import time
from dataclasses import replace

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import completion
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.tree_request import Repository, Request, Source

APT = Request("/tree", "trixie", "amd64", ("less",), base="sha512:1")
DNF = Request("/tree", "44", "x86_64", ("less",), tool="dnf", base="sha512:1")


def test_without_a_mirror_the_base_keeps_its_own() -> None:
    assert completion.sources_of(APT) == completion.sources_of(DNF) == ""


def test_a_mirror_goes_in_its_place() -> None:
    lines = ("deb http://a.example/x trixie main", "deb http://a.example/y trixie-security main")
    assert completion.sources_of(Request("/tree", "trixie", "amd64", (), sources=lines)) == "\n".join(lines)
    own = Request("/tree", "44", "x86_64", (), tool="dnf", repositories=(Repository("fedora", "http://a.example/f"),))
    text = completion.sources_of(own)
    assert "[fedora]\n" in text and "baseurl=http://a.example/f\n" in text
    # Packages are verified by the keys that were given, and no other.
    assert "gpgcheck=1\n" in text and "gpgkey=file:///run/goldsmith/keys/own.asc\n" in text


def test_a_source_beside_those_of_the_base_takes_the_place_of_none() -> None:
    extra = (Source("company", "http://c.example", ("x",), ("main",), "KEY"),)
    assert completion.sources_of(replace(APT, extra=extra)) == ""
    mirror = replace(APT, extra=extra, sources=("deb http://a.example/x trixie main",))
    signed = "[signed-by=/etc/apt/keyrings/company.asc]"
    assert completion.sources_of(mirror).splitlines()[1:] == [f"deb {signed} http://c.example x main"]
    own = (Repository("company", "http://c.example", "KEY"),)
    assert completion.sources_of(replace(DNF, extra=extra, repositories=own)) == ""
    both = (Repository("base", "http://a.example"), *own)
    assert completion.sources_of(replace(DNF, extra=extra, repositories=both)).count("baseurl=") == 2


@pytest.mark.parametrize("tool", ["mmdebstrap", "dnf", "zypper"])
def test_its_script_is_one(tool: str) -> None:
    script = completion._BEGIN + completion._SCRIPTS[tool]
    assert subprocess.run(["sh", "-n", "-c", script], check=True, capture_output=True, text=True).stderr == ""


def test_what_was_completed_is_used_again_on_the_same_day(monkeypatch: pytest.MonkeyPatch) -> None:
    archive, states = completion.OwnArchive(APT), []
    for second in (10 * 86400, 11 * 86400 - 1, 11 * 86400):
        now = time.gmtime(second)
        monkeypatch.setattr(completion.time, "gmtime", lambda now=now: now)
        states.append(archive.state())
        monkeypatch.undo()
    assert states[0] == states[1] != states[2]
