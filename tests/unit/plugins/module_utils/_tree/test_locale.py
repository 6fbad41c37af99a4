# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What programs in a tree see of the host: proxies, and nothing that could change what they leave."""

from __future__ import annotations

import subprocess

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import locale


def seen(**more: str) -> dict[str, str]:
    said = subprocess.run([*locale.words(more), "env"], check=True, capture_output=True, text=True).stdout
    return dict(line.split("=", 1) for line in said.splitlines())


def test_the_host_s_variables_stay_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("PYTHONPATH", "/host"), ("LANG", "de_DE.UTF-8"), ("SECRET", "x"), ("HOME", "/home/me")):
        monkeypatch.setenv(name, value)
    variables = seen()
    assert not {"PYTHONPATH", "LANG", "SECRET"} & set(variables)
    assert (variables["HOME"], variables["LC_ALL"]) == ("/root", "C.UTF-8")


def test_what_decides_on_bits_is_fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    first = seen()
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    monkeypatch.setenv("PYTHONHASHSEED", "5")
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    assert seen() == first
    assert int(first["SOURCE_DATE_EPOCH"]) > 86400
    assert first["PYTHONDONTWRITEBYTECODE"] == "1"


def test_proxies_and_the_caller_s_own_are_handed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    variables = seen(GREETING="hello there")
    assert (variables["https_proxy"], variables["GREETING"]) == ("http://proxy:3128", "hello there")
    assert "127.0.0.1" in variables["no_proxy"].split(",")
