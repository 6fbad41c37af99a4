# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a build or of a publication: what will be made, where, and how, as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.texts import without_passwords

_HOW = {
    "chroot": "from packages, in a tree",
    "virt_install": "by an installer, in the guest {name} of {uri}",
    "capture": "of the machine {name} of {uri}, as it is",
    "disk": "of the disk {disk}, as it is",
}

_GUESTS = {"": "the distribution's public ones", "build": "that of the build"}


def of_build(done: Mapping[str, Any]) -> list[str]:
    """Return the plan of a build."""
    return [f"{done['name']}: {_title(done)}", *_table(_build_rows(done))]


def of_publication(done: Mapping[str, Any]) -> list[str]:
    """Return the plan of a publication of output folders."""
    return [f"Publish {', '.join(done['publish_dir'])}", *_table(_publication_rows(done))]


def _build_rows(done: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    how = "disk" if done["machine"].get("disk") else done["build"]
    yield "made", ["on a base, in a tree" if done["base"] else without_passwords(_HOW[how].format(**done["machine"]))]
    if done["build"] == "chroot":
        yield "base", [without_passwords(done["base"])]
        own = "the base's own mirrors" if done["base"] else "the release's own mirrors"
        yield (
            "from",
            [
                without_passwords(done["mirror"]) or own,
                *map(without_passwords, [done["security_mirror"]]),
            ],
        )
    yield "grows by", [done["resize"]]
    yield "instance data by", [done["agent"]]
    yield "boots by", [done["firmware"]]
    yield "ids", ["the root file system gets a new one in each instance"] if done["has_new_ids"] else []
    yield "volumes", [f"{one['name']} {one['size']} {one['mountpoint']}".strip() for one in done["volumes"]]
    if done["build"] == "chroot":
        yield "sources", [f"{one['name']} {without_passwords(one['url'])}" for one in done["sources"]]
        yield "guest's mirror", [_GUESTS.get(done["guest_mirror"], without_passwords(done["guest_mirror"]))]
        yield "kernel", [done["kernel"]]
    yield "packages", done["packages"]
    yield "roles", done["roles"]
    yield "roles run", ["in the booted system"] if done["roles"] and done["configure"] == "booted" else []
    yield "account", [done["user"]]
    yield "of the builder's", done["local_configuration"]
    yield "locales", done["locales"]
    yield "time zone", [done["timezone"]]
    yield "folder", [done["directory"]]
    yield "files", [artifact["file"] for artifact in done["artifacts"]]
    yield "proofs", done["verify"] or ["none"]
    said = {**done["derived_properties"], **done["properties"]}
    yield "properties", [f"{name}={value}" for name, value in sorted(said.items()) if value not in ("", None)]
    yield from _publication_rows(done)


def _publication_rows(done: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    yield "clouds", done["clouds"] or ["none: nothing is published"]
    if done["clouds"]:
        keep = f"{done['keep']} versions stay" if done["keep"] else "all versions stay"
        current = "becomes current" if done["promote"] else "stays hidden"
        signed = ["signed"] if done["signing_key"] or done["signing_command"] else []
        yield "there", [done["visibility"], current, keep, *signed]


def _title(done: Mapping[str, Any]) -> str:
    if done["build"] == "capture":
        return done["title"] or "what the machine is, is known when it is captured"
    return f"{done['title']} {done['version']} ({done['release']}), {done['architecture']}"


def _table(rows: Iterator[tuple[str, list[str]]]) -> list[str]:
    return [f"  {name:<17}{', '.join(filter(None, items))}" for name, items in rows if any(items)]
