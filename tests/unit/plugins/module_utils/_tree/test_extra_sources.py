# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources beside those of the distribution, as files of a tree."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import extra_sources, keys
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.tree_request import Source
from ansible_collections.goldsmith.openstack.plugins.plugin_utils import _axes

BACKPORTS = Source("backports", "http://deb.example/debian", ("trixie-backports",), ("main", "contrib"))
COMPANY = Source("company", "http://apt.example", ("./", "stable"), ("main",), "KEY", "origin apt.example", 900)


def test_lines_of_apt() -> None:
    signed = "[signed-by=/etc/apt/keyrings/company.asc] "
    assert extra_sources.lines([BACKPORTS, COMPANY]) == (
        "deb http://deb.example/debian trixie-backports main contrib",
        f"deb {signed}http://apt.example ./",
        f"deb {signed}http://apt.example stable main",
    )


def test_files_for_apt() -> None:
    assert [path for path, _text, _mode in extra_sources.files("mmdebstrap", [BACKPORTS, COMPANY])] == [
        "/etc/apt/keyrings/company.asc",
        "/etc/apt/sources.list.d/backports.list",
        "/etc/apt/sources.list.d/company.list",
        "/etc/apt/preferences.d/company",
    ]


@pytest.mark.parametrize(("tool", "folder"), [("dnf", "/etc/yum.repos.d"), ("zypper", "/etc/zypp/repos.d")])
def test_files_for_rpm_packages(tool: str, folder: str) -> None:
    source = replace(COMPANY, suites=(), pin="", priority=50)
    files = {path: text for path, text, _mode in extra_sources.files(tool, [source])}
    assert list(files) == ["/etc/pki/rpm-gpg/company", f"{folder}/company.repo"]
    lines = files[f"{folder}/company.repo"].splitlines()
    assert {"[company]", "baseurl=http://apt.example", "enabled=1", "gpgcheck=1", "priority=50"} < set(lines)
    assert "gpgkey=file:///etc/pki/rpm-gpg/company" in lines
    assert ("autorefresh=1" in lines) is (tool == "zypper")
    ((_path, text, _mode),) = extra_sources.files(tool, [replace(source, key="", priority=0)])
    assert "gpgkey" not in text and "priority" not in text and "gpgcheck=1" in text, "the distribution's keys verify it"


def test_lines_name_a_keyring_once() -> None:
    lines = ("deb http://a x main", "deb [arch=amd64] http://a x main", "deb [signed-by=/b] http://a x main")
    assert extra_sources.signed(lines, "/k") == (
        "deb [signed-by=/k] http://a x main",
        "deb [signed-by=/k arch=amd64] http://a x main",
        "deb [signed-by=/b] http://a x main",
    )


def test_keys_as_one() -> None:
    one, other = (Path(_axes.axis_file("keys", name)).read_text() for name in ("rhel", "suse"))
    assert keys.binary(extra_sources.combined([one, other])) == keys.binary(one) + keys.binary(other)
