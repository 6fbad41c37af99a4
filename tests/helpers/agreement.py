# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check mode, the run after it and what is then in Glance: all three have to say the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from helpers.glance import TestCloud

# The publisher's own bookkeeping is not shown to users.
_OWN = re.compile("goldsmith_")
# An image that is not there yet has no id, nor its kernel and its ramdisk.
_NEW = re.compile(r"\(new\)")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

State = dict[str, dict[str, Any]]


def agreed(cloud: TestCloud, act: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """Run *act* with check=True, then without and once more; return the result of the run that did something."""
    before = state(cloud)
    foreseen = act(check=True)
    assert not foreseen.get("failed"), foreseen["msg"]
    assert state(cloud) == before, "check mode has changed something"

    done = act(check=False)
    assert not done.get("failed"), done["msg"]
    after = state(cloud)
    assert foreseen["changed"] == done["changed"] == (after != before)
    for words in ("retired", "removed", "kept"):
        assert _ids(foreseen, words) == _ids(done, words), words
    assert [one["uploaded"] for one in foreseen["images"]] == [one["uploaded"] for one in done["images"]]
    assert set(before) - set(after) == _ids(done, "removed")
    assert set(after) - set(before) == {one["id"] for one in done["images"] if one["uploaded"]}
    assert done["bytes_uploaded"] == sum(one["size"] for one in done["images"] if one["uploaded"])
    for result in (foreseen, done):
        _compare(result["diff"], done, before, after)

    again = act(check=False)
    assert not again.get("failed"), again["msg"]
    assert not again["changed"]
    assert again["diff"] == {"before": {}, "after": {}}
    assert state(cloud) == after, "a second run has changed something"
    return done


def state(cloud: TestCloud) -> State:
    """Return all that a publication may change, by the id of the image."""
    found = {}
    for image in cloud.images():
        members = sorted(cloud.direct.members(image.id)) if image.visibility == "shared" else []
        found[image.id] = {**image.attributes, "members": members, "size": image.size, "status": image.status}
    return found


def _compare(diff: Mapping[str, Any], done: Mapping[str, Any], before: State, after: State) -> None:
    """What the diff shows was so, and is so; and what has changed is shown."""
    sides = {side: {_id(label, done): one for label, one in diff[side].items()} for side in ("before", "after")}
    assert set(sides["before"]) == set(sides["after"])
    for image_id in before.keys() | after.keys() | sides["before"].keys():
        old, new = before.get(image_id), after.get(image_id)
        shown = [sides[side].get(image_id, {}) for side in ("before", "after")]
        if old is None or new is None:
            assert shown[0] is None if old is None else shown[1] is None, f"{image_id} is not shown: {diff}"
        for there, said in zip((old, new), shown):
            assert _plain(said) == {name: _plain({name: (there or {}).get(name)})[name] for name in _plain(said)}
        if old and new:
            changed = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
            assert {name for name in changed if not _OWN.match(name)} == set(shown[0]) == set(shown[1])


def _id(label: str, done: Mapping[str, Any]) -> str:
    """Return the id of the image that a label of the diff means."""
    if found := _UUID.search(label):
        return found.group(0)
    part = label.split()[0]
    (found,) = {image["id"] for image in done["images"] if image["part"] == part}
    return found


def _plain(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    """Leave out ids that were not known before."""
    return {name: one for name, one in (attributes or {}).items() if name not in ("kernel_id", "ramdisk_id")}


def _ids(result: Mapping[str, Any], name: str) -> set[str]:
    return {one["id"] for one in result[name]}
