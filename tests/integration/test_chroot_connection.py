# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection plugin chroot: a playbook in a tree of busybox, and files that go in and out of a hostile one."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.playbook.play_context import PlayContext
from helpers.busybox import listing, make_busybox_tree
from helpers.processes import rooted_in
from helpers.tools import clean_environment, run_tool, tool
from helpers.waiting import wait_for

from ansible_collections.goldsmith.openstack.plugins.connection.chroot import Connection

pytestmark = pytest.mark.root

PLAYBOOK = """
- name: Work in trees
  hosts: all
  gather_facts: false
  tasks:
    - name: Run a command
      ansible.builtin.raw: echo "in $(cat /etc/name)"; test -e /proc/self/stat && cat /usr/sbin/policy-rc.d
      register: said
      changed_when: false
    - name: Show it
      ansible.builtin.debug:
        var: said.stdout_lines
    - name: Carry a script in
      ansible.builtin.script: note.sh "of the task"
    - name: Fail as the program does
      ansible.builtin.raw: exit 125
      register: failed
      failed_when: failed.rc != 125
      changed_when: false
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = make_busybox_tree(tmp_path / "tree")
    (tree / "etc" / "name").write_text("the tree\n")
    return tree


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A folder outside the tree that no link of it may lead to."""
    host = tmp_path / "host"
    host.mkdir()
    (host / "secret").write_text("of the host")
    return host


@pytest.fixture(autouse=True)
def outlive_parent() -> Iterator[None]:
    """The plugin binds its process, here that of the tests, to the life of its parent."""
    yield
    ctypes.CDLL(None).prctl(1, 0)


def connect(tree: Path) -> Any:
    connection = Connection(PlayContext())
    connection.get_option = {"tree": str(tree)}.get  # the playbook below has Ansible set it
    return connection


def play(tmp_path: Path, checkout: Path, inventory: str) -> tuple[list[str], dict[str, str]]:
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    (tmp_path / "hosts.ini").write_text(inventory)
    (tmp_path / "note.sh").write_text('#!/bin/sh\necho "$1" >/etc/note\n')
    environment = {
        **clean_environment(),
        "ANSIBLE_CONFIG": str(checkout / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"],
        "ANSIBLE_NOCOLOR": "1",
    }
    return [tool("ansible-playbook"), "-i", str(tmp_path / "hosts.ini"), str(tmp_path / "play.yml")], environment


def test_a_playbook_in_a_tree(tree: Path, tmp_path: Path, checkout: Path) -> None:
    inventory = f"named ansible_chroot_tree={tree}\n[all:vars]\nansible_connection=goldsmith.openstack.chroot\n"
    argv, environment = play(tmp_path, checkout, inventory + "ansible_remote_tmp=/tmp/.ansible\n")
    said = run_tool(argv, cwd=tmp_path, environment=environment)
    assert "in the tree" in said
    assert "exit 101" in said
    assert (tree / "etc" / "note").read_text() == "of the task\n"
    assert not (tree / "usr/sbin/policy-rc.d").exists()
    assert not list((tree / "dev").iterdir())
    assert str(tree) not in Path("/proc/self/mounts").read_text()


def test_a_tree_that_is_not_there_is_unreachable(tmp_path: Path, checkout: Path) -> None:
    inventory = f"{tmp_path}/missing ansible_connection=goldsmith.openstack.chroot\n"
    argv, environment = play(tmp_path, checkout, inventory)
    result = subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 4, result.stdout + result.stderr
    assert "UNREACHABLE" in result.stdout
    assert f"tree={tmp_path}/missing: is not a folder with a root file system" in result.stdout


def test_a_killed_playbook_leaves_no_process(tree: Path, tmp_path: Path, checkout: Path) -> None:
    inventory = f"{tree} ansible_connection=goldsmith.openstack.chroot\n"
    argv, environment = play(tmp_path, checkout, inventory)
    text = "- hosts: all\n  gather_facts: false\n  tasks:\n    - ansible.builtin.raw: touch /tmp/begun; sleep 1000\n"
    (tmp_path / "play.yml").write_text(text)
    process = subprocess.Popen(
        argv, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_for((tree / "tmp" / "begun").exists)
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_for(lambda: not rooted_in(tree))


def test_commands_give_status_and_streams(tree: Path) -> None:
    connection = connect(tree)
    assert connection.exec_command("echo out; echo err >&2; exit 3") == (3, b"out\n", b"err\n")
    assert connection.exec_command("cat", in_data=b"fed") == (0, b"fed", b"")
    connection.close()
    assert connection.exec_command("pwd")[1] == b"/\n"


def test_files_go_in_and_out(tree: Path, tmp_path: Path) -> None:
    connection = connect(tree)
    data = os.urandom(300_000)
    (tmp_path / "in").write_bytes(data)
    connection.put_file(str(tmp_path / "in"), "/tmp/file with blank")
    assert (tree / "tmp" / "file with blank").read_bytes() == data
    connection.fetch_file("/tmp/file with blank", str(tmp_path / "out"))
    assert (tmp_path / "out").read_bytes() == data


@pytest.mark.parametrize("absolute", [True, False])
def test_links_lead_nowhere_else(tree: Path, tmp_path: Path, host: Path, absolute: bool) -> None:
    before = listing(host)
    (tree / "link").symlink_to(host if absolute else f"../../../../../../../..{host}")
    (tmp_path / "in").write_text("put")
    connection = connect(tree)
    for path in ("/link/secret", "/link/new"):
        with pytest.raises(AnsibleError, match="cannot copy"):
            connection.put_file(str(tmp_path / "in"), path)
    with pytest.raises(AnsibleError, match="cannot copy"):
        connection.fetch_file("/link/secret", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()
    assert listing(host) == before
    # Inside the same link leads to the same name in the tree.
    inside = tree / host.relative_to("/")
    inside.mkdir(parents=True)
    connection.put_file(str(tmp_path / "in"), "/link/secret")
    assert (inside / "secret").read_text() == "put"
    assert listing(host) == before


def test_a_file_that_is_itself_a_link(tree: Path, tmp_path: Path, host: Path) -> None:
    (tree / "tmp" / "out").symlink_to(host / "secret")
    (tmp_path / "in").write_text("put")
    with pytest.raises(AnsibleError):
        connect(tree).put_file(str(tmp_path / "in"), "/tmp/out")
    assert (host / "secret").read_text() == "of the host"


def test_bad_ends(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(AnsibleFileNotFound, match="is not a file"):
        connect(tree).put_file(str(tmp_path / "none"), "/tmp/x")
    with pytest.raises(AnsibleConnectionFailure, match="is not a folder with a root file system"):
        connect(tmp_path / "none").exec_command("true")
    shutil.rmtree(tree / "proc")
    (tree / "proc").symlink_to("/proc")
    with pytest.raises(AnsibleConnectionFailure, match="/proc is a link"):
        connect(tree).exec_command("true")
