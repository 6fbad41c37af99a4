# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan as people read it."""

from __future__ import annotations

from helpers.definitions import PLACE, build, values

from ansible_collections.goldsmith.openstack.plugins.module_utils._definition import definition, plan
from ansible_collections.goldsmith.openstack.plugins.module_utils._definition.definition import Place


def test_a_build_says_what_where_and_how() -> None:
    lines = plan.of_build(build(packages="jq", clouds="one,two", keep=5, name="it"))
    assert lines[0] == "it: Debian GNU/Linux 13 (trixie), amd64"
    rows = {line[2:19].strip(): line[19:] for line in lines[1:]}
    assert rows["made"] == "from packages, in a tree"
    assert rows["grows by"] == "cloud_init"
    assert rows["boots by"] == "bios"
    assert rows["packages"] == "jq"
    assert (rows["kernel"], rows["guest's mirror"]) == ("cloud", "the distribution's public ones")
    assert rows["folder"] == "/here/dist/it"
    assert rows["files"] == "it.qcow2, it.vmlinuz, it.initrd, it.ext4"
    assert rows["proofs"] == "audit, boot"
    assert "os_distro=debian" in rows["properties"]
    assert rows["clouds"] == "one, two"
    assert rows["there"] == "private, becomes current, 5 versions stay"
    assert "roles" not in rows


def test_nothing_is_published_without_clouds_and_no_password_is_shown() -> None:
    text = "\n".join(plan.of_build(build(mirror="http://me:secret@mirror/debian", verify="[]")))
    assert "none: nothing is published" in text and "secret" not in text


def test_a_machine_is_named() -> None:
    place = Place("/here", "/home/me", {"uri": "qemu:///system", "name": "web", "shutdown": True})
    lines = plan.of_build(build(place=place, build="capture"))
    assert lines[0] == "web: what the machine is, is known when it is captured"
    assert "of the machine web of qemu:///system, as it is" in lines[1]


def test_a_publication_names_folders_and_clouds() -> None:
    done = definition.publication(values(publish_dir="dist/a", clouds="one", promote="no", keep=0), PLACE)
    assert plan.of_publication(done) == [
        "Publish /here/dist/a",
        "  clouds           one",
        "  there            private, stays hidden, all versions stay",
    ]


def test_sources_of_packages_are_named() -> None:
    source = {"name": "company", "url": "http://me:secret@c.example", "suites": "x"}
    text = "\n".join(plan.of_build(build(sources=[source], guest_mirror="build")))
    assert "company http://" in text and "secret" not in text and "that of the build" in text
