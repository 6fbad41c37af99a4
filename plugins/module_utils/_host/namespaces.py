# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Namespaces: the argv prefix that gives a program its own mounts and processes, as root or as a user."""

from __future__ import annotations

import ctypes
import os
import pwd
import subprocess
import tempfile
from collections.abc import Sequence

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import emulators
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import (
    Runner,
    find_program,
    missing_program,
)

_COMMON = ("--mount", "--pid", "--uts", "--fork", "--kill-child")
# What reaches the kernel of this host whatever the namespaces: its modules, clock, network, registers, log and power.
_WITHOUT = ("setpriv", "--bounding-set", "-sys_module,-sys_time,-net_admin,-sys_rawio,-syslog,-sys_boot")
_SETPCAP = 8
# The first process of the namespace dies with unshare. Where that was gone before the kernel knew, it ends by itself:
# it has another parent, by the numbers of the /proc that it still sees.
_LEASH = """\
read -r _ _ _ parent _ 2>/dev/null </proc/self/stat
[ "$parent" != 1 ] || exit
! read -r _ name _ 2>/dev/null <"/proc/$parent/stat" || [ "$name" = "(unshare)" ] || exit
exec "$@"
"""


def prefix() -> list[str]:
    """Return the words to put before an argv so that it runs as root over a private set of mounts and processes.

    Every mount made behind it vanishes with the process, however it ends, and it cannot change the kernel of this
    host: no module, clock, network device or packet filter. As an ordinary user the same holds, with
    the user's subordinate ids as the other accounts, and the kernel knows the emulators of the host there, which it
    learns from root otherwise. Raises GoldsmithError when the user has no such ids.
    """
    leash = ("sh", "-c", _LEASH, "leash")
    if os.geteuid() == 0:
        return ["unshare", *_COMMON, *_propagation(), *leash, *(_WITHOUT if _may_drop() else ())]
    _require_subordinate_ids()
    return ["unshare", "--map-auto", "--map-root-user", *_COMMON, *leash, *emulators.words(), *_WITHOUT]


def enter(words: Sequence[str]) -> None:
    """Let this process see what a program behind *words* sees, which begin as prefix() does; it has no threads yet.

    As an ordinary user it is root over the subordinate ids from then on. Raises GoldsmithError with what was said.
    """
    here = os.getcwd()
    argv = [*words, "sh", "-c", "echo entered && read -r _"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as helper:
        if helper.stdout is None or helper.stdout.readline() != b"entered\n":
            said = (helper.communicate()[1] or b"no answer").decode("utf-8", "replace").split("\n")
            raise GoldsmithError(f"cannot enter a mount namespace: {' '.join(filter(None, said))}")
        # In a chroot the root of the namespace is another one than ours.
        root = os.open(f"/proc/{helper.pid}/root", os.O_PATH)
        if os.geteuid() != 0:
            _set_namespace(f"/proc/{helper.pid}/ns/user")
        _set_namespace(f"/proc/{helper.pid}/ns/mnt")
        os.fchdir(root)
        os.chroot(".")
        os.close(root)
        helper.communicate(b"\n")
    os.chdir(here)


def _set_namespace(path: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    with open(path, "rb") as file:
        if libc.setns(file.fileno(), 0) != 0:
            number = ctypes.get_errno()
            raise GoldsmithError(f"cannot enter the namespace {path}: {os.strerror(number)}")


def check(runner: Runner) -> None:
    """Raise GoldsmithError when this process may not enter the namespaces."""
    result = runner.run([*prefix(), "true"], check=False)
    if result.rc != 0:
        raise GoldsmithError(
            f"cannot enter a mount namespace: {result.last_line}",
            hint="run as root with CAP_SYS_ADMIN, or where users may make namespaces (not in a plain chroot)",
        )
    if os.geteuid() == 0 and _propagation() and _mounts_reach_outside(runner):
        raise GoldsmithError(
            "the mounts of a build would appear outside this chroot",
            hint="enter the chroot behind 'unshare --mount'",
        )


def own_ids() -> list[range]:
    """Return the user ids that this user's files can belong to."""
    account = pwd.getpwuid(os.geteuid())
    found = [range(account.pw_uid, account.pw_uid + 1)]
    for owner, start, count in _subordinate("/etc/subuid"):
        if owner in (account.pw_name, str(account.pw_uid)) and start.isdigit() and count.isdigit():
            found.append(range(int(start), int(start) + int(count)))
    return found


def _propagation() -> tuple[str, ...]:
    # In a chroot whose / is no mount, unshare cannot make / private, and fails unless told not to try.
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        root_is_mount = any(line.split()[4] == "/" for line in file)
    return () if root_is_mount else ("--propagation", "unchanged")


def _may_drop() -> bool:
    # Root of a container may lack the right to give rights away.
    with open("/proc/self/status", encoding="utf-8", errors="surrogateescape") as file:
        effective = next((line.split()[1] for line in file if line.startswith("CapEff:")), "0")
    return bool(int(effective, 16) >> _SETPCAP & 1)


def _mounts_reach_outside(runner: Runner) -> bool:
    folder = tempfile.mkdtemp(prefix="goldsmith-probe-", dir="/var/tmp")
    try:
        runner.run([*prefix(), "mount", "-t", "tmpfs", "goldsmith-probe", folder])
        if not os.path.ismount(folder):
            return False
        runner.run(["umount", folder])
        return True
    finally:
        os.rmdir(folder)


def _require_subordinate_ids() -> None:
    if not find_program("newuidmap"):
        raise missing_program("newuidmap")
    account = pwd.getpwuid(os.geteuid())
    for path, flag in (("/etc/subuid", "--add-subuids"), ("/etc/subgid", "--add-subgids")):
        if not {owner for owner, *_range in _subordinate(path)} & {account.pw_name, str(account.pw_uid)}:
            raise GoldsmithError(
                f"the user {account.pw_name} has no range in {path}",
                hint=f"as root: usermod {flag} 100000-165535 {account.pw_name}",
            )


def _subordinate(path: str) -> list[tuple[str, str, str]]:
    """Return the owner, the first id and the number of ids of each line."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            rows = [line.strip().split(":") for line in file]
    except OSError:
        return []
    return [(row[0], row[1], row[2]) for row in rows if len(row) == 3]
