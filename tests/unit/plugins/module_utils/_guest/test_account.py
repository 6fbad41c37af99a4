# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The script that lets an account in, run by a real shell against a tree of its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.account import account_script, check_user
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 somebody's key".replace("'", "")
# What the script calls, with the accounts in a file.
TOOLS = {
    "id": 'case $1 in -u) grep -q "^$2:" "$ROOT/passwd" ;; -g) echo users ;; esac',
    "useradd": 'for user; do :; done; home=$ROOT/home/$user; mkdir "$home"; echo "$user:x:1:1::$home" >>"$ROOT/passwd"',
    "getent": 'grep "^$2:" "$ROOT/passwd"',
    "chown": 'echo "$*" >>"$ROOT/owners"',
    "sudo": 'cat "$ROOT/rights"',
}


@pytest.fixture
def system(tmp_path: Path) -> Path:
    for name in ("bin", "sudoers.d", "home"):
        (tmp_path / name).mkdir()
    for name in ("passwd", "rights"):
        (tmp_path / name).write_text("")
    for name, text in TOOLS.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    return tmp_path


def run(system: Path, user: str = "builder", key: str = KEY) -> None:
    script = account_script(user, key).replace("/etc/sudoers.d", f"{system}/sudoers.d")
    environment = {**os.environ, "ROOT": str(system), "PATH": f"{system}/bin:/usr/bin:/bin"}
    subprocess.run(["sh", "-s"], input=script, text=True, check=True, env=environment)


def test_an_account_is_made_with_key_and_rights(system: Path) -> None:
    run(system)
    keys = system / "home/builder/.ssh/authorized_keys"
    assert keys.read_text() == f"{KEY}\n"
    assert keys.stat().st_mode & 0o777 == 0o600
    assert keys.parent.stat().st_mode & 0o777 == 0o700
    rights = system / "sudoers.d/builder"
    assert rights.read_text() == "builder ALL=(ALL) NOPASSWD: ALL\n"
    assert rights.stat().st_mode & 0o777 == 0o440
    assert (system / "owners").read_text().startswith("builder:users ")


def test_the_second_run_changes_nothing(system: Path) -> None:
    run(system)
    run(system)
    assert (system / "home/builder/.ssh/authorized_keys").read_text() == f"{KEY}\n"
    assert (system / "passwd").read_text().count("builder") == 2


def test_what_an_account_has_it_keeps(system: Path) -> None:
    home = system / "home/debian"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh/authorized_keys").write_text("ssh-rsa other\n")
    (system / "passwd").write_text(f"debian:x:1:1::{home}\n")
    (system / "rights").write_text("    (ALL) NOPASSWD: ALL\n")
    run(system, "debian")
    assert (home / ".ssh/authorized_keys").read_text() == f"ssh-rsa other\n{KEY}\n"
    assert not list((system / "sudoers.d").iterdir())


@pytest.mark.parametrize("user", ["", "a b", "-u", "x'; rm", "Web", "a" * 40])
def test_refused_user(user: str) -> None:
    with pytest.raises(OptionError, match="not the name of an account"):
        check_user(user)


@pytest.mark.parametrize(
    "key", ["", "ssh-ed25519", "ssh-ed25519 AAAA 'x'", "ssh-ed25519 AAAA\nssh-ed25519 BBBB", "$(id)"]
)
def test_refused_key(key: str) -> None:
    with pytest.raises(OptionError, match="not a public key of ssh"):
        account_script("debian", key)
