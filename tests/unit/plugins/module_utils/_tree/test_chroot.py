# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words that run a program in a tree; entering one is an integration test."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest
from helpers.runners import RecordingRunner

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import namespaces as namespaces_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import chroot


@pytest.fixture(autouse=True)
def namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespaces_module, "prefix", lambda: ["unshare", "--mount"])


def test_words_are_never_read_by_a_shell(tmp_path: Path) -> None:
    tree = tmp_path / "a tree; $(x)"
    tree.mkdir()
    words = chroot.enter_words(str(tree), ["echo", "$HOME; rm -rf /", ""], {"NAME": "a b\n$(x)"})
    assert words[:4] == ["unshare", "--mount", "sh", "-c"]
    assert words[-3:] == ["echo", "$HOME; rm -rf /", ""]
    assert "NAME=a b\n$(x)" in words
    assert str(tree) in words
    assert "$(x)" not in words[4], "the script is the same for every tree"


def test_the_environment_is_a_fixed_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_PASSWORD", "secret")
    monkeypatch.setenv("https_proxy", "http://proxy.example")
    words = chroot.enter_words(str(tmp_path), ["true"], {"LC_ALL": "C"})
    assert not [word for word in words if "secret" in word]
    assert {"https_proxy=http://proxy.example", "HOME=/root", "LC_ALL=C"} <= set(words)
    assert "LC_ALL=C.UTF-8" not in words


@pytest.mark.parametrize("place", ["/", "//", "/proc/..", "missing", "file"])
def test_what_is_no_tree(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    path = place if place.startswith("/") else str(tmp_path / place)
    with pytest.raises(OptionError, match=f"tree={path}: is not a folder with a root file system"):
        chroot.enter_words(path, ["true"])
    with pytest.raises(OptionError):
        chroot.tree_has(RecordingRunner(), path, "/etc")


def test_a_link_to_the_host_is_no_tree(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/")
    with pytest.raises(OptionError):
        chroot.enter_words(str(tmp_path / "link"), ["true"])


def test_an_image_is_mounted_at_its_place(tmp_path: Path) -> None:
    words = chroot.image_words("/images/disk.raw", 1048576, 4096, str(tmp_path), ["true"])
    assert words[5:10] == ["mount", str(tmp_path), "/images/disk.raw", "1048576", "4096"]
    assert words[-1] == "true"


def test_the_scripts_are_shell(tmp_path: Path) -> None:
    runner = RecordingRunner()
    chroot.tree_has(runner, str(tmp_path), "/etc")
    scripts = [
        chroot.enter_words(str(tmp_path), ["true"])[4],
        chroot.image_words("/i", 0, 1, str(tmp_path), ["true"])[4],
        runner.calls[0][4],
    ]
    for script in scripts:
        result = subprocess.run(["sh", "-n"], input=script, text=True, capture_output=True, check=False)
        assert result.returncode == 0, f"{shlex.join(['sh', '-n'])}: {result.stderr}"


def test_the_question_of_an_image_writes_nothing(tmp_path: Path) -> None:
    runner = RecordingRunner()
    assert chroot.image_has(runner, "disk.raw", 512, 1024, str(tmp_path), "/etc") is True
    words = runner.calls[0]
    assert "ro,noload" in words[4]
    assert words[-4:] == [str(tmp_path), "/etc", os.path.abspath("disk.raw"), "offset=512,sizelimit=1024"]
    assert chroot.image_has(RecordingRunner(lambda argv: (1, "", "")), "d", 0, 1, str(tmp_path), "/x") is False


def test_a_status_of_125_may_be_that_of_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    runner = RecordingRunner(lambda argv: (125, "", "of its own\n"))
    assert chroot.run(runner, ["x"]).rc == 125
    refused = "mount: /t/dev: permission denied.\ncannot enter the tree /t: no /dev\n"
    with pytest.raises(GoldsmithError) as caught:
        chroot.run(RecordingRunner(lambda argv: (125, "", refused)), ["x"])
    assert str(caught.value) == "cannot enter the tree /t: no /dev (mount: /t/dev: permission denied.)"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(GoldsmithError, match="an image is mounted by root only"):
        chroot.run(RecordingRunner(lambda argv: (125, "", refused)), ["x"])
