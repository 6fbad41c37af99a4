# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of mirrors, sources and kernels does not go together is told in a line."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.definitions import PLACE, axes, values

from ansible_collections.goldsmith.openstack.plugins.module_utils._definition import faults, source_faults

BACKPORTS = {"name": "backports", "url": "http://a.example/debian", "suites": "trixie-backports"}
FEDORA = {"distribution": "fedora", "mirror": "http://a.example/fedora"}
RPM = {"name": "company", "url": "http://c.example"}


def told(**given: Any) -> list[str]:
    chosen = values(**given)
    return faults.between(chosen, axes(distribution=chosen["distribution"]), PLACE)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (
            {"kernel": "generic", "build": "virt_install"},
            "image_kernel=generic: does not go with image_build=virt_install; leave it out, or use image_build=chroot",
        ),
        (
            {"components": "main", **FEDORA},
            "image_components=main: image_distribution=fedora has no archive for apt; leave it out",
        ),
        (
            {"components": "main", "base": "oci:a"},
            "image_components=main: an image_base has its own sources; give image_mirror too",
        ),
        (
            {"guest_mirror": "build", "base": "oci:a"},
            "image_guest_mirror=build: an image_base keeps its own sources; leave it out",
        ),
        (
            {"guest_mirror": "build", "mirror": "file:///srv/mirror"},
            "image_guest_mirror=build: a guest does not see file:///srv/mirror; give a URL, or leave it empty",
        ),
        (
            {"guest_security_mirror": "http://a/"},
            "http://a/: goes with the URL of a mirror only; give that in image_guest_mirror",
        ),
        (
            {"guest_security_mirror": "http://a/", "guest_mirror": "http://b/", **FEDORA},
            "http://a/: RPM packages have no mirror for security updates alone; leave it out",
        ),
        ({"sources": [BACKPORTS, BACKPORTS]}, "two of them have the same name; give each its own"),
        ({"sources": [RPM]}, "company: apt needs a suite; add suites, as trixie-backports, or ./ for a plain folder"),
        ({"sources": [{**RPM, "suites": "x"}], **FEDORA}, "company: suites is for apt only; leave it out"),
        ({"sources": [{**RPM, "pin": "origin a"}], **FEDORA}, "company: pin is for apt only; leave it out"),
        (
            {"sources": [{**RPM, "priority": 500}], **FEDORA},
            "company: priority=500 is over 99; dnf and zypper take less",
        ),
        (
            {"sources": [{**BACKPORTS, "priority": 500}]},
            "backports: priority says nothing alone; add pin, as pin: release n=trixie-backports",
        ),
        ({"sources": [{**BACKPORTS, "pin": "origin a"}]}, "backports: pin says nothing alone; add priority"),
        (
            {"sources": [{**BACKPORTS, "url": "file:///srv/a"}]},
            "backports: a guest does not see file:///srv/a; serve it by http, or say guest: false",
        ),
        (
            {"sources": [{**BACKPORTS, "url": "file:///srv/a", "guest": False}], "base": "oci:a"},
            "backports: an image_base does not see file:///srv/a",
        ),
        (
            {"kernel": "generic", "base": "oci:a"},
            "the kernels of an image_base stay; leave it out, and choose a base that has the right one",
        ),
        (
            {"kernel": "backports", **FEDORA},
            "image_kernel=backports: image_distribution=fedora has none; use cloud or generic, or a package",
        ),
        ({"kernel": "backports"}, "there is no source with backports; name it in image_sources, with its suite"),
        (
            {"kernel": "generic", "packages": "jq,linux-image-rt-amd64"},
            "image_kernel=generic: image_packages names linux-image-rt-amd64 too; name the kernel in one of them",
        ),
    ],
)
def test_values_that_do_not_go_together(given: dict[str, Any], fault: str) -> None:
    (found,) = told(**given)
    assert fault in found


@pytest.mark.parametrize(
    "given",
    [
        {"kernel": "backports", "sources": [BACKPORTS]},
        {"kernel": "backports", "mirror": "host"},
        {"kernel": "linux-image-rt-amd64", "packages": "linux-image-rt-amd64"},
        {"kernel": "generic", "packages": "linux-image-amd64-dbg,linux-headers-amd64"},
        {"sources": [{**RPM, "priority": 50}], **FEDORA},
        {"sources": [{**BACKPORTS, "pin": "release n=trixie-backports", "priority": 500}]},
        {"components": "main", "base": "oci:a", "mirror": "http://a.example/"},
    ],
)
def test_values_that_do(given: dict[str, Any]) -> None:
    assert told(**given) == []


def test_a_folder_that_roles_do_not_see_is_told() -> None:
    folder = {"mirror": "file:///srv/mirror", "sources": [{**BACKPORTS, "url": "file:///srv/a", "guest": False}]}
    lines = source_faults.warnings(values(**folder, roles="web"))
    assert [line.partition(":")[0] for line in lines] == ["image_mirror", "image_sources=backports"]
    assert all("is seen while packages are installed, and not by roles in the tree" in line for line in lines)
    assert source_faults.warnings(values(**folder)) == []


def test_what_an_installer_leaves_is_told() -> None:
    (line,) = source_faults.warnings(values(build="virt_install", mirror="http://a.example/"))
    assert line.startswith("image_mirror: an installer leaves the guest its mirror")
    assert source_faults.warnings(values(build="virt_install")) == []
