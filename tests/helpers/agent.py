# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guest's own agent outside a guest: a tree that it takes for the root, and the shells that it must run in."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

AGENT = Path(__file__).resolve().parents[2] / "roles" / "openstack_guest" / "files" / "goldsmith-agent"
# What the agent may use beside the tools of disks: in one flavour the system's, in the other those of busybox.
_COMMON = "awk cat chmod cp cut grep gzip head id mkdir mktemp mv printf readlink rm sed sh sleep sync tail timeout tr"
SYSTEM_TOOLS = [*_COMMON.split(), "blkid", "curl", "setpriv", "sfdisk", "ssh-keygen", "wipefs"]
BUSYBOX_TOOLS = [*_COMMON.split(), "wget"]
FLAVOURS = ("dash", "busybox")
ROUTES = "Iface\tDestination\tGateway\neth0\t00000000\t0202A8C0\n"
HOME = "/home/debian"


@dataclass(frozen=True)
class FakeGuest:
    """A tree with an account, and programs that stand before all others."""

    root: Path
    flavour: str

    @property
    def programs(self) -> Path:
        """The folder of the programs that a test puts in the place of real ones."""
        return self.root / "programs"

    @property
    def authorized_keys(self) -> Path:
        """The account's own list of keys."""
        return self.root / HOME[1:] / ".ssh" / "authorized_keys"

    def write(self, name: str, text: str) -> Path:
        """Write a file of the tree."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def read(self, name: str) -> str:
        """Read a file of the tree."""
        return (self.root / name).read_text()

    def program(self, name: str, text: str) -> None:
        """Put a program before all others."""
        self.write(f"programs/{name}", text).chmod(0o755)

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        """Start the agent in a session of its own."""
        return subprocess.Popen(
            [self.root / "agent", *words],
            env={"GOLDSMITH_ROOT": str(self.root), "PATH": f"{self.programs}:{self.root / 'tools'}", **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str, timeout: float = 60, **environment: str) -> str:
        """Run the agent, which must succeed; return what it said."""
        process = self.start(*words, **environment)
        said, _none = process.communicate(timeout=timeout)
        assert process.returncode == 0, said
        return said


def fake_guest(root: Path, flavour: str, uid: int | None = None) -> FakeGuest:
    """Make the tree. The account is that of the test, unless *uid* is given."""
    guest = FakeGuest(root, flavour)
    shell = shutil.which({"dash": "dash", "busybox": "busybox"}[flavour])
    assert shell, f"the program {flavour} is not installed"
    tools = root / "tools"
    tools.mkdir(parents=True)
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    for name in SYSTEM_TOOLS:
        if real := shutil.which(name, path=path):
            (tools / name).symlink_to(real)
    if flavour == "busybox":
        (tools / "curl").unlink(missing_ok=True)
        for name in BUSYBOX_TOOLS:
            (tools / name).unlink(missing_ok=True)
            (tools / name).symlink_to(shell)
    text = AGENT.read_text()
    assert text.startswith("#!/bin/sh\n")
    interpreter = f"{shell} sh" if flavour == "busybox" else shell
    (root / "agent").write_text(f"#!{interpreter}\n{text.partition(chr(10))[2]}")
    (root / "agent").chmod(0o755)
    guest.write("usr/lib/goldsmith/network.awk", AGENT.with_name("network.awk").read_text())
    me = pwd.getpwuid(os.getuid())
    uid, gid = (me.pw_uid, me.pw_gid) if uid is None else (uid, uid)
    guest.write("etc/passwd", f"root:x:0:0:root:/root:/bin/sh\ndebian:x:{uid}:{gid}::{HOME}:/bin/bash\n")
    guest.write("etc/goldsmith/agent.conf", "user=debian\n")
    guest.write("etc/hosts", "127.0.0.1 localhost\n")
    guest.write("proc/net/route", ROUTES)
    (root / "run").mkdir()
    (root / "var" / "lib").mkdir(parents=True)
    (root / "programs").mkdir()
    home = root / HOME[1:]
    home.mkdir(parents=True)
    os.chown(home, uid, gid)
    guest.write("proc/sys/kernel/hostname", "localhost\n")
    guest.program("agetty", f'#!/bin/sh\necho "agetty $*" >>{root}/called\n')
    return guest
