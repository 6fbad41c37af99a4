# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A QEMU that emulates guests in three quarters of the time, where the host's own is older: that of Debian 13.

Its packages are only unpacked; it runs with its own loader and libraries.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from helpers.cache import cached
from helpers.tools import run_tool

from ansible_collections.goldsmith.openstack.plugins.module_utils._qemu import choose_accelerator, program
from ansible_collections.goldsmith.openstack.plugins.module_utils._run import Runner

RELEASE, PACKAGES, VERSION = "trixie", "qemu-system-x86,seabios,ipxe-qemu", 10
_NAME = "qemu-system-x86_64"
# The folder is made under another name, so nothing in it knows its place.
_LAUNCHER = f"""\
#!/bin/sh
tree=$(dirname "$0")/../tree
libraries=$tree/usr/lib/x86_64-linux-gnu
export QEMU_MODULE_DIR="$libraries/qemu"
exec "$libraries/ld-linux-x86-64.so.2" --library-path "$libraries" "$tree/usr/bin/{_NAME}" \\
    -L "$tree/usr/share/qemu" -L "$tree/usr/share/seabios" -L "$tree/usr/lib/ipxe/qemu" "$@"
"""


@contextmanager
def quick_emulator() -> Iterator[None]:
    """Within the block it is the first QEMU on PATH, if it is of use on this host."""
    if choose_accelerator(Runner(), "auto") == "kvm" or _version() >= VERSION:
        yield
        return
    folder = cached("qemu", f"{RELEASE} {PACKAGES}", _unpack)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(folder / "bin"), prepend=":")
        yield


def _version() -> int:
    said = subprocess.run([program(), "--version"], check=True, capture_output=True, text=True).stdout
    found = re.search(r"version (\d+)\.", said)
    assert found, said
    return int(found[1])


def _unpack(folder: Path) -> None:
    argv = ["mmdebstrap", "--variant=extract", f"--include={PACKAGES}", RELEASE, str(folder / "tree")]
    run_tool(argv, cwd=folder, timeout=600)
    launcher = folder / "bin" / _NAME
    launcher.parent.mkdir()
    launcher.write_text(_LAUNCHER)
    launcher.chmod(0o755)
