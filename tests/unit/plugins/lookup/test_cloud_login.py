# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup cloud_login."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.lookup.cloud_login import LookupModule

AUTH = {"auth_url": "http://127.0.0.1:9/v3", "username": "me", "password": "hush", "project_name": "mine"}


@pytest.fixture
def lookup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LookupModule:
    """The lookup, in a folder with a clouds.yaml of its own that the process itself is not in."""
    (tmp_path / "clouds.yaml").write_text(json.dumps({"clouds": {"north": {"auth": AUTH, "regions": ["one", "two"]}}}))
    monkeypatch.setenv("PWD", str(tmp_path))
    monkeypatch.delenv("OS_CLIENT_CONFIG_FILE", raising=False)
    plugin = LookupModule()
    # No options but its terms.
    monkeypatch.setattr(plugin, "set_options", lambda **_options: None)
    return plugin


def test_clouds_and_regions_are_found_where_the_command_was_given(lookup: LookupModule, tmp_path: Path) -> None:
    found = lookup.run(["north", "north/two"])
    assert [(login["cloud"], login["config"]["region_name"]) for login in found] == [
        ("north", "one"),
        ("north/two", "two"),
    ]
    assert {login["source"] for login in found} == {f"{tmp_path}/clouds.yaml"}


def test_what_is_wrong_is_a_line_for_the_module(lookup: LookupModule) -> None:
    (found,) = lookup.run(["south"])
    assert found["cloud"] == "south"
    assert found["msg"].startswith("on the control node, cloud south is not in clouds.yaml; known: north; searched: ")
