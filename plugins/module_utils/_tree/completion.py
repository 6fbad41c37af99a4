# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A base in a tree is brought up to date and completed by its own package manager, which runs inside."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ansible_collections.goldsmith.openstack.plugins.module_utils._host import removal
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.digests import digest
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Result, Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import (
    chroot,
    dnf,
    extra_sources,
    mmdebstrap,
    rootfs,
    rpm,
    zypper,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.tree_request import Request

# What is in /run lies in memory, and is gone with the process.
_PLACE = "/run/goldsmith"
_BEGIN = r"""
place=/run/goldsmith
mkdir -p "$place/keys" "$place/repositories"
[ -z "$keys" ] || printf '%s\n' "$keys" >"$place/keys/own.asc"
exec 2>&1
"""
# Kernels and dpkg's trigger would each make the initramfs: it is made once, for the kernels of the base too, since the
# files by which it is made have changed.
_APT = r"""
export INITRD=No
set -- -q -y -o APT::Sandbox::User=root -o APT::Install-Recommends=false -o Acquire::Languages=none \
    -o Dpkg::Use-Pty=0 -o DPkg::Options::=--force-confdef -o DPkg::Options::=--force-confold \
    -o DPkg::Options::=--force-unsafe-io -o Acquire::Check-Valid-Until="$dates" "$@"
if [ -n "$sources" ]; then
    printf '%s\n' "$sources" >"$place/sources.list"
    mkdir -p "$place/lists/partial"
    set -- -o "Dir::Etc::SourceList=$place/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o "Dir::State::Lists=$place/lists" "$@"
    [ -z "$keys" ] || set -- -o Dir::Etc::Trusted=/dev/null -o "Dir::Etc::TrustedParts=$place/keys" "$@"
fi
apt-get "$@" --error-on=any update || exit
echo "goldsmith: 20 bringing the base up to date"
apt-get "$@" $upgrade || exit
echo "goldsmith: 40 installing packages"
apt-get "$@" install $packages || exit
echo "goldsmith: 80 making the initramfs"
[ ! -e /usr/sbin/update-initramfs ] || update-initramfs -c -k all || exit
apt-get clean
"""
# The keys of the build are taken out again; those that the base trusted stay.
_RPM_KEYS = r"""
trusted() { rpm -q gpg-pubkey 2>/dev/null | grep '^gpg-pubkey-' | sort; }
forget() { for key in $(trusted); do case " $before " in *" $key "*) ;; *) rpm -e "$key" ;; esac; done; }
before=$(trusted | tr '\n' ' ')
[ -z "$keys" ] || rpm --import "$place/keys/own.asc" || exit
"""
_DNF = (
    _RPM_KEYS
    + r"""
set -- -y --setopt=install_weak_deps=0 --setopt=skip_if_unavailable=0 ${proxy:+--setopt=proxy=$proxy}
[ -z "$sources" ] || {
    printf '%s\n' "$sources" >"$place/repositories/own.repo"
    set -- "--setopt=reposdir=$place/repositories" "--releasever=$release" "$@"
}
echo "goldsmith: 10 bringing the base up to date"
dnf "$@" $upgrade || exit
echo "goldsmith: 40 installing packages"
dnf "$@" install $packages || exit
dnf clean all >/dev/null
forget
"""
)
_ZYPPER = (
    _RPM_KEYS
    + r"""
set -- --non-interactive
[ -z "$sources" ] || {
    printf '%s\n' "$sources" >"$place/repositories/own.repo"
    set -- --reposd-dir "$place/repositories" --releasever "$release" "$@"
}
zypper "$@" refresh || exit
echo "goldsmith: 10 bringing the base up to date"
zypper "$@" $upgrade --no-recommends --auto-agree-with-licenses || exit
echo "goldsmith: 40 installing packages"
zypper "$@" install --no-recommends --auto-agree-with-licenses $packages || exit
zypper "$@" clean --all >/dev/null
forget
"""
)
_SCRIPTS = {"mmdebstrap": _APT, "dnf": _DNF, "zypper": _ZYPPER}
# What brings a release up to date, or one that moves on all the time. A newer kernel is a package of another name.
_UPGRADES = {
    "mmdebstrap": ("--with-new-pkgs upgrade", "dist-upgrade"),
    "dnf": ("upgrade", "distro-sync"),
    "zypper": ("update", "dup"),
}
# What knows the words of each
_TOOLS = {"mmdebstrap": mmdebstrap, "dnf": dnf, "zypper": zypper}
_MARK = "goldsmith: "


@dataclass(frozen=True)
class OwnArchive:
    """The archives of a base, as resume asks for them: only its own package manager knows their state.

    What was completed is used again for the rest of the day, by UTC.
    """

    request: Request

    @property
    def sources(self) -> tuple[str, ...]:
        """Where the packages come from; empty: as the base has it."""
        return self.request.sources

    @property
    def lists(self) -> str | None:
        """Nothing is known of them."""
        return None

    def update(self) -> Result:
        """Do nothing: that is done in the tree."""
        return Result((), 0, "", "")

    def state(self) -> str:
        """Return what stands for their state."""
        return digest(time.strftime("%Y-%m-%d", time.gmtime()))

    def versions(self, packages: Sequence[str]) -> dict[str, str]:
        """Return nothing: which versions there are is not known."""
        del packages
        return {}


def complete(runner: Runner, request: Request, prefix: Sequence[str], on_stage: Callable[[int, str], None]) -> None:
    """Bring the base in the tree up to date and install the packages; *on_stage* hears percent and what is under way.

    Raises OptionError or GoldsmithError with the cause.
    """

    def listen(line: str) -> None:
        if line.startswith(_MARK):
            percent, _blank, note = line.removeprefix(_MARK).partition(" ")
            on_stage(int(percent), note)

    rootfs.write_files(runner, request.path, request.files, prefix)
    rootfs.write_files(runner, request.path, extra_sources.files(request.tool, request.extra), prefix)
    # Those of the mirror's lines are seen while it is used.
    rootfs.write_files(runner, request.path, [(*one, "0644") for one in request.keyrings], prefix)
    result = _run(runner, request, listen)
    if result.rc != 0:
        raise _TOOLS[request.tool].explain(request, result)
    for path, _text in request.keyrings:
        removal.remove(runner, f"{request.path}{path}", prefix)
    if request.tool != "mmdebstrap":
        on_stage(85, "making the initramfs")
        with rpm.workshop(runner, request, prefix) as shop:
            shop.finish(again=True)


def _run(runner: Runner, request: Request, listen: Callable[[str], None]) -> Result:
    environment = {
        "packages": " ".join(request.packages),
        "keys": "\n".join(key.strip() for key in _keys(request)),
        "sources": sources_of(request),
        "release": request.release,
        "upgrade": _UPGRADES[request.tool][request.rolling],
        "dates": "false" if request.expired else "true",
        "proxy": request.proxy,
        "KERNEL_INSTALL_BYPASS": "1",
        **{name: request.proxy for name in ("http_proxy", "https_proxy") if request.proxy},
    }
    script = _BEGIN + _SCRIPTS[request.tool]
    words = chroot.enter_words(request.path, ["sh", "-uc", script, "complete"], environment)
    return chroot.run(runner, words, on_line=listen)


def _keys(request: Request) -> list[str]:
    """Return the keys that the package manager trusts beside its own, or in their place."""
    own = list(request.keys) if sources_of(request) else []
    # apt finds those of other sources by their lines.
    return own if request.tool == "mmdebstrap" else [*own, *(source.key for source in request.extra if source.key)]


def sources_of(request: Request) -> str:
    """Return what the package manager reads for the mirror that was given; empty: the base's own."""
    if request.tool == "mmdebstrap":
        return "\n".join(mmdebstrap.all_sources(request)) if request.sources else ""
    others = {source.name for source in request.extra}
    if all(repository.name in others for repository in request.repositories):
        return ""
    key = f"file://{_PLACE}/keys/own.asc"
    return "".join(extra_sources.repository_text(request.tool, repository, key) for repository in request.repositories)
