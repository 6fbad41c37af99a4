# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SELinux policy of the fixture: Debian's, compiled under the name that other distributions give theirs."""

from __future__ import annotations

import shutil
from pathlib import Path

from helpers.tools import run_tool

NAME = "targeted"
# What Debian's policy refuses to cloud-init, its generator, NetworkManager and who installs a kernel is logged, not
# denied.
_LENIENT = (
    "systemd_generator_t", "initrc_t", "NetworkManager_t", "dhcpc_t", "systemd_tmpfiles_t", "systemd_hostnamed_t",
    "systemd_sysctl_t", "udev_t", "getty_t", "policykit_t", "sysadm_t", "fsadm_t", "chronyd_t",
    "kmod_t", "mount_t",
)  # fmt: skip
# The newest version of a policy that the fixture's kernels load
_VERSION = 33
_SECONDS = 600


def compile_policy(deb: Path, work: Path) -> Path:
    """Compile the policy of `selinux-policy-default`; return the tree that holds it as an installed system does."""
    tree, unpacked = work / "policy", work / "unpacked"
    for folder in (unpacked, tree / "var/lib/selinux" / NAME, tree / "etc/selinux"):
        folder.mkdir(parents=True)
    run_tool(["dpkg-deb", "--extract", str(deb), str(unpacked)], cwd=work, timeout=_SECONDS)
    shutil.move(unpacked / "etc/selinux/default", tree / "etc/selinux" / NAME)
    for folder in ("policy", "contexts/files"):
        (tree / "etc/selinux" / NAME / folder).mkdir(parents=True, exist_ok=True)
    (tree / "etc/selinux/config").write_text(f"SELINUX=enforcing\nSELINUXTYPE={NAME}\n")
    settings = tree / "etc/selinux/semanage.conf"
    settings.write_text(f"module-store = direct\npolicy-version = {_VERSION}\nexpand-check = 0\n")
    lenient = work / "lenient.cil"
    lenient.write_text("".join(f"(typepermissive {name})\n" for name in _LENIENT))
    modules = sorted((unpacked / "usr/share/selinux/default").glob("*.pp*"))
    words = [word for file in [*modules, lenient] for word in ("-i", str(file))]
    argv = ["semodule", "-p", str(tree), "-s", NAME, "-n", "-X", "100", *words]
    run_tool(argv, cwd=work, timeout=_SECONDS)
    # The system's own settings come from another package.
    settings.unlink()
    for lock in tree.rglob("*.LOCK"):
        lock.unlink()
    return tree
