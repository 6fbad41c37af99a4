# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest that is given the second kernel of its family's repository, and started again with it."""

from __future__ import annotations

from helpers.guests import RunningGuest
from helpers.repositories.families import Repository

ARGUMENTS = "console=tty0 console=ttyS0,115200n8"
# The package with the kernel itself, and what installs a file of it.
_DNF = "dnf -y --disablerepo=* --nogpgcheck install {}"
_WAYS = {
    "fedora": ("kernel-core", _DNF),
    "rhel": ("kernel-core", _DNF),
    "suse": ("kernel-default", "zypper -n --no-gpg-checks --no-refresh install {}"),
    "ubuntu": ("linux-image-6", "apt-get -y install {}"),
}


def kernel_package(family: str) -> str:
    """How the name of the package begins."""
    return _WAYS[family][0]


def another_kernel_starts(guest: RunningGuest, repository: Repository) -> None:
    """Install the second kernel, reboot, and see that it runs, with the arguments of the first."""
    name, install = _WAYS[repository.family]
    first, second = repository.kernels
    assert guest.output("uname -r") == first
    found = [path for path in repository.folder.rglob(f"{name}*") if second in path.name or "updates" in path.parts]
    (package,) = [path for path in found if path.suffix in (".rpm", ".deb")]
    log = guest.work(install.format(guest.send(package)))
    assert "scriptlet failed" not in log
    guest.reboot()
    assert guest.ssh("uname -r", ConnectTimeout="60").stdout.strip() == second
    assert ARGUMENTS in guest.ssh("cat /proc/cmdline", ConnectTimeout="60").stdout
