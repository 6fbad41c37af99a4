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
    description: Folder with the root file system on the control node.
    type: path
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: ansible_host
      - name: ansible_chroot_tree
  notes:
    description: File on the control node that gets a line for each thing that was left undone, each once.
    type: path
    vars:
      - name: ansible_chroot_notes
"""

import ctypes
import os
import signal

from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.plugins.connection import ConnectionBase
from ansible.utils.display import Display

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import chroot, entering

display = Display()
_PR_SET_PDEATHSIG = 1
_ASYNC = r"async_wrapper\.py"


class Connection(ConnectionBase):
    """Runs the commands of tasks in a tree."""

    transport = "goldsmith.openstack.chroot"
    has_pipelining = True
    has_tty = False

    def _connect(self):
        if not self._connected:
            # Ansible's worker outlives an ansible-playbook that was killed with -9; this one must not.
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
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
        """There is nothing to close: each command takes its mounts with it."""
        self._connected = False

    def _copy(self, argv, stdin=None, stdout=None):
        rc, _out, err = self._run(argv, stdin=stdin, stdout=stdout)
        if rc != 0:
            # No connection failure: that would be an unreachable host, whose failure no rescue sees.
            raise AnsibleError(f"cannot copy: {_text(err)}")

    def _run(self, argv, in_data=None, stdin=None, stdout=None, linger=""):
        self._connect()
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
        if process.returncode == chroot.REFUSED and err.startswith(b"cannot enter the tree"):
            raise AnsibleConnectionFailure(_text(err))
        said, notes = entering.notes(err.decode("utf-8", "surrogateescape"))
        # So says systemd's own shutdown.
        if "Running in chroot, ignoring request" in said:
            notes.append("a reboot is passed over")
        self._take_down(notes)
        return process.returncode, out or b"", said.encode("utf-8", "surrogateescape")

    def _take_down(self, notes):
        for note in notes:
            display.warning(f"in the tree {note}")
        path = self.get_option("notes")
        if path and notes:
            with open(path, "a+", encoding="utf-8") as file:
                file.seek(0)
                there = file.read().splitlines()
                file.writelines(f"{note}\n" for note in notes if note not in there)


def _text(said: bytes) -> str:
    return " ".join(said.decode("utf-8", "replace").split())
