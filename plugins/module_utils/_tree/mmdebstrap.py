# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""mmdebstrap: a tree of Debian or Ubuntu in one run of apt and dpkg."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.no_proxy import no_proxy
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Result, Runner
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.scratch import scratch_folder
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import extra_sources, keys, locale, rootfs
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import tree_request as causes
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.tree_request import Request

SOURCES = "/etc/apt/sources.list"
# A mirror that is a folder, which is seen in the tree meanwhile
_FOLDER = re.compile(r"\sfile:/*(/[^\s]*[^/\s])")
# The folders that base-files has no entry for
_MADE = ("/etc/opt", "/media", "/mnt", "/opt", "/srv", "/var/mail", "/var/opt")
_HOOKS = "/usr/share/mmdebstrap/hooks"
_STAGES = (
    ("running apt-get update", "reading the package lists", 5),
    ("downloading packages", "downloading essential packages", 10),
    ("extracting archives", "unpacking essential packages", 15),
    ("installing essential packages", "installing essential packages", 20),
    ("installing remaining packages", "installing packages", 30),
    ("update-initramfs: Generating", "making the initramfs", 90),
    ("cleaning package lists", "cleaning", 95),
)

_CAUSES: tuple[causes.Cause, ...] = (
    (r"Unable to locate package (\S+)", "packages", "there is no such package in {release}", "look for its name"),
    (
        r"Package '?(\S+?)'? has no installation candidate",
        "packages",
        "cannot be had in {release}",
        "look for its name",
    ),
    (
        r"Version '[^']*' for '([^']+)' was not found|Release '[^']*' for '([^']+)' was not found",
        "packages",
        "there is no such version in the sources",
        "look for it with apt-cache policy, or add the source to image_sources",
    ),
    causes.FULL_DISK,
    (
        r"Release file for (\S+) is expired",
        "mirror",
        "is past its date",
        "choose a mirror that is kept up to date, or accept it with mirror_expired=accept",
    ),
    (
        r"Release file for (\S+) is not valid yet",
        "mirror",
        "is not valid yet by the clock of this host",
        "set the clock",
    ),
    (
        r"does not have a Release file|unknown suite|Unknown suite",
        "release",
        "the mirror has no such release",
        "check release and mirror",
    ),
    causes.NO_NAME,
    causes.NO_CONNECTION,
    (
        r"NO_PUBKEY|is not signed|signatures (?:were|couldn't)|invalid signature|no keyring|Missing key",
        "mirror",
        "its signature cannot be verified",
        "install the archive's keyring, for Debian debian-archive-keyring",
    ),
    (
        r"Unable to correct problems|unmet dependencies",
        "packages",
        "cannot be installed together",
        "see the dependencies in stderr",
    ),
    (r"Failed to fetch (\S+)", "mirror", "a file cannot be fetched", "try again"),
)


def bootstrap(runner: Runner, request: Request, prefix: Sequence[str], on_stage: Callable[[int, str], None]) -> None:
    """Make the tree, which must not exist; *on_stage* hears percent and what is under way.

    Raises OptionError or GoldsmithError with the cause; what was made until then is left to the caller.
    """
    lines: list[str] = []

    def listen(line: str) -> None:
        lines.append(line)
        for words, note, percent in _STAGES:
            if words in line:
                on_stage(percent, note)

    # A tree is thrown away when the machine fails: dpkg need not wait for the disk.
    direct = no_proxy({**os.environ, "http_proxy": request.proxy})
    with (
        scratch_folder("keys") as folder,
        scratch_folder("keyrings") as beside,
        scratch_folder("mmdebstrap") as temporary,
    ):
        environment = locale.words({"DPKG_FORCE": "unsafe-io", "TMPDIR": str(temporary), **direct})
        # Package scripts write down the name of the machine: here that of none.
        start = [*prefix, "sh", "-c", 'hostname localhost; exec "$@" 2>&1', "mmdebstrap", *environment]
        keyring = str(folder) if keys.write(request.keys, folder) else ""
        # apt reads the lines on the host.
        sources = keys.laid_out(all_sources(request), extra_sources.keyrings(request), beside)
        result = runner.run([*start, *command(request, keyring, sources)], check=False, on_line=listen)
    if result.rc != 0:
        raise explain(request, result)
    rootfs.write_files(runner, request.path, sources_of(request), prefix)


def all_sources(request: Request) -> tuple[str, ...]:
    """Return the lines of apt by which the packages are found, with the sources beside those of the release."""
    return (*request.sources, *extra_sources.lines(request.extra))


def sources_of(request: Request) -> list[extra_sources.File]:
    """Return the files by which apt in the tree knows them; none where these are the release's own alone."""
    files = extra_sources.files(request.tool, request.extra)
    files += [(path, text, "0644") for path, text in request.keyrings]
    if files:
        files.append((SOURCES, "".join(f"{line}\n" for line in request.sources), "0644"))
    return files


