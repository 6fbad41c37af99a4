# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources of packages beside those of the distribution, as files of a tree: lists, keys, priorities."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import keys, rpm
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.tree_request import Repository, Request, Source

KEYRINGS = "/etc/apt/keyrings"
# The keys that were given for a mirror, as the tree has them
OWN_KEYRING = f"{KEYRINGS}/goldsmith.asc"
RPM_KEYS = "/etc/pki/rpm-gpg"
FOLDERS = {"dnf": "/etc/yum.repos.d", "zypper": "/etc/zypp/repos.d"}
_MODE = "0644"

File = tuple[str, str, str]


def lines(sources: Iterable[Source]) -> tuple[str, ...]:
    """Return the lines of apt for them."""
    found = []
    for source in sources:
        signed = f"[signed-by={_keyring(source)}] " if source.key else ""
        for suite in source.suites:
            # A plain folder has no components.
            rest = [] if suite.endswith("/") else source.components
            found.append(" ".join([f"deb {signed}{source.url} {suite}", *rest]))
    return tuple(found)


def keyrings(request: Request) -> tuple[tuple[str, str], ...]:
    """Return the paths in the tree and the texts of all keys that lines of apt name."""
    return (*request.keyrings, *((_keyring(source), source.key) for source in request.extra if source.key))


def pins(sources: Iterable[Source]) -> list[File]:
    """Return the files by which apt knows their priorities: paths, texts, modes."""
    return [
        (
            f"/etc/apt/preferences.d/{source.name}",
            f"Package: *\nPin: {source.pin}\nPin-Priority: {source.priority}\n",
            _MODE,
        )
        for source in sources
        if source.pin
    ]


def files(tool: str, sources: Sequence[Source]) -> list[File]:
    """Return all files of a tree by which its own package manager, that of a *tool*, knows them."""
    if tool not in FOLDERS:
        return [
            *((_keyring(source), source.key, _MODE) for source in sources if source.key),
            *((f"/etc/apt/sources.list.d/{source.name}.list", _text(lines([source])), _MODE) for source in sources),
            *pins(sources),
        ]
    found = []
    for source in sources:
        key = f"{RPM_KEYS}/{source.name}"
        if source.key:
            found.append((key, source.key, _MODE))
        text = repository_text(tool, repository(source), f"file://{key}" if source.key else "")
        found.append((f"{FOLDERS[tool]}/{source.name}.repo", text, _MODE))
    return found


def repository(source: Source) -> Repository:
    """Return a source as a repository of RPM packages."""
    return Repository(source.name, source.url, source.key, source.priority)


def repository_text(tool: str, one: Repository, key: str) -> str:
    """Return a repository as dnf or zypper reads it, whose packages are verified by the key at a URL, if any."""
    text = f"[{one.name}]\nname={one.name}\nbaseurl={one.url}\nenabled=1\ngpgcheck=1\nrepo_gpgcheck=0\n"
    text += f"gpgkey={key}\n" if key else ""
    # Else zypper would never look at it again by itself.
    text += "autorefresh=1\n" if tool == "zypper" else ""
    return text + rpm.priority(one)


def signed(sources: Iterable[str], path: str) -> tuple[str, ...]:
    """Return lines of apt that name the keyring at a path where they name none."""
    return tuple(
        line
        if "signed-by=" in line
        else line.replace("[", f"[signed-by={path} ", 1)
        if line.startswith("deb [")
        else line.replace("deb ", f"deb [signed-by={path}] ", 1)
        for line in sources
    )


def combined(texts: Sequence[str]) -> str:
    """Return keys in ASCII armor as one text."""
    return keys.armored("".join(texts).encode("utf-8")) if texts else ""


def _text(words: Iterable[str]) -> str:
    return "".join(f"{word}\n" for word in words)


def _keyring(source: Source) -> str:
    return f"{KEYRINGS}/{source.name}.asc"
