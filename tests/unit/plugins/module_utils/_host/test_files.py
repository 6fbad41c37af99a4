# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that appear whole or not at all."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.files import (
    drop_partial_files,
    make_folders,
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


@pytest.mark.parametrize("durable", [True, False])
def test_only_what_shall_last_waits_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, durable: bool
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    with whole_file(tmp_path / "image", durable=durable):
        pass
    assert bool(synced) is durable
    assert replace_if_different(tmp_path / "other", lambda path: None, durable=durable)
    assert len(synced) == (4 if durable else 0)


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
        refusal = pytest.raises(GoldsmithError, match=r"image is being written by process \d+; wait until it ends")
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


# Opens the file as soon as it may, for as long as it has to wait, and says how it went.
SECOND = """
import sys
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.files import whole_file
for turn in range(int(sys.argv[2])):
    try:
        with whole_file(sys.argv[1]) as partial:
            partial.write_text("whole" * 1000)
        print("wrote", flush=True)
    except GoldsmithError as error:
        assert "is being written by" in str(error), error
"""


def test_two_writers_never_empty_what_is_finished(tmp_path: Path) -> None:
    target = tmp_path / "image"
    command = [sys.executable, "-c", SECOND, str(target), "60"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    writers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) for _turn in range(3)]
    try:
        while any(writer.poll() is None for writer in writers):
            assert not target.exists() or target.read_text() == "whole" * 1000
        assert [writer.returncode for writer in writers] == [0, 0, 0]
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()
    assert [path.name for path in tmp_path.iterdir()] == ["image"]


def test_a_writer_that_was_late_does_not_empty_the_finished_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, lock = tmp_path / "image", fcntl.flock

    def slow(descriptor: int, operation: int) -> None:
        # The other one ends between our opening of the file and our lock.
        monkeypatch.setattr(fcntl, "flock", lock)
        with whole_file(target) as partial:
            partial.write_text("its content")
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", slow)
    with whole_file(target) as partial:
        assert target.read_text() == "its content"
        partial.write_text("ours")
    assert target.read_text() == "ours"


@pytest.mark.parametrize("name", [".image.partial", ".image.partial.lock"])
@pytest.mark.parametrize("kind", ["link", "hard link", "pipe"])
def test_what_was_planted_is_not_written_through(tmp_path: Path, name: str, kind: str) -> None:
    victim, planted = tmp_path / "victim", tmp_path / name
    victim.write_text("precious")
    if kind == "link":
        planted.symlink_to(victim)
    elif kind == "hard link":
        planted.hardlink_to(victim)
    else:
        os.mkfifo(planted)
    try:
        with whole_file(tmp_path / "image") as partial:
            partial.write_text("x")
        assert (tmp_path / "image").read_text() == "x"
    except GoldsmithError as error:
        assert name.endswith(".lock") and kind != "hard link"
        assert str(error) == f"{planted} is no plain file, so it cannot be locked; remove it"
    assert victim.read_text() == "precious"


def test_only_what_nobody_writes_is_dropped(tmp_path: Path) -> None:
    for name in (".dead.partial", ".dead.partial.lock", ".older.partial", ".other", "image.partial"):
        (tmp_path / name).touch()
    with whole_file(tmp_path / "image") as partial:
        drop_partial_files(tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            ".image.partial",
            ".image.partial.lock",
            ".other",
            "image.partial",
        ]
        partial.write_text("whole")
    assert (tmp_path / "image").read_text() == "whole"


def test_a_partial_file_is_private(tmp_path: Path) -> None:
    (tmp_path / ".key.partial").touch(mode=0o666)
    with whole_file(tmp_path / "key", mode=0o444) as partial:
        assert partial.stat().st_mode & 0o777 == 0o600
        partial.write_text("x")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o444


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


def test_folders_that_cannot_be_made_are_one_line(tmp_path: Path) -> None:
    for _again in range(2):
        make_folders(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(GoldsmithError, match=rf"^cannot write {tmp_path}/file/b: Not a directory$"):
        make_folders(tmp_path / "file" / "b")
