# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A configuration file that is replaced with all its attributes."""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._nova.config_file import held, read


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    path = tmp_path / "x.conf"
    path.write_bytes(b"[a]\r\n# \xff\n")
    path.chmod(0o640)
    return path


def test_it_is_replaced_with_its_attributes(conf: Path) -> None:
    os.setxattr(conf, "user.origin", b"installer")
    before = conf.stat()
    with held(str(conf)) as file:
        assert file.text.encode(errors="surrogateescape") == conf.read_bytes()
        file.replace(file.text + "b = 1\n")
    after = conf.stat()
    assert conf.read_bytes() == b"[a]\r\n# \xff\nb = 1\n"
    assert after.st_ino != before.st_ino
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert os.getxattr(conf, "user.origin") == b"installer"
    assert os.listdir(conf.parent) == ["x.conf"]


@pytest.mark.root
def test_another_owner_stays(conf: Path) -> None:
    os.chown(conf, 12, 34)
    with held(str(conf)) as file:
        copy = file.back_up()
        file.replace("new")
    assert [(s.st_uid, s.st_gid, s.st_mode & 0o777) for s in (conf.stat(), os.stat(copy))] == [(12, 34, 0o640)] * 2


def test_a_backup(conf: Path) -> None:
    with held(str(conf)) as file:
        copy = file.back_up()
        file.replace("new")
    assert re.fullmatch(rf"{re.escape(str(conf))}\.\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ\.{os.getpid()}~", copy)
    assert Path(copy).read_bytes() == b"[a]\r\n# \xff\n"
    assert os.stat(copy).st_mode & 0o777 == 0o640


def test_links_are_followed_and_stay(conf: Path, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    link = tmp_path / "etc" / "link.conf"
    link.symlink_to("../x.conf")
    with held(str(link)) as file:
        file.replace("new")
    assert link.is_symlink()
    assert conf.read_text() == "new"
    assert os.listdir(link.parent) == ["link.conf"]


def test_a_link_planted_in_the_folder_is_not_written_through(conf: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / ".x.conf.partial").symlink_to(victim)
    with held(str(conf)) as file:
        file.replace("new")
    assert victim.read_text() == "precious"
    assert conf.read_text() == "new"
    assert sorted(os.listdir(tmp_path)) == ["victim", "x.conf"]


def test_it_stays_whole_where_it_cannot_be_written(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    before = conf.read_bytes()
    with held(str(conf)) as file:
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(GoldsmithError, match=r"cannot write .*x\.conf: No space left on device"):
            file.replace("new")
    assert conf.read_bytes() == before
    assert os.listdir(conf.parent) == ["x.conf"]


def test_two_runs_do_not_meet(conf: Path) -> None:
    busy = pytest.raises(GoldsmithError, match=r"is being changed by process \d+; wait")
    with held(str(conf)), busy, held(str(conf)):
        pass
    with held(str(conf)):
        pass


def test_a_file_that_was_just_replaced_is_opened_again(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = fcntl.flock

    def slow(descriptor: int, operation: int) -> None:
        # Another run ends between our opening of its old file and our hold of it.
        monkeypatch.setattr(fcntl, "flock", lock)
        (conf.parent / "new").write_text("its text")
        os.replace(conf.parent / "new", conf)
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", slow)
    with held(str(conf)) as file:
        assert file.text == "its text"


def test_what_is_no_such_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path, message in ((tmp_path, "is not a configuration file"), (tmp_path / "fifo", "is not a configuration")):
        with pytest.raises(GoldsmithError, match=message):
            read(str(path))
    with pytest.raises(GoldsmithError, match=r"none is not there; install the service, or name its file"):
        read(str(tmp_path / "none"))
    with pytest.raises(GoldsmithError, match="is not there"), held(str(tmp_path / "none")):
        pass
    with open(tmp_path / "big", "wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(GoldsmithError, match="is not a configuration file; name the one that the service reads"):
        read(str(tmp_path / "big"))
