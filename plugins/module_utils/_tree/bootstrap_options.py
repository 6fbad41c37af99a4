# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a tree shall hold, as the options of the module tree_bootstrap say it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree import bootstrap, keys
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.tree_request import Repository, Request

_URL = re.compile(r"^(https?|file|ftp|copy)://?\S+$")
_NAME = re.compile(r"^[a-z0-9][a-z0-9+.:=~_-]*$", re.IGNORECASE)


def request_of(params: Mapping[str, Any]) -> Request:
    """Return the request that the options describe; raise OptionError where one is not what it shall be."""
    for option in ("first", "packages", "release"):
        values = params[option] if isinstance(params[option], list) else [params[option]]
        for value in values:
            if not _NAME.match(value):
                raise OptionError(option, value, "is not a name", hint="use letters, digits and + . -")
    for file in params["files"]:
        if not file["path"].startswith("/") or ".." in file["path"].split("/"):
            raise OptionError("files.path", file["path"], "is no path inside the tree", hint="begin with /, without ..")
    keys.check(params["keys"])
    if params["tool"] in bootstrap.RPM_TOOLS and not (params["base"] and not params["repositories"]):
        _check_repositories(params)
    if params["base"] and params["mirror"].startswith(("file:", "copy:")):
        raise OptionError("mirror", params["mirror"], "cannot be seen from inside a base", hint="serve it by http")
    return Request(
        path=params["path"],
        release=params["release"],
        architecture=params["architecture"] or ("x86_64" if params["tool"] in bootstrap.RPM_TOOLS else "amd64"),
        packages=tuple(dict.fromkeys(params["packages"])),
        sources=_sources(params),
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
        repositories=tuple(Repository(one["name"], one["url"]) for one in params["repositories"]),
        keys=tuple(params["keys"]),
        entitlement=params["entitlement"],
        database=params["rpm_database"],
        first=tuple(params["first"]),
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


def _sources(params: Mapping[str, Any]) -> tuple[str, ...]:
    mirror, release = params["mirror"], params["release"]
    if not mirror or params["tool"] in bootstrap.RPM_TOOLS:
        return ()
    if mirror == "host":
        return bootstrap.host_sources(release)
    for option in ("mirror", "security_mirror"):
        if params[option] and not _URL.match(params[option]):
            raise OptionError(option, params[option], "is not a URL", hint="write it with http:// or leave it empty")
    components = " ".join(params["components"])
    lines = [f"deb {mirror} {release} {components}"]
    if params["security_mirror"]:
        lines.append(f"deb {params['security_mirror']} {release}-security {components}")
    return tuple(lines)
