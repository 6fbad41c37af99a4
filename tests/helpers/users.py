# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work done as an ordinary user by tests that root runs."""

from __future__ import annotations

import codecs
import os
import pickle
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.tools import project_files, tool

# How to reach the package index is the machine's matter, not the account's.
_KEPT = ("PIP_", "UV_", "SSL_")


@dataclass(frozen=True)
class Account:
    """An ordinary user with subordinate ids who may not become root, and a *checkout* of this project in the home."""

    name: str
    checkout: Path

    @property
    def home(self) -> Path:
        """A folder of the user's own."""
        return self.checkout.parent

    def folder(self) -> Path:
        """Make an empty folder of the user's, and return it."""
        folder = Path(tempfile.mkdtemp(prefix="gs-", dir=self.home))
        shutil.chown(folder, self.name, self.name)
        return folder

    def words(self, **environment: str) -> list[str]:
        """The words before a command that is the user's; nothing else of our environment counts."""
        if os.geteuid() != 0:
            return ["env", *(f"{name}={value}" for name, value in environment.items())]
        keep = {name: value for name, value in os.environ.items() if name.startswith(_KEPT)}
        keep |= {"PATH": f"{self.home / 'bin'}:/usr/local/bin:/usr/bin:/bin", **environment}
        account = ["setpriv", f"--reuid={self.name}", f"--regid={self.name}", "--init-groups", "--reset-env"]
        return [*account, "env", *(f"{name}={value}" for name, value in keep.items())]


@contextmanager
def user_with_checkout(checkout: Path) -> Iterator[Account]:
    """Yield a new user with a copy of the checkout; tests that an ordinary user runs are that user's."""
    if os.geteuid() != 0:
        yield Account(pwd.getpwuid(os.geteuid()).pw_name, checkout)
        return
    name = f"goldsmith-{os.getpid()}"
    subprocess.run(["useradd", "--create-home", "--shell", "/bin/sh", name], check=True, capture_output=True)
    home = Path(pwd.getpwnam(name).pw_dir)
    try:
        for file in project_files(checkout):
            (home / "checkout" / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(checkout / file, home / "checkout" / file)
        # Like many users it has uv, which sets the environment up in a few seconds.
        (home / "bin").mkdir()
        shutil.copy(tool("uv"), home / "bin")
        subprocess.run(["chown", "-R", f"{name}:", home / "checkout"], check=True)
        yield Account(name, home / "checkout")
    finally:
        # userdel would keep others from the list of accounts meanwhile, who give up after some seconds.
        shutil.rmtree(home)
        subprocess.run(["userdel", name], check=True, capture_output=True)


@contextmanager
def ordinary_user() -> Iterator[tuple[str, Path]]:
    """Yield the name of a new user with subordinate ids, and a folder of the user's own."""
    name = f"gold{os.getpid()}"
    subprocess.run(["/usr/sbin/useradd", "--no-create-home", "--shell", "/bin/sh", name], check=True)
    # The folders of pytest are closed to other users.
    folder = Path(tempfile.mkdtemp(prefix="goldsmith-test-", dir="/var/tmp"))
    try:
        shutil.chown(folder, name, name)
        yield name, folder
    finally:
        shutil.rmtree(folder)
        subprocess.run(["/usr/sbin/userdel", name], check=True)


def start_as(name: str, work: Callable[[], Any]) -> tuple[int, int]:
    """Start a function in a process of the user; return its pid and the file descriptor of its result."""
    account = pwd.getpwnam(name)
    # A Python in root's home cannot load it any more.
    codecs.lookup("ascii")
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writer)
        return pid, reader
    try:
        os.setgroups([])
        os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
        os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)
        os.environ.update(HOME="/nonexistent", USER=name, TMPDIR="/var/tmp")
        os.chdir("/")
        try:
            result: Any = work()
        except Exception as error:
            result = error
        with os.fdopen(writer, "wb") as pipe:
            pickle.dump(result, pipe)
    finally:
        os._exit(0)


def run_as(name: str, work: Callable[[], Any]) -> Any:
    """Call a function as the user; return its result, or raise what it raised."""
    return result_of(*start_as(name, work))


def result_of(pid: int, reader: int) -> Any:
    """Wait for a function that was started; return its result, or raise what it raised."""
    with os.fdopen(reader, "rb") as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    result = pickle.loads(text)
    if isinstance(result, Exception):
        raise result
    return result
