# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A QEMU that emulates guests in three quarters of the time, where the host's own is older: that of Debian 13.

Its packages are only unpacked; it runs with its own loader and libraries.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from helpers.cache import unpacked

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot.qemu import choose_accelerator, program
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner

RELEASE, PACKAGES, VERSION = "trixie", "qemu-system-x86,seabios,ipxe-qemu", 10
_NAME = "qemu-system-x86_64"
_LAUNCHER = """\
#!/bin/sh
libraries={tree}/usr/lib/x86_64-linux-gnu
export QEMU_MODULE_DIR="$libraries/qemu"
exec "$libraries/ld-linux-x86-64.so.2" --library-path "$libraries" {tree}/usr/bin/{name} \\
    -L {tree}/usr/share/qemu -L {tree}/usr/share/seabios -L {tree}/usr/lib/ipxe/qemu "$@"
"""


@contextmanager
def quick_emulator() -> Iterator[None]:
    """Within the block it is the first QEMU on PATH, if it is of use on this host."""
    if choose_accelerator(Runner(), "auto") == "kvm" or _version() >= VERSION:
        yield
        return
    tree = unpacked("qemu", RELEASE, PACKAGES)
    with tempfile.TemporaryDirectory(prefix="gs-qemu-") as folder, pytest.MonkeyPatch.context() as patch:
        launcher = Path(folder, _NAME)
        launcher.write_text(_LAUNCHER.format(tree=shlex.quote(str(tree)), name=_NAME))
        launcher.chmod(0o755)
        patch.setenv("PATH", folder, prepend=":")
        yield


def _version() -> int:
    said = subprocess.run([program(), "--version"], check=True, capture_output=True, text=True).stdout
    found = re.search(r"version (\d+)\.", said)
    assert found, said
    return int(found[1])
