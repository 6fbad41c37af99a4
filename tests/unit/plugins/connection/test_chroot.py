# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection plugin chroot, without entering a tree."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.playbook.play_context import PlayContext

from ansible_collections.goldsmith.openstack.plugins.connection import chroot
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import chroot as chroot_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import entrance
from ansible_collections.goldsmith.openstack.plugins.plugin_utils import _way


@pytest.fixture(autouse=True)
def outlive_parent() -> Iterator[None]:
    """The plugin binds its process, here that of the tests, to the life of its parent."""
    yield
    ctypes.CDLL(None).prctl(1, 0)


@pytest.fixture
def connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> chroot.Connection:
    """Its programs run here, not in the tree."""
    monkeypatch.setattr(chroot_module, "enter_words", lambda tree, argv, linger="": list(argv))
    connection = chroot.Connection(PlayContext())
    connection.get_option = {"tree": str(tmp_path / "tree")}.get
    return connection


def test_status_and_streams(connection: chroot.Connection) -> None:
    assert connection.exec_command("cat; echo err >&2; exit 4", in_data=b"in") == (4, b"in", b"err\n")
    assert connection.exec_command("exit 125") == (125, b"", b"")
    assert connection.exec_command("echo one 'two  three'")[1] == b"one two  three\n"


def test_a_worker_whose_playbook_was_killed_begins_nothing(
    connection: chroot.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chroot.lifeline, "has_lost_its_run", lambda: True)
    monkeypatch.setattr(os, "_exit", sys.exit)
    with pytest.raises(SystemExit):
        connection.exec_command("true")


def test_a_task_in_the_background_is_waited_for(connection: chroot.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(chroot_module, "enter_words", lambda tree, argv, linger="": asked.append(linger) or list(argv))
    connection.exec_command("echo /tmp/ansible-tmp-1/AnsiballZ_async_wrapper.py 1 60 x")
    connection.exec_command("echo x")
    assert asked == [r"async_wrapper\.py", ""]


def test_what_is_left_undone_is_a_warning(
    connection: chroot.Connection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    connection.get_option = {"tree": str(tmp_path), "notes": str(tmp_path / "notes")}.get
    told: list[str] = []
    monkeypatch.setattr(chroot.display, "warning", told.append)
    said = "echo before >&2; printf 'goldsmith-note: sysctl does nothing\\n%.0s' 1 2 >&2; exit 3"
    assert connection.exec_command(said) == (3, b"", b"before\n")
    assert told == ["in the tree sysctl does nothing"]
    connection.exec_command(said)
    assert (tmp_path / "notes").read_text() == "sysctl does nothing\n"
    connection.get_option = {"tree": str(tmp_path), "notes": str(tmp_path / "none" / "notes")}.get
    with pytest.raises(AnsibleError, match=r"cannot write the notes: .*none/notes"):
        connection.exec_command(said)


def test_a_tree_that_cannot_be_entered_is_unreachable(connection: chroot.Connection) -> None:
    with pytest.raises(AnsibleConnectionFailure, match=r"^cannot enter the tree /x: no /dev$"):
        connection.exec_command("echo 'cannot enter the tree /x: no /dev' >&2; exit 125")


def test_files(connection: chroot.Connection, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"\0binary\xff" * 1000)
    name = str(tmp_path / "a name; $(x)")
    connection.put_file(str(tmp_path / "in"), name)
    connection.fetch_file(name, str(tmp_path / "out"))
    assert (tmp_path / "out").read_bytes() == (tmp_path / "in").read_bytes()


def test_copies_that_fail_leave_no_file(connection: chroot.Connection, tmp_path: Path) -> None:
    with pytest.raises(AnsibleError, match=r"cannot copy: .*No such file") as caught:
        connection.fetch_file(str(tmp_path / "none"), str(tmp_path / "out"))
    # The host is not unreachable for that: a rescue would not see it.
    assert not isinstance(caught.value, AnsibleConnectionFailure)
    with pytest.raises(AnsibleFileNotFound):
        connection.put_file(str(tmp_path / "none"), str(tmp_path / "out"))
    (tmp_path / "in").write_text("x")
    with pytest.raises(AnsibleError, match="cannot copy"):
        connection.put_file(str(tmp_path / "in"), str(tmp_path / "none" / "out"))
    assert os.listdir(tmp_path) == ["in"]


def test_a_folder_of_ansible_that_cannot_be_made_is_a_failed_task(connection: chroot.Connection) -> None:
    with pytest.raises(AnsibleError, match="cannot make a temporary folder in the tree: mkdir") as caught:
        connection.exec_command("mkdir -p /proc/none/ansible-tmp-1 && echo made")
    assert not isinstance(caught.value, AnsibleConnectionFailure)


def test_the_tree_is_the_host_unless_told() -> None:
    names = [entry["name"] for entry in yaml.safe_load(chroot.DOCUMENTATION)["options"]["tree"]["vars"]]
    assert names == ["inventory_hostname", "ansible_host", "ansible_chroot_tree"], "the last one that is set counts"
    assert chroot.Connection.has_pipelining


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[chroot.Connection]:
    """One to a tree of another machine, which is this one; its programs run outside the tree."""
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(_way, "leads_away", bool)
    skip = 'head -c 5 >/dev/null; exec "$@"'
    monkeypatch.setattr(
        entrance, "sent", lambda tree, argv, linger, python: (["sh", "-c", skip, linger, *argv], b"first")
    )
    connection = chroot.Connection(PlayContext())
    via = {"ansible_connection": "local"}
    connection.get_option = {"tree": "/none", "notes": str(tmp_path / "notes"), "via": via}.get
    yield connection
    connection.close()
    signal.signal(signal.SIGTERM, before)


def test_a_tree_of_another_machine(elsewhere: chroot.Connection, tmp_path: Path) -> None:
    assert elsewhere.exec_command("cat; echo err >&2; exit 4", in_data=b"in") == (4, b"in", b"err\n")
    assert elsewhere.exec_command("cat") == (0, b"", b"")
    (tmp_path / "in").write_bytes(b"\0binary\xff" * 1000)
    elsewhere.put_file(str(tmp_path / "in"), str(tmp_path / "there"))
    elsewhere.fetch_file(str(tmp_path / "there"), str(tmp_path / "out"))
    assert (tmp_path / "out").read_bytes() == (tmp_path / "in").read_bytes()
    said = "printf 'goldsmith-note: sysctl does nothing\\n%.0s' 1 2 >&2"
    for _time in range(2):
        elsewhere.exec_command(said)
    assert (tmp_path / "notes").read_text() == "sysctl does nothing\n"


def test_a_refusal_of_another_machine_stands_behind_what_ssh_says(elsewhere: chroot.Connection) -> None:
    with pytest.raises(AnsibleConnectionFailure, match=r"^cannot enter the tree: tree=/x: is not a folder$"):
        elsewhere.exec_command("echo Warning >&2; echo 'cannot enter the tree: tree=/x: is not a folder' >&2; exit 125")


def test_a_way_that_leads_nowhere_else_is_none(connection: chroot.Connection, tmp_path: Path) -> None:
    connection.get_option = {"tree": str(tmp_path), "via": {"ansible_connection": "local"}}.get
    assert connection.exec_command("exit 5")[0] == 5
    assert connection._way is None
