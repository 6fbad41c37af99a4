# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What widely used roles do, in a tree: the table of docs/operator/customising.md, row by row."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from helpers import usual_roles
from helpers.cache import cached
from helpers.modules import run_module
from helpers.tools import clean_environment, run_tool, tool

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import stack

pytestmark = [pytest.mark.root, pytest.mark.slow]

RELEASE = "trixie"
DEFINITION = {
    "build": "chroot",
    "configure": "tree",
    "resize": "cloud_init",
    "root_device": "LABEL=cloudimg-rootfs",
    "filesystem": "ext4",
}
PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.include_role: {name: goldsmith.openstack.image, tasks_from: "{{ item }}"}
      loop: [prepare, facts]
    - ansible.builtin.include_role: {name: "{{ item }}"}
      loop: "{{ usual_roles }}"
    - ansible.builtin.meta: flush_handlers
"""
TREE = "ansible_connection=goldsmith.openstack.chroot ansible_python_interpreter=/usr/bin/python3"


@dataclass(frozen=True)
class Tree:
    """A system in a folder, and how Ansible reaches it."""

    path: Path
    folder: Path

    def play(self, text: str, *, umask: int = 0o022, **variables: object) -> subprocess.CompletedProcess[str]:
        """Run a playbook in it."""
        (self.folder / "play.yml").write_text(text)
        (self.folder / "hosts").write_text(
            f"image_system {TREE} ansible_remote_tmp=/tmp/.ansible ansible_chroot_tree={self.path} "
            f"ansible_chroot_notes={self.folder}/notes\n"
        )
        environment = {
            **clean_environment(),
            "ANSIBLE_COLLECTIONS_PATH": f"{os.environ['ANSIBLE_COLLECTIONS_PATH']}:{usual_roles.collections()}",
            "ANSIBLE_CONFIG": os.environ["ANSIBLE_CONFIG"],
            "ANSIBLE_NOCOLOR": "1",
        }
        argv = [tool("ansible-playbook"), "-i", "hosts", "play.yml", "-e", json.dumps(variables)]
        return subprocess.run(
            argv, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, umask=umask
        )

    def run(self, script: str) -> str:
        """Run a script in it, and return what it prints."""
        done = run_module("chroot_exec", {"tree": str(self.path), "script": script})
        assert not done.get("failed"), done["msg"]
        return str(done["stdout"])

    def see(self, path: str) -> str:
        """The text of a file."""
        return self.run(f"cat {path}")


def system() -> Path:
    """A small Debian with what the roles expect of a machine; made once, and not written to."""

    def make(folder: Path) -> None:
        argv = ["mmdebstrap", "--mode=root", "--variant=minbase", f"--include={','.join(usual_roles.PACKAGES)}"]
        run_tool([*argv, RELEASE, str(folder / "tree")], cwd=folder, timeout=900)

    return cached("usual-system", f"{RELEASE} {usual_roles.PACKAGES}", make) / "tree"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tree]:
    folder = tmp_path_factory.mktemp("usual")
    path = folder / "tree"
    stack.lay(str(path), [str(system())])
    found = Tree(path, folder)
    found.run("rm -f /etc/hostname /etc/ssh/ssh_host_*")
    yield found
    stack.remove(Runner(), str(path))


def of_the_host() -> str:
    """What no task in a tree may change."""
    values = "/proc/swaps /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/kptr_restrict"
    asked = f"hostname; ls /sys/class/net; date +%Y%Z; cat {values}; nft list ruleset 2>/dev/null || :"
    return run_tool(["sh", "-c", asked], cwd=Path("/"))


@pytest.fixture(scope="module")
def said(tree: Tree) -> str:
    """What Ansible said while all roles configured the tree, from under a strict umask."""
    host = of_the_host()
    roles = [str(path) for path in usual_roles.write(tree.folder)]
    given = {"usual_folder": str(tree.folder), "image_definition": DEFINITION}
    done = tree.play(PLAY, umask=0o077, usual_roles=roles, **given)
    assert done.returncode == 0, done.stdout + done.stderr
    assert of_the_host() == host
    return " ".join((done.stdout + done.stderr).split())


@pytest.mark.usefixtures("said")
@pytest.mark.parametrize(
    ("question", "answer"),
    usual_roles.QUESTIONS,
)
def test_a_task_has_done_its_work(tree: Tree, question: str, answer: str) -> None:
    assert tree.run(question) == answer.rstrip("\n")


@pytest.mark.parametrize(
    "note",
    [
        "in the tree modprobe loads nothing",
        "in the tree sysctl applies no value",
        "in the tree swapon changes no swap",
        "in the tree swapoff changes no swap",
        "in the tree hwclock leaves the clock",
        "in the tree update-grub writes nothing",
        "in the tree a reboot is passed over",
    ],
)
def test_what_was_left_undone_is_said_once(tree: Tree, said: str, note: str) -> None:
    assert said.count(note) == 1
    assert (tree.folder / "notes").read_text().count(note.removeprefix("in the tree ")) == 1


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("iptables: {chain: INPUT, protocol: tcp, destination_port: 9100, jump: ACCEPT}", "Permission denied"),
        ("command: ip link add name goldsmith0 type dummy", "Operation not permitted"),
        ("command: date --set=2001-01-01", "Operation not permitted"),
    ],
)
def test_a_task_cannot_change_the_host(tree: Tree, task: str, said: str) -> None:
    host = of_the_host()
    done = tree.play(f"- hosts: all\n  gather_facts: false\n  tasks:\n    - ansible.builtin.{task}\n")
    assert (done.returncode, said in done.stdout) == (2, True), done.stdout
    assert of_the_host() == host


def test_nothing_is_left_of_what_was_laid_over(tree: Tree, said: str) -> None:
    before, after = (
        Runner().run([*stack.prefix(str(path)), "sh", "-c", 'cd "$1" && ls run proc sys', "ls", str(path)]).stdout
        for path in (system(), tree.path)
    )
    assert before == after
    assert not (Path(stack.upper(str(tree.path))) / "usr/sbin/policy-rc.d").exists()
