# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: chroot
short_description: Run tasks in the tree of a root file system
version_added: 1.0.0
author: Goldsmith contributors (@goldsmith)
description:
  - The host is a folder with a root file system. Every command runs in it with /proc, /sys, /dev and /run of its own,
    the build host's name resolution, and no daemon started by package scripts.
  - Mounts live in the mount namespace of the command and vanish with it, and so does every process it left. A task
    with C(async) is waited for.
  - /run has what packages declare for the boot. Programs that need a running system, or would change the kernel of the
    build host, do nothing and say so once, such as sysctl, modprobe, swapon and update-grub.
  - Works as root, and as an ordinary user with a range of subordinate ids.
options:
  tree:
    description: Folder with the root file system, on the control node or on the machine that O(via) reaches.
    type: path
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: ansible_host
      - name: ansible_chroot_tree
  notes:
    description: File beside the tree, on its machine, that gets a line for each thing that was left undone, each once.
    type: path
    vars:
      - name: ansible_chroot_notes
  via:
    description:
      - The machine where the tree is, by the variables that reach it as a host of an inventory, such as
        C(ansible_host), C(ansible_user) and C(ansible_become). Any connection will do that takes data on stdin. The
        machine needs Python, C(ansible_python_interpreter) says which.
      - The tree is on the control node without it, and where C(ansible_connection) is V(local).
    type: dict
    default: {}
    vars:
      - name: ansible_chroot_via
"""

import ctypes
import os
import re
import signal

from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.plugins.connection import ConnectionBase
from ansible.utils.display import Display

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import lifeline
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import chroot, entering, entrance
from ansible_collections.goldsmith.openstack.plugins.plugin_utils import _way

display = Display()
_PR_SET_PDEATHSIG = 1
_ASYNC = r"async_wrapper\.py"
# Adds the lines of stdin to a file that are not in it.
_ADD = 'touch "$1" && while read -r line; do grep -qxF -e "$line" "$1" || printf "%s\\n" "$line" >>"$1"; done'


class Connection(ConnectionBase):
    """Runs the commands of tasks in a tree."""

    transport = "goldsmith.openstack.chroot"
    has_pipelining = True
    has_tty = False

    def _connect(self):
        if not self._connected:
            via = self.get_option("via") or {}
            self._way = _way.Way(via, self._play_context) if _way.leads_away(via) else None
            if self._way:
                _way.end_with_children()
            # Ansible's worker outlives an ansible-playbook that was killed with -9; this one must not.
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM if self._way else signal.SIGKILL)
            if lifeline.has_lost_its_run():
                os._exit(1)
            self._runner = Runner()
            self._connected = True
            display.vvv(f"ENTER THE TREE {self.get_option('tree')}", host=self.get_option("tree"))
        return self

    def exec_command(self, cmd, in_data=None, sudoable=True):
        """Run a command line in the tree; return its exit status, stdout and stderr."""
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        # What a task has in the background would end with this command: it is waited for.
        linger = _ASYNC if "async_wrapper" in cmd else ""
        rc, out, err = self._run([self._play_context.executable or "/bin/sh", "-c", cmd], in_data, linger=linger)
        # Ansible takes a full disk for an unreachable host when it cannot make its own folder there.
        if rc != 0 and "mkdir" in cmd and "/ansible-tmp-" in cmd:
            raise AnsibleError(f"cannot make a temporary folder in the tree: {_text(err)}")
        return rc, out, err

    def put_file(self, in_path, out_path):
        """Copy a file into the tree; links in the path lead nowhere else."""
        super().put_file(in_path, out_path)
        if not os.path.isfile(in_path):
            raise AnsibleFileNotFound(f"{in_path} is not a file")
        with open(in_path, "rb") as file:
            self._copy(["sh", "-c", 'exec cat >"$1"', "put", out_path], stdin=file)

    def fetch_file(self, in_path, out_path):
        """Copy a file out of the tree; links in the path lead nowhere else."""
        super().fetch_file(in_path, out_path)
        try:
            with open(out_path, "wb") as file:
                self._copy(["cat", "--", in_path], stdout=file)
        except BaseException:
            os.unlink(out_path)
            raise

    def close(self):
        """Close the way to the machine of the tree; each command has taken its mounts with it."""
        if self._connected and self._way:
            self._way.close()
        self._connected = False

    def _copy(self, argv, stdin=None, stdout=None):
        rc, _out, err = self._run(argv, stdin=stdin, stdout=stdout)
        if rc != 0:
            # No connection failure: that would be an unreachable host, whose failure no rescue sees.
            raise AnsibleError(f"cannot copy: {_text(err)}")

    def _run(self, argv, in_data=None, stdin=None, stdout=None, linger=""):
        self._connect()
        run = self._run_there if self._way else self._run_here
        status, out, err = run(argv, in_data, stdin, stdout, linger)
        # ssh may have said something before.
        if status == chroot.REFUSED and (refusal := re.search(rb"(?m)^cannot enter the tree\b[\s\S]*", err)):
            raise AnsibleConnectionFailure(_text(refusal.group()))
        said, notes = entering.notes(err.decode("utf-8", "surrogateescape"))
        # So says systemd's own shutdown.
        if "Running in chroot, ignoring request" in said:
            notes.append("a reboot is passed over")
        self._take_down(notes)
        return status, out or b"", said.encode("utf-8", "surrogateescape")

    def _run_here(self, argv, in_data, stdin, stdout, linger):
        try:
            words = chroot.enter_words(self.get_option("tree"), argv, linger=linger)
            process = self._runner.start(words, stdin=stdin or in_data is not None, stdout=stdout)
        except GoldsmithError as error:
            raise AnsibleConnectionFailure(str(error)) from error
        try:
            out, err = process.communicate(in_data)
        except BaseException:
            self._runner.stop(process)
            raise
        return process.returncode, out, err

    def _run_there(self, argv, in_data, stdin, stdout, linger):
        words, before = entrance.sent(self.get_option("tree"), argv, linger=linger, python=self._way.python)
        status, out, err = self._way.run(words, before + (stdin.read() if stdin else in_data or b""))
        if stdout:
            stdout.write(out)
        return status, out, err

    def _take_down(self, notes):
        for note in notes:
            display.warning(f"in the tree {note}")
        path = self.get_option("notes")
        if path and notes:
            words, lines = ["sh", "-c", _ADD, "add", path], "".join(f"{note}\n" for note in notes).encode()
            if self._way:
                status, _out, err = self._way.run(words, lines)
            else:
                result = self._runner.run(words, stdin=lines, check=False)
                status, err = result.rc, result.stderr.encode()
            if status != 0:
                raise AnsibleError(f"cannot write the notes: {_text(err)}")


def _text(said: bytes) -> str:
    return " ".join(said.decode("utf-8", "replace").split())
