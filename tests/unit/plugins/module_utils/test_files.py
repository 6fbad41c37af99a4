# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._files import (
    replace_if_different,
    same_bytes,
    whole_file,
)


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "image"
    with whole_file(target) as partial:
        partial.write_text("content")
        assert not target.exists()
    assert target.read_text() == "content"
    assert [path.name for path in tmp_path.iterdir()] == ["image"]


def test_mode_does_not_depend_on_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        with whole_file(tmp_path / "key", mode=0o640) as partial:
            partial.write_text("x")
    finally:
        os.umask(before)
    assert (tmp_path / "key").stat().st_mode & 0o7777 == 0o640


def test_a_failure_keeps_the_earlier_file_and_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "image"
    target.write_text("earlier")
    with pytest.raises(ValueError, match="broken"), whole_file(target) as partial:
        partial.write_text("half")
        raise ValueError("broken")
    assert target.read_text() == "earlier"
    assert [path.name for path in tmp_path.iterdir()] == ["image"]


def test_a_program_may_replace_the_partial_file(tmp_path: Path) -> None:
    with whole_file(tmp_path / "image") as partial:
        other = tmp_path / "other"
        other.write_text("new inode")
        other.rename(partial)
    assert (tmp_path / "image").read_text() == "new inode"


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    with whole_file(tmp_path / "image") as partial:
        partial.write_text("first")
        refusal = pytest.raises(GoldsmithError, match=r"image is being written by another process; wait until it ends")
        with refusal, whole_file(tmp_path / "image"):
            pass
    assert (tmp_path / "image").read_text() == "first"


def test_what_a_killed_writer_left_is_taken_over(tmp_path: Path) -> None:
    pid = os.fork()
    if pid == 0:
        with whole_file(tmp_path / "image") as partial:
            partial.write_text("a long half that nobody finished")
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    assert not (tmp_path / "image").exists()
    with whole_file(tmp_path / "image") as partial:
        assert partial.read_text() == ""
        partial.write_text("whole")
    assert (tmp_path / "image").read_text() == "whole"
    assert [path.name for path in tmp_path.iterdir()] == ["image"]


def test_a_folder_that_is_missing_is_one_line(tmp_path: Path) -> None:
    refusal = pytest.raises(GoldsmithError, match=r"^cannot write .*/none/image: No such file or directory")
    with refusal, whole_file(tmp_path / "none" / "image"):
        pass


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    refusal = pytest.raises(GoldsmithError, match=r"^cannot write .*/image: No space left on device")
    with refusal, whole_file(tmp_path / "image"), open("/dev/full", "wb", buffering=0) as full:
        full.write(b"x")
    assert not list(tmp_path.iterdir())


def test_same_bytes(tmp_path: Path) -> None:
    big = bytes(3 << 20)
    for name, content in (("a", big), ("b", big), ("c", big[:-1] + b"x"), ("d", big + b"x")):
        (tmp_path / name).write_bytes(content)
    assert same_bytes(tmp_path / "a", tmp_path / "b")
    assert not same_bytes(tmp_path / "a", tmp_path / "c")
    assert not same_bytes(tmp_path / "a", tmp_path / "d")
    assert not same_bytes(tmp_path / "a", tmp_path / "none")


def test_a_file_is_replaced_only_where_its_bytes_differ(tmp_path: Path) -> None:
    target = tmp_path / "target"

    def make(text: str) -> Callable[[str], object]:
        return lambda path: Path(path).write_text(text)

    assert replace_if_different(target, make("one")) is True
    inode = target.stat().st_ino
    assert replace_if_different(target, make("one")) is False
    assert replace_if_different(target, make("two"), check_mode=True) is True
    assert (target.read_text(), target.stat().st_ino) == ("one", inode)
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_who_uses_a_file_may_refuse_its_replacement(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("in use")

    def refuse() -> None:
        raise GoldsmithError("it is in use")

    with pytest.raises(GoldsmithError, match="in use"):
        replace_if_different(target, lambda path: Path(path).write_text("new"), before_replacing=refuse)
    assert replace_if_different(target, lambda path: Path(path).write_text("in use"), before_replacing=refuse) is False
    assert [path.name for path in tmp_path.iterdir()] == ["target"]
