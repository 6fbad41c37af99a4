# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dnf and zypper have in common: RPM packages, their keys and database, and the work when all are installed."""

from __future__ import annotations

import configparser
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.goldsmith.openstack.plugins.module_utils._guest import rpm_packages, tree_walker, walker
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.tree_walker import TreeFiles
from ansible_collections.goldsmith.openstack.plugins.module_utils._host import errors, texts
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.files import make_folders
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.locks import locked
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.program import program
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Result, Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.scratch import scratch_folder
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import chroot, keys, locale, rpm_database
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.tree_request import Repository, Request

# Where programs see the cache of packages while they work on the tree; it is mounted there.
CACHE = "/var/cache/goldsmith"
_REPOSITORIES = ("/etc/yum.repos.d", "/etc/zypp/repos.d")
_OFF = ("0", "no", "false", "off")
# Packages of these distributions are signed by keys whose own signatures are older than what rpm takes by now. The keys
# themselves are pinned.
_OLD_KEYS = '[hash_algorithms]\nsha1.second_preimage_resistance = "always"\n'

# As the scripts of a kernel's package do it, and once: kernel-install writes the entry of the boot loader too.
_KERNELS = r"""
if [ "$1" ] && ls /boot/loader/entries/*.conf >/dev/null 2>&1; then
  rm -f /boot/loader/entries/*.conf /boot/*-0-rescue-*
  for folder in /usr/lib/modules/*/; do
    version=$(basename "$folder")
    rm -f "/boot/vmlinuz-$version" "/boot/initramfs-$version.img"
  done
fi
for folder in /usr/lib/modules/*/; do
  version=$(basename "$folder")
  [ -e "${folder}vmlinuz" ] || continue
  depmod "$version" || exit
  if [ -d /usr/lib/kernel/install.d ] && [ ! -e "/boot/vmlinuz-$version" ]; then
    kernel-install add "$version" "${folder}vmlinuz" || exit
  else
    dracut --force --kver "$version" "/boot/initrd-$version" || exit
  fi
done
"""
# What the work has left behind: the identity of a machine, the mount point of the cache, and journals with the times of
# today. Newer versions of zypper mount /proc meanwhile, so that its package cannot set the mode.
_CLEAN = r"""
[ ! -s "$1/etc/machine-id" ] || : >"$1/etc/machine-id"
rmdir "$1$2" 2>/dev/null
rm -f "$1"/var/lib/zypp/AnonymousUniqueId "$1"/var/log/dnf*.log "$1"/var/log/hawkey.log
[ ! -f "$1/var/lib/zypp/AutoInstalled" ] || sed -i '/^#/d' "$1/var/lib/zypp/AutoInstalled"
rm -f "$1"/var/log/zypper.log "$1"/var/log/zypp/history
rm -rf "$1"/var/cache/dnf "$1"/var/cache/libdnf5 "$1"/var/cache/zypp "$1"/var/cache/ldconfig/aux-cache
chmod -f 0555 "$1/proc" "$1/sys"
find "$1/var/lib/rpm" "$1/usr/lib/sysimage/rpm" -name '*.lock' -o -name '.rpm.lock' 2>/dev/null | xargs -r rm -f
exit 0
"""


