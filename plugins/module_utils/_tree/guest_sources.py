# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a guest has its packages from, which need not be where the build has them from: files that take the place of
those of the build when the guest is sealed."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.digests import digest
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.files import make_folders
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.locks import locked
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.records import read_record, write_record
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.runner import Runner, find_program
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.scratch import scratch_folder
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import (
    bootstrap,
    extra_sources,
    mmdebstrap,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.tree_request import Repository, Request

# What mmdebstrap's answer to a release depends on beside the release.
_KEYRINGS = ("/etc/apt/trusted.gpg.d", "/usr/share/keyrings")
_LINE = re.compile(r"^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)(.*)$")
_REPOSITORIES = "goldsmith"
NONE = (
    "the guest has no repository that is enabled, and so no updates; give image_guest_mirror, or in image_packages the "
    "package that brings the distribution's"
)


@dataclass(frozen=True)
class Wish:
    """What was said of the guest's sources: *mirror* is empty, C(build) or a URL.

    *public*: the tool knows the release's public sources. *repositories* are those of RPM packages; none: as the
    distribution's own packages have them.
    """

    mirror: str = ""
    security: str = ""
    public: bool = True
    repositories: tuple[Repository, ...] = ()


def of_build(runner: Runner, request: Request, wish: Wish, cache: str) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the files of the guest, as file_set takes them, and a line for each thing that it lacks."""
    gone = [one for one in request.extra if not one.guest]
    files = [{"path": path, "state": "absent"} for path, _text, _mode in extra_sources.files(request.tool, gone)]
    if request.tool in bootstrap.RPM_TOOLS:
        return [*files, *_of_repositories(request, wish)], []
    if request.base or not (request.sources or request.snapshot or wish.mirror):
        return files, []
    lines, warnings = _lines(runner, request, wish, cache)
    if lines is not None:
        before = request.sources or known_lines(runner, request, cache)
        keys = dict(request.keyrings)
        # Who signs the mirror of the build signs that of the guest, if that is no public one.
        if wish.mirror and request.keys:
            own, text = extra_sources.OWN_KEYRING, extra_sources.combined(request.keys)
            keys.pop(own, None)
            files.append({"path": own, "content": text})
            lines = extra_sources.signed(lines, own)
        files += [{"path": path, "state": "absent"} for path in keys]
        files.append({"path": mmdebstrap.SOURCES, "content": _text(lines), "replaces": _text(before)})
    return files, warnings


def of_params(runner: Runner, request: Request, params: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the same for the options of the module."""
    repositories = tuple(Repository(one["name"], one["url"]) for one in params["guest_repositories"])
    wish = Wish(params["guest_mirror"], params["guest_security_mirror"], params["public_sources"], repositories)
    if params["layers_dir"]:
        return of_build(runner, request, wish, archives(params["layers_dir"]))
    with scratch_folder("sources") as folder:
        return of_build(runner, request, wish, str(folder))


def archives(layers_dir: str) -> str:
    """Return the folder with what is known of archives, which is made where it is missing."""
    folder = os.path.join(os.path.abspath(layers_dir), "archives")
    make_folders(folder)
    return folder


def known_lines(runner: Runner, request: Request, cache: str) -> tuple[str, ...]:
    """Return apt's lines for a release as mmdebstrap knows them, which a folder keeps from the first time on."""
    record = os.path.join(cache, "sources.json")
    tool = [os.stat(path).st_mtime for path in (find_program("mmdebstrap") or "/", *_KEYRINGS) if os.path.exists(path)]
    key = digest(request.release, request.architecture, request.components, request.snapshot, tool)
    with locked(f"{record}.lock"):
        known = read_record(record)
        if key not in known:
            known[key] = bootstrap.own_sources(runner, request)
            write_record(record, known)
    return tuple(known[key])


def _lines(runner: Runner, request: Request, wish: Wish, cache: str) -> tuple[tuple[str, ...] | None, list[str]]:
    """Return the lines of the guest, None where they are those of the build, and what there is to say of them."""
    if wish.mirror == "build":
        return None, []
    if not wish.mirror and not wish.public:
        return None, [
            f"guest_mirror: no public mirror of {request.release} is known, so the guest has the sources of the build; "
            "name one in image_guest_mirror"
        ]
    if not wish.public:
        security = [f"deb {wish.security} {request.release}-security"] if wish.security else []
        rest = " ".join(request.components)
        return tuple(f"{line} {rest}" for line in (f"deb {wish.mirror} {request.release}", *security)), []
    public = known_lines(runner, replace(request, snapshot=""), cache)
    if not wish.mirror:
        return public, []
    found, warnings = [], []
    for line in public:
        if match := _LINE.match(line):
            _url, suite, rest = match.groups()
            mirror = wish.security if suite.endswith("-security") else wish.mirror
            if mirror:
                found.append(f"deb {mirror} {suite}{rest}")
            else:
                warnings.append(
                    f"guest_mirror={wish.mirror}: the guest has no source for {suite}, and so no security updates; "
                    "give it in image_guest_security_mirror"
                )
    return tuple(found), warnings


def _of_repositories(request: Request, wish: Wish) -> list[dict[str, Any]]:
    """Return the file of the guest's repositories and their keys."""
    if not wish.repositories:
        return []
    key = f"{extra_sources.RPM_KEYS}/{_REPOSITORIES}"
    texts = [extra_sources.repository_text(request.tool, one, f"file://{key}") for one in wish.repositories]
    path = f"{extra_sources.FOLDERS[request.tool]}/{_REPOSITORIES}.repo"
    return [
        {"path": key, "content": "".join(f"{text.strip()}\n" for text in request.keys)},
        {"path": path, "content": "\n".join(texts)},
        *_present(extra_sources.files(request.tool, [one for one in request.extra if one.guest])),
    ]


def _present(files: Sequence[extra_sources.File]) -> list[dict[str, Any]]:
    return [{"path": path, "content": text, "mode": mode} for path, text, mode in files]


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
