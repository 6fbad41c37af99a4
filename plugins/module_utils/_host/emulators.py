# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Emulators: what lets this host run the programs of other processors."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import (
    Runner,
    find_program,
    missing_program,
)

# Architectures, and their processors as the kernel and RPM call them
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
# What the packages of emulators bring: the lines by which the kernel learns of them. It finds them there.
_FORMATS = "/usr/lib/binfmt.d"
_REGISTERED = "/proc/sys/fs/binfmt_misc"

# Since Linux 6.7 a user namespace can have a list of its own, which is gone with it. An older kernel refuses the mount.
_REGISTER = r"""
list=$1 files=$2; shift 2
if mount -t binfmt_misc binfmt_misc "$list" 2>/dev/null; then
  cat $files | while read -r line; do printf '%s\n' "$line" >"$list/register"; done 2>/dev/null
fi
exec "$@"
"""


def words(formats: str = _FORMATS, registered: str = _REGISTERED) -> list[str]:
    """Return what goes behind the words that enter a user namespace, so that all emulators of this host work there.

    Nothing where the kernel knows them already.
    """
    files = sorted(Path(formats).glob("qemu-*.conf"))
    if all(os.path.exists(os.path.join(registered, file.stem)) for file in files):
        return []
    return ["sh", "-c", _REGISTER, "emulators", registered, f"{formats}/qemu-*.conf"]


def check(runner: Runner, architecture: str, prefix: Sequence[str]) -> None:
    """Raise OptionError when programs of an architecture, by either name, do not run behind *prefix*."""
    names = {machine: name for name, machine in MACHINES.items()}
    if MACHINES.get(architecture, architecture) == os.uname().machine:
        return
    if not find_program("arch-test"):
        raise missing_program("arch-test")
    if runner.run([*prefix, "arch-test", names.get(architecture, architecture)], check=False).rc != 0:
        raise OptionError(
            "image_architecture",
            names.get(architecture, architecture),
            f"this host, {os.uname().machine}, cannot run its programs",
            hint="as root: apt-get install qemu-user-static && /usr/lib/systemd/systemd-binfmt; "
            "an ordinary user with Linux 6.7 or newer needs the package alone",
        )
