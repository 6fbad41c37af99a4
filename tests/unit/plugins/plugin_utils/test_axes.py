# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of the axes, found by name, here and in another collection."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
from ansible.errors import AnsibleError

from ansible_collections.goldsmith.openstack.plugins.plugin_utils import _axes


def test_ours_are_found_by_name() -> None:
    assert _axes.load("distributions", "debian")["user"] == "debian"
    assert _axes.axis_file("strategies", "lvm").endswith("/extensions/goldsmith/strategies/lvm.yml")


@pytest.fixture
def theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of distributions of the collection their.images."""
    package = ModuleType("ansible_collections.their.images")
    package.__path__ = [str(tmp_path)]
    monkeypatch.setitem(sys.modules, "ansible_collections.their", ModuleType("ansible_collections.their"))
    monkeypatch.setitem(sys.modules, package.__name__, package)
    folder = tmp_path / "extensions" / "goldsmith" / "distributions"
    folder.mkdir(parents=True)
    return folder


def test_those_of_another_collection_are_found_by_full_name(theirs: Path) -> None:
    (theirs / "theirs.yml").write_text("title: Their Linux\n")
    assert _axes.load("distributions", "their.images.theirs") == {"title": "Their Linux"}


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("plan9", "is not known; use almalinux or centos or debian"),
        ("../../galaxy", "is not known"),
        ("no.such.thing", "is not known: the collection no.such is not installed"),
        ("their.images.other", "is not known; use theirs"),
    ],
)
def test_a_name_that_stands_for_nothing(theirs: Path, name: str, fault: str) -> None:
    (theirs / "theirs.yml").write_text("title: Their Linux\n")
    with pytest.raises(AnsibleError) as caught:
        _axes.axis_file("distributions", name)
    assert fault in str(caught.value)


@pytest.mark.parametrize(("text", "fault"), [("- a\n", "is no dictionary"), ("a: [\n", "cannot be read from")])
def test_a_file_that_cannot_be_read(theirs: Path, text: str, fault: str) -> None:
    (theirs / "odd.yml").write_text(text)
    with pytest.raises(AnsibleError) as caught:
        _axes.load("distributions", "their.images.odd")
    assert fault in str(caught.value) and "\n" not in str(caught.value)


def test_a_system_is_known_by_the_id_of_its_os_release() -> None:
    assert _axes.of_system("opensuse-leap")["os_distro"] == "opensuse"
    assert _axes.of_system("plan9") == {}
