# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a tree shall hold, as the options of the module tree_bootstrap say it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import (
    bootstrap,
    extra_sources,
    host_sources,
    keys,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.tree_request import Repository, Request, Source

_URL = re.compile(r"^(https?|file|ftp|copy)://?\S+$")
_NAME = re.compile(r"^[a-z0-9][a-z0-9+.:=~_-]*$", re.IGNORECASE)
# Of packages, which may come from a suite
_PACKAGE = re.compile(r"^[a-z0-9@][a-z0-9+.:=~_^-]*(/[a-z0-9][a-z0-9.+_-]*)?$", re.IGNORECASE)
_SOURCE = re.compile(r"^[a-z0-9][a-z0-9_-]*$", re.IGNORECASE)

# The options of the module that say where packages come from
_REPOSITORIES = {
    "type": "list",
    "elements": "dict",
    "default": [],
    "options": {"name": {"type": "str", "required": True}, "url": {"type": "str", "required": True}},
}
SOURCES: dict[str, Any] = {
    "components": {"type": "list", "elements": "str", "default": ["main"]},
    "mirror": {"type": "str", "default": ""},
    "security_mirror": {"type": "str", "default": ""},
    "mirror_expired": {"type": "str", "choices": ["refuse", "accept"], "default": "refuse"},
    "snapshot": {"type": "str", "default": ""},
    "sources": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "url": {"type": "str", "required": True},
            "suites": {"type": "list", "elements": "str", "default": []},
            "components": {"type": "list", "elements": "str", "default": ["main"]},
            "key": {"type": "str", "default": "", "no_log": False},
            "pin": {"type": "str", "default": ""},
            "priority": {"type": "int", "default": 0},
            "guest": {"type": "bool", "default": True},
        },
    },
    "guest_mirror": {"type": "str", "default": ""},
    "guest_security_mirror": {"type": "str", "default": ""},
    "guest_repositories": _REPOSITORIES,
    "public_sources": {"type": "bool", "default": True},
    "repositories": _REPOSITORIES,
    "keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
    "entitlement": {"type": "bool", "default": False},
}


def request_of(params: Mapping[str, Any]) -> Request:
    """Return the request that the options describe; raise OptionError where one is not what it shall be."""
    for option in ("first", "packages", "release"):
        values = params[option] if isinstance(params[option], list) else [params[option]]
        for value in values:
            if not (_PACKAGE if option == "packages" else _NAME).match(value):
                raise OptionError(option, value, "is not a name", hint="use letters, digits and + . -")
    for file in params["files"]:
        if not file["path"].startswith("/") or ".." in file["path"].split("/"):
            raise OptionError("files.path", file["path"], "is no path inside the tree", hint="begin with /, without ..")
    keys.check(params["keys"])
    if params["tool"] in bootstrap.RPM_TOOLS and not (params["base"] and not params["repositories"]):
        _check_repositories(params)
    if params["base"] and params["mirror"].startswith(("file:", "copy:")):
        raise OptionError("mirror", params["mirror"], "cannot be seen from inside a base", hint="serve it by http")
    extra = tuple(map(_extra, params["sources"]))
    repositories = tuple(Repository(one["name"], one["url"]) for one in params["repositories"])
    if params["tool"] in bootstrap.RPM_TOOLS:
        repositories += tuple(map(extra_sources.repository, extra))
    sources, keyrings = _sources(params)
    return Request(
        path=params["path"],
        release=params["release"],
        architecture=params["architecture"] or ("x86_64" if params["tool"] in bootstrap.RPM_TOOLS else "amd64"),
        packages=tuple(dict.fromkeys(params["packages"])),
        sources=sources,
        keyrings=keyrings,
        extra=extra,
        components=tuple(params["components"]),
        exclude=tuple(params["exclude"]),
        include=tuple(params["include"]),
        files=tuple((file["path"], file["content"], file["mode"]) for file in params["files"]),
        proxy=params["proxy"],
        cache=params["cache_dir"],
        # Their Release files are from then.
        expired=params["mirror_expired"] == "accept" or bool(params["snapshot"]),
        snapshot=params["snapshot"],
        tool=params["tool"],
        repositories=repositories,
        keys=tuple(params["keys"]),
        entitlement=params["entitlement"],
        database=params["rpm_database"],
        first=tuple(params["first"]),
        rolling=params["rolling"],
    )


def _check_repositories(params: Mapping[str, Any]) -> None:
    for option in ("repositories", "keys"):
        if not params[option]:
            raise OptionError(option, "", f"is empty, and {params['tool']} knows none by itself", hint="name one")
    for one in params["repositories"]:
        if not _NAME.match(one["name"]):
            raise OptionError("repositories.name", one["name"], "is not a name", hint="use letters, digits and + . -")
        if not _URL.match(one["url"]):
            raise OptionError("repositories.url", one["url"], "is not a URL", hint="begin with http:// or https://")


def _extra(one: Mapping[str, Any]) -> Source:
    if not _SOURCE.match(one["name"]):
        raise OptionError("sources.name", one["name"], "is not a name", hint="use letters, digits, _ and -")
    if not _URL.match(one["url"]):
        raise OptionError("sources.url", one["url"], "is not a URL", hint="begin with http:// or https://")
    keys.check([one["key"]] if one["key"] else [])
    suites, components = (tuple(one[name]) for name in ("suites", "components"))
    rest = {name: one[name] for name in ("name", "url", "key", "pin", "priority", "guest")}
    return Source(suites=suites, components=components, **rest)


def notes(params: Mapping[str, Any]) -> list[str]:
    """Return a line for each source of the build host that is left out."""
    return list(_of_host(params).notes) if params["mirror"] == "host" else []


def _of_host(params: Mapping[str, Any]) -> host_sources.HostSources:
    return host_sources.of_release(params["release"], params["architecture"] or "amd64")


def _sources(params: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return the lines of apt, and the keyrings that they name."""
    mirror, release = params["mirror"], params["release"]
    if not mirror or params["tool"] in bootstrap.RPM_TOOLS:
        return (), ()
    if mirror == "host":
        found = _of_host(params)
        return found.lines, found.keyrings
    for option in ("mirror", "security_mirror"):
        if params[option] and not _URL.match(params[option]):
            raise OptionError(option, params[option], "is not a URL", hint="write it with http:// or leave it empty")
    components = " ".join(params["components"])
    lines = [f"deb {mirror} {release} {components}"]
    if params["security_mirror"]:
        lines.append(f"deb {params['security_mirror']} {release}-security {components}")
    # The keys of a base are its own, and others are seen only while it is completed.
    if not params["keys"] or params["base"]:
        return tuple(lines), ()
    own = extra_sources.OWN_KEYRING
    return extra_sources.signed(lines, own), ((own, extra_sources.combined(params["keys"])),)