@dataclass(frozen=True)
class Workshop:
    """The tools' own configuration, in a *home* folder, and the *cache* of packages; nothing of the host's counts.

    *keys* are the files of the request's keys, and *own_keys* those of repositories that have one, by their names.
    """

    runner: Runner
    request: Request
    prefix: Sequence[str]
    home: Path
    cache: str
    keys: tuple[str, ...]
    own_keys: Mapping[str, str] = field(default_factory=dict)

    @property
    def tree(self) -> str:
        """The tree."""
        return self.request.path

    def words(self, more: Mapping[str, str] | None = None) -> list[str]:
        """Return the argv that starts a program in the environment of this work."""
        proxy = self.request.proxy
        proxies = {name: proxy for name in ("http_proxy", "https_proxy") if proxy}
        own = {"HOME": str(self.home), "RPM_FORCE_DEBIAN": "1", "KERNEL_INSTALL_BYPASS": "1"}
        # Not TMPDIR: scripts of packages, in the tree, would have it too.
        own["ZYPPTMPDIR"] = str(self.home)
        policy = {"SEQUOIA_CRYPTO_POLICY": str(self.home / "crypto-policy")}
        return locale.words({**own, **policy, **proxies, **(more or {})})

    def on_tree(self, argv: Sequence[str], *, mounted: bool) -> list[str]:
        """Return the argv of a program of the host that works on the tree, with the cache at CACHE in it.

        *mounted*: the tree has /proc and the like meanwhile. The package that brings these folders cannot set their
        owners then.
        """
        bind = f'mkdir -p "$1{CACHE}" && mount --bind "$2" "$1{CACHE}" && shift 2 && exec "$@"'
        words = [*self.words(), *argv]
        return [*self.prefix, "sh", "-c", bind, "cache", self.tree, self.cache] + (
            chroot.beside_words(self.tree, words) if mounted else words
        )

    def run_in_tree(self, *argv: str) -> Result:
        """Run a program of the tree in it."""
        more = {"DRACUT_NO_MKNOD": "1", "DRACUT_NO_XATTR": "1"}
        words = ["chroot", self.tree, *locale.words(more), *argv]
        return self.runner.run([*self.prefix, *chroot.beside_words(self.tree, words)])

    def rpm(self, *argv: str) -> str:
        """Run rpm on the tree's database; return what it prints."""
        return self.runner.run([*self.prefix, *self.words(), "rpm", "--root", self.tree, *argv]).stdout

    def finish(self, *, again: bool = False) -> None:
        """Do what is done once all packages are there, and take away what the work has left.

        *again*: what was made for kernels before is made again.
        """
        there = 'ls -d "$1"/usr/lib/modules/*/vmlinuz'
        if self.runner.run([*self.prefix, "sh", "-c", there, "look", self.tree], check=False).rc == 0:
            self.run_in_tree("sh", "-c", _KERNELS, "kernels", "again" if again else "")
        self.runner.run([*self.prefix, "sh", "-c", _CLEAN, "clean", self.tree, CACHE])
        settle(self.runner, self.tree, self.prefix, (os.path.join(self.request.database, "rpmdb.sqlite"),))


def settle(
    runner: Runner,
    tree: str,
    prefix: Sequence[str],
    databases: Sequence[str] = rpm_packages.PLACES,
    *,
    check_mode: bool = False,
) -> list[str]:
    """Let nothing in the databases of packages tell when, by whom and in how many steps these were installed; return
    the paths of those that told it."""
    request = {"root": tree, "databases": databases, "check_mode": check_mode}
    argv, stdin = program(errors, texts, walker, tree_walker, rpm_packages, rpm_database, request=request)
    answer = json.loads(runner.run([*prefix, *argv], stdin=stdin).stdout)
    if "error" in answer:
        raise GoldsmithError(f"a database of packages cannot be written: {answer['error']}")
    return answer["paths"]


@contextmanager
def workshop(runner: Runner, request: Request, prefix: Sequence[str]) -> Iterator[Workshop]:
    """Yield the configuration of the tools over the block; others who use the same cache wait."""
    with scratch_folder("packages") as home:
        folder = home / "keys"
        folder.mkdir()
        names = keys.write(request.keys, folder)
        own = {}
        for one in request.repositories:
            if one.key:
                (folder / one.name).mkdir()
                own[one.name] = str(*keys.write([one.key], folder / one.name))
        (home / ".rpmmacros").write_text(macros(request), encoding="utf-8")
        (home / "crypto-policy").write_text(_OLD_KEYS, encoding="ascii")
        cache = request.cache or str(home / "cache")
        make_folders(cache)
        # dnf and zypper know each other by the numbers of processes, which are others in each namespace.
        with locked(os.path.join(cache, ".lock")):
            yield Workshop(runner, request, prefix, home, cache, tuple(map(str, names)), own)


def priority(repository: Repository) -> str:
    """Return the line by which dnf and zypper know the priority of a repository, if it has one."""
    return f"priority={repository.priority}\n" if repository.priority else ""


def has_repositories(tree: str) -> bool:
    """Return whether the tree's own package manager has a repository that is enabled."""
    files, settings = TreeFiles(tree), configparser.RawConfigParser(strict=False)
    for path in (path for folder in _REPOSITORIES for path in files.glob(f"{folder}/*.repo")):
        with suppress(configparser.Error):  # it is read no better by the tool
            settings.read_string(files.text(path) or "")
    return any(settings.get(name, "enabled", fallback="1") not in _OFF for name in settings.sections())


def macros(request: Request) -> str:
    """Return the settings of rpm for this tree."""
    lines = [f"%_dbpath {request.database}", "%_db_backend sqlite"]
    folders = [pattern.removesuffix("/*") for pattern in request.exclude if re.fullmatch(r"[^*?\[\]:]+/\*", pattern)]
    if folders:
        lines.append(f"%_netsharedpath {':'.join(folders)}")
    return "".join(f"{line}\n" for line in lines)
