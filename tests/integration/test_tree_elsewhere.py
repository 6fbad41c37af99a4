# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree of another machine, reached by ssh: what goes in and out, and what is left of a run that is killed."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.playbook.play_context import PlayContext
from helpers.busybox import make_busybox_tree
from helpers.processes import rooted_in
from helpers.ssh import SshServer, close_shared, ssh_server
from helpers.tools import clean_environment, tool
from helpers.users import ordinary_user
from helpers.waiting import wait_for

from ansible_collections.goldsmith.openstack.plugins.connection.chroot import Connection

pytestmark = pytest.mark.root

# One connection serves them all, or each has its own.
SHARED = ["-o ControlMaster=auto -o ControlPersist=60s", "-o ControlMaster=no"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make_busybox_tree(tmp_path / "tree")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with ssh_server(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def via(server: SshServer, guest_folder: Path) -> Iterator[dict[str, Any]]:
    """The variables that reach the server; the sockets of ssh lie where their names are short enough."""
    yield {**server.variables(), "ansible_control_path_dir": str(guest_folder), "ansible_ssh_args": SHARED[0]}
    close_shared(guest_folder)


@pytest.fixture(autouse=True)
def outlive_parent() -> Iterator[None]:
    """The plugin binds its process, here that of the tests, to the life of its parent."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)
    ctypes.CDLL(None).prctl(1, 0)


def connect(tree: Path, via: dict[str, Any], **options: str) -> Connection:
    connection = Connection(PlayContext())
    connection.get_option = {"tree": str(tree), "via": via, **options}.get
    return connection


def test_status_streams_and_files(tree: Path, via: dict[str, Any], tmp_path: Path) -> None:
    connection = connect(tree, via, notes=str(tmp_path / "notes"))
    status, out, err = connection.exec_command("pwd; cat; echo err >&2; exit 3", in_data=b"\0in\xff")
    assert (status, out) == (3, b"/\n\0in\xff")
    assert err.endswith(b"err\n")
    data = os.urandom(3 << 20)
    (tmp_path / "in").write_bytes(data)
    connection.put_file(str(tmp_path / "in"), "/tmp/file with blank; $(x)")
    assert (tree / "tmp" / "file with blank; $(x)").read_bytes() == data
    connection.fetch_file("/tmp/file with blank; $(x)", str(tmp_path / "out"))
    assert (tmp_path / "out").read_bytes() == data
    with pytest.raises(AnsibleError, match=r"cannot copy: .*none"):
        connection.fetch_file("/tmp/none", str(tmp_path / "lost"))
    assert not (tmp_path / "lost").exists()
    for _time in range(2):
        connection.exec_command("update-grub")
    assert (tmp_path / "notes").read_text().startswith("update-grub writes nothing: ")
    assert len((tmp_path / "notes").read_text().splitlines()) == 1
    assert str(tree) not in Path("/proc/self/mounts").read_text()


def test_what_a_task_left_in_the_background_is_waited_for(tree: Path, via: dict[str, Any]) -> None:
    (tree / "tmp" / "async_wrapper.py").write_text("sleep 2\n: >/tmp/late\n")
    connect(tree, via).exec_command("sh /tmp/async_wrapper.py >/dev/null 2>&1 </dev/null &")
    assert (tree / "tmp" / "late").exists()


def test_an_ordinary_user_there_by_become(via: dict[str, Any]) -> None:
    with ordinary_user() as (name, folder):
        tree = make_busybox_tree(folder / "tree")
        subprocess.run(["chown", "-R", f"{name}:", tree], check=True)
        more = {"ansible_become": True, "ansible_become_method": "su", "ansible_become_user": name}
        more["ansible_python_interpreter"] = "/usr/bin/python3"
        connection = connect(tree, {**via, **more})
        status, out, _err = connection.exec_command("id -u; cat; : >/tmp/made; chown 1:1 /tmp/made", in_data=b"\0\xff")
        assert (status, out) == (0, b"0\n\0\xff")
        owner = (tree / "tmp" / "made").stat().st_uid
        assert owner not in (0, 1, tree.stat().st_uid), "it is one of the user's subordinate ids"


def test_a_machine_or_a_tree_that_cannot_be_reached(tree: Path, via: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(AnsibleConnectionFailure, match=r"^cannot enter the tree: tree=/none: is not a folder with"):
        connect(Path("/none"), via).exec_command("true")
    with pytest.raises(AnsibleConnectionFailure, match="Make sure this host can be reached"):
        connect(tree, {**via, "ansible_port": 9, "ansible_ssh_args": SHARED[1]}).exec_command("true")


@pytest.mark.parametrize("shared", SHARED, ids=["shared", "alone"])
def test_a_killed_playbook_leaves_no_process(
    tree: Path, via: dict[str, Any], tmp_path: Path, checkout: Path, shared: str
) -> None:
    settings = {
        "ansible_connection": "goldsmith.openstack.chroot",
        "ansible_chroot_tree": str(tree),
        "ansible_chroot_via": {**via, "ansible_ssh_args": shared},
    }
    (tmp_path / "hosts.json").write_text(json.dumps({"all": {"hosts": {"tree": settings}}}))
    tasks = [{"ansible.builtin.raw": "touch /tmp/begun; sleep 1000"}]
    (tmp_path / "play.json").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    environment = {
        **clean_environment(),
        "ANSIBLE_CONFIG": str(checkout / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"],
    }
    process = subprocess.Popen(
        [tool("ansible-playbook"), "-i", "hosts.json", "play.json"],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for((tree / "tmp" / "begun").exists)
    assert rooted_in(tree)
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_for(lambda: not rooted_in(tree))
