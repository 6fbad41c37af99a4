# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the mirrors, sources and kernels of a definition does not go together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.definition import (
    kernels_among,
    of_release,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._tree.bootstrap import RPM_TOOLS

# The words of image_kernel that are no names of packages
_KERNELS = ("cloud", "generic", "backports")
_PRIORITIES_OF_RPM = 99


def found(values: Mapping[str, Any], distribution: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the variable and the line for each."""
    build, base = values["build"], values["base"]
    by_rpm = distribution.get("bootstrap") in RPM_TOOLS
    for name in ("guest_mirror", "sources", "components", "kernel"):
        if values[name] and build != "chroot":
            yield name, f"does not go with image_build={build}; leave it out, or use image_build=chroot"
    if values["components"] and by_rpm:
        yield "components", f"image_distribution={values['distribution']} has no archive for apt; leave it out"
    elif values["components"] and base and not values["mirror"]:
        yield "components", "an image_base has its own sources; give image_mirror too"
    yield from _of_guest(values, by_rpm)
    yield from _of_sources(values, by_rpm)
    yield from _of_kernel(values, of_release(values["release"], distribution))


def warnings(values: Mapping[str, Any]) -> list[str]:
    """Return a line for each folder that is seen only while packages are installed, or for what an installer leaves."""
    if values["build"] == "virt_install" and values["mirror"]:
        return ["image_mirror: an installer leaves the guest its mirror; a role of yours can write other sources"]
    given = {"image_mirror": values["mirror"], "image_security_mirror": values["security_mirror"]}
    given |= {f"image_sources={source['name']}": source["url"] for source in values["sources"]}
    return [
        f"{name}: the folder {url} is seen while packages are installed, and not by roles in the tree; serve it by "
        "http where a role installs packages"
        for name, url in given.items()
        if url.startswith("file:") and values["roles"]
    ]


def _of_guest(values: Mapping[str, Any], by_rpm: bool) -> Iterator[tuple[str, str]]:
    guest, mirror = values["guest_mirror"], values["mirror"]
    if guest and values["base"]:
        yield "guest_mirror", "an image_base keeps its own sources; leave it out"
    elif guest == "build" and mirror.startswith("file:"):
        yield "guest_mirror", f"a guest does not see {mirror}; give a URL, or leave it empty"
    if values["guest_security_mirror"] and guest in ("", "build"):
        yield "guest_security_mirror", "goes with the URL of a mirror only; give that in image_guest_mirror"
    elif values["guest_security_mirror"] and by_rpm:
        yield "guest_security_mirror", "RPM packages have no mirror for security updates alone; leave it out"


def _of_sources(values: Mapping[str, Any], by_rpm: bool) -> Iterator[tuple[str, str]]:
    names = [source["name"] for source in values["sources"]]
    if len(set(names)) < len(names):
        yield "sources", "two of them have the same name; give each its own"
    for source in values["sources"]:
        name = source["name"]
        if by_rpm and (source["suites"] or source["pin"]):
            word = "suites" if source["suites"] else "pin"
            yield "sources", f"{name}: {word} is for apt only; leave it out"
        elif by_rpm and source["priority"] > _PRIORITIES_OF_RPM:
            yield "sources", f"{name}: priority={source['priority']} is over 99; dnf and zypper take less first"
        elif not by_rpm and not source["suites"]:
            yield "sources", f"{name}: apt needs a suite; add suites, as trixie-backports, or ./ for a plain folder"
        elif not by_rpm and bool(source["priority"]) != bool(source["pin"]):
            word, other = ("priority", "pin") if source["priority"] else ("pin", "priority")
            yield "sources", f"{name}: {word} says nothing alone; add {other}, as pin: release n=trixie-backports"
        if source["url"].startswith("file:") and (source["guest"] or values["base"]):
            other = "an image_base" if values["base"] else "a guest"
            yield "sources", f"{name}: {other} does not see {source['url']}; serve it by http, or say guest: false"


def _of_kernel(values: Mapping[str, Any], distribution: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    kernel, known = values["kernel"], distribution.get("kernels", {})
    named = kernels_among(values["packages"], distribution)
    suites = [suite for source in values["sources"] for suite in source["suites"]]
    # The host's may be among its sources.
    backports = values["mirror"] == "host" or any(suite.endswith("-backports") for suite in suites)
    if kernel and values["base"]:
        yield "kernel", "the kernels of an image_base stay; leave it out, and choose a base that has the right one"
    elif kernel in _KERNELS and known and kernel not in known:
        yield "kernel", f"image_distribution={values['distribution']} has none; use {' or '.join(known)}, or a package"
    elif kernel == "backports" and not backports:
        yield "kernel", "there is no source with backports; name it in image_sources, with its suite"
    if kernel and named and named != [kernel]:
        yield "kernel", f"image_packages names {', '.join(named)} too; name the kernel in one of them"
