# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that enters a tree of the machine to which it is sent; a real tree is an integration test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from helpers.waiting import wait_for

from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import entrance

# Its part over there, which runs the words themselves.
_RUN = """
import sys
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import chroot, entrance
chroot.enter_words = lambda tree, argv, linger: argv
entrance.run({"tree": "/tree", "argv": ["sh", "-c", *sys.argv[1:]], "linger": ""})
"""


def there(*words: str) -> subprocess.Popen[bytes]:
    """Start a line of shell as the program does."""
    return subprocess.Popen(
        [sys.executable, "-c", _RUN, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.environ["ANSIBLE_COLLECTIONS_PATH"]},
    )


def test_what_is_sent_is_all_that_it_needs(tmp_path: Path) -> None:
    words, data = entrance.sent(str(tmp_path / "none"), ["true"], python=sys.executable)
    result = subprocess.run(words, input=data, capture_output=True, check=False, cwd="/", env={})
    line = f"cannot enter the tree: tree={tmp_path}/none: is not a folder with a root file system\n"
    assert (result.returncode, result.stdout, result.stderr) == (125, b"", line.encode())


def test_the_python_of_the_other_machine(tmp_path: Path) -> None:
    assert entrance.sent(str(tmp_path), ["true"])[0][0] == "python3"


def test_streams_and_status() -> None:
    process = there("cat; echo err >&2; exit 7")
    assert process.communicate(b"\0in\xff") == (b"\0in\xff", b"err\n")
    assert process.returncode == 7
    process = there("kill -9 $$")
    process.communicate()
    assert process.returncode == 137


def test_a_connection_that_is_cut_ends_it(tmp_path: Path) -> None:
    process = there('echo $$ >"$0"; exec sleep 1000', str(tmp_path / "pid"))
    wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    pid = int((tmp_path / "pid").read_text())
    # That nothing more comes in is no end.
    process.stdin.close()
    assert process.poll() is None
    process.stdout.close()
    assert process.wait(30) == 137
    assert not Path(f"/proc/{pid}").exists()
    process.stderr.close()