def release_sources(runner: Runner, request: Request, prefix: Sequence[str]) -> tuple[str, ...]:
    """Return the source lines that mmdebstrap itself knows for a release."""
    # It writes them at the beginning, and is ended there.
    tell = '--setup-hook=cat "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d/* >&2 2>/dev/null; exit 1'
    words = ["mmdebstrap", "--mode=root", "--format=null", "--variant=minbase", tell]
    words += [f"--architectures={request.architecture}", f"--components={','.join(request.components)}"]
    with scratch_folder("mmdebstrap") as temporary:
        start = [*prefix, *locale.words({"TMPDIR": str(temporary)})]
        result = runner.run([*start, *words, request.release, "/dev/null"], check=False)
    lines = [line for line in result.stderr.splitlines() if line.startswith("deb ")]
    if not lines:
        raise explain(request, replace(result, stdout=result.stderr))
    return tuple(lines)


def command(request: Request, keyring: str = "", lines: Sequence[str] | None = None) -> list[str]:
    """Return the argv of mmdebstrap; *keyring* is a folder with the keys that are trusted, in place of the host's, and
    *lines* are the sources of apt in its words."""
    lines = all_sources(request) if lines is None else lines
    argv = ["mmdebstrap", "--mode=root", "--format=directory", f"--variant={request.variant}"]
    argv += [f"--architectures={request.architecture}", f"--components={','.join(request.components)}"]
    if request.packages:
        argv.append(f"--include={','.join(request.packages)}")
    argv += [f"--dpkgopt=path-exclude={pattern}" for pattern in request.exclude]
    argv += [f"--dpkgopt=path-include={pattern}" for pattern in request.include]
    # What the packages are configured by: after the essential ones, which bring sh and the folders, before all others.
    argv += [_file_hook("essential", *file) for file in request.files]
    argv += [_file_hook("setup", *file) for file in extra_sources.pins(request.extra)]
    argv += _initramfs_hooks()
    if request.proxy:
        argv += [f'--aptopt=Acquire::{scheme}::Proxy "{request.proxy}"' for scheme in ("http", "https")]
    if keyring:
        argv.append(f"--keyring={keyring}")
    if request.expired:
        argv.append('--aptopt=Acquire::Check-Valid-Until "false"')
    if request.lists:
        argv += ["--skip=update", _lists_hook(request.lists)]
    if request.cache:
        argv += ["--skip=essential/unlink", *_cache_hooks(request.cache, request.path)]
    if folders := [match[1] for line in lines if (match := _FOLDER.search(line))]:
        argv += [f"--hook-dir={_HOOKS}/file-mirror-automount", *map(_leave_hook, folders)]
    argv += [request.release, request.path]
    return argv + list(lines)


def _leave_hook(folder: str) -> str:
    # The folder that was mounted, and those above it, as far as no package has them or makes them by its script.
    owned = 'chroot "$1" dpkg-query --search "$place" >/dev/null 2>&1'
    made = f"case $place in / | {' | '.join(_MADE)}) false ;; esac"
    leave = f'while {made} && ! {owned} && rmdir "$1$place" 2>/dev/null; do place=$(dirname "$place"); done'
    return f"--customize-hook=place={shlex.quote(folder)}; {leave}"


def _file_hook(when: str, path: str, text: str, mode: str) -> str:
    name = f'"$1"{shlex.quote(path)}'
    write = f'mkdir -p "$(dirname {name})" && printf %s {shlex.quote(text)} >{name}'
    return f"--{when}-hook={write} && chmod {shlex.quote(mode)} {name}"


def _lists_hook(folder: str) -> str:
    return f'--setup-hook=cp {shlex.quote(folder)}/*_* "$1/var/lib/apt/lists/"'


def _initramfs_hooks() -> list[str]:
    # A kernel's package and dpkg's trigger would each make the initramfs: one is made when all packages are there.
    program = "/usr/sbin/update-initramfs"
    divert = f'chroot "$1" dpkg-divert --quiet --local --rename {{}} {program}'
    away = f'{divert.format("--add")} && printf \'#!/bin/sh\\n\' >"$1"{program} && chmod 755 "$1"{program}'
    back = f'rm "$1"{program} && {divert.format("--remove")}'
    make = f'if [ -e "$1"{program} ]; then chroot "$1" update-initramfs -c -k all; fi'
    return [f"--essential-hook={away}", f"--customize-hook={back} && {make}"]


def _cache_hooks(cache: str, tree: str) -> list[str]:
    # Links, not copies: whole at once for other builds, and no time lost. Without one the package is fetched again. No
    # link leads into a tree that lies in layers: its archives are a folder beside it, mounted there for the time being.
    beside, kept = shlex.quote(archives(tree)), shlex.quote(cache)
    there = '"$1"/var/cache/apt/archives'
    return [
        f"--setup-hook=mkdir -p {beside} {there} && {{ cp -ln {kept}/*.deb {beside}/ 2>/dev/null || :; }}"
        f" && mount --bind {beside} {there}",
        f"--customize-hook=umount {there} && {{ cp -ln {beside}/*.deb {kept}/ 2>/dev/null || :; }}",
    ]


def archives(tree: str) -> str:
    """Return the folder beside a tree that holds its packages while they are installed."""
    return f"{tree}.archives"


def explain(request: Request, result: Result) -> GoldsmithError:
    """Return what the output of apt or mmdebstrap means for the user."""
    return causes.explain(request, result, _CAUSES, "E: |dpkg: error")
