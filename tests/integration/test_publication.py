# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The states of a series of versions: what check mode foresees, what is done, and what is then in Glance."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from helpers.agreement import agreed
from helpers.glance import TestCloud
from helpers.versions import Versions, assert_one_line, ended, orphans
from helpers.watch import Watch

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.images import ImageSpec
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.payload import Content
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.upload import upload

pytestmark = pytest.mark.usefixtures("hurried")

Act = Callable[..., dict[str, Any]]


@pytest.fixture
def bare(glance_cloud: TestCloud, tmp_path: Path) -> Versions:
    return Versions(glance_cloud, tmp_path)


@pytest.fixture
def triplets(glance_cloud: TestCloud, tmp_path: Path) -> Versions:
    return Versions(glance_cloud, tmp_path, triplet=True)


def agree(versions: Versions, act: Act, *args: Any, **options: Any) -> dict[str, Any]:
    return agreed(versions.cloud, partial(act, *args, **options))


def next_second() -> None:
    """Wait until the clock shows another second: Glance tells by none finer when an image was created."""
    begun = int(time.time())
    while int(time.time()) == begun:
        time.sleep(0.05)  # pauses are cut short in these tests


# --- Check mode, the run and the cloud agree -------------------------------------------------------------------------


def test_versions_of_a_disk_come_and_go(bare: Versions) -> None:
    first = agree(bare, bare.publish, 1)
    assert first["changed"]
    bare.assert_there(1)

    with bare.watch(1, 2, 3):
        second = agree(bare, bare.publish, 2)
        assert [one["id"] for one in second["retired"]] == [first["image_id"]]
        bare.assert_there(2, [1])

        next_second()
        third = agree(bare, bare.publish, 3, keep=2)
        assert [one["id"] for one in third["removed"]] == [first["image_id"]]
        bare.assert_there(3, [2])

        # Back, and forward again: nothing is sent, and nothing removed.
        back = agree(bare, bare.state, "current", image_id=second["image_id"])
        assert back["image_id"] == second["image_id"]
        bare.assert_there(2, [3])
        agree(bare, bare.state, "current", image_id=third["image_id"])
        bare.assert_there(3, [2])
        # The same by the file.
        assert agree(bare, bare.publish, 2)["bytes_uploaded"] == 0
        bare.assert_there(2, [3])
        # Without an id, what was published last.
        assert agree(bare, bare.state, "current")["image_id"] == third["image_id"]
        bare.assert_there(3, [2])
        agree(bare, bare.state, "retired", image_id=second["image_id"])
        agree(bare, bare.state, "absent", image_id=second["image_id"])
        bare.assert_there(3)

    assert [one["id"] for one in agree(bare, bare.state, "retired")["retired"]] == [third["image_id"]]
    bare.assert_there(None, [3])
    agree(bare, bare.publish, 3)
    bare.assert_there(3)
    agree(bare, bare.state, "absent")
    assert bare.cloud.images() == []
    # Of nothing there is nothing to remove or to retire.
    assert not agree(bare, bare.state, "absent")["changed"]
    assert not agree(bare, bare.state, "retired")["changed"]


def test_versions_of_a_triplet_come_and_go(triplets: Versions) -> None:
    first = agree(triplets, triplets.publish, 1)
    with triplets.watch(1, 2, 3):
        agree(triplets, triplets.publish, 2)
        triplets.assert_there(2, [1])
        agree(triplets, triplets.state, "current", image_id=first["image_id"])
        triplets.assert_there(1, [2])
        third = agree(triplets, triplets.publish, 3, keep=1)
        assert len(third["removed"]) == 6
        triplets.assert_there(3)
    agree(triplets, triplets.state, "absent")
    assert triplets.cloud.images() == []


def test_properties_are_changed_without_an_upload(triplets: Versions) -> None:
    wanted = triplets.options(1)["properties"]
    triplets.publish(1, tags=["old"])
    with triplets.watch(1):
        more = {"properties": {**wanted, "hw_disk_bus": "virtio"}, "min_disk": 3, "min_ram": 512, "tags": ["new"]}
        result = agree(triplets, triplets.publish, 1, **more)
        assert result["bytes_uploaded"] == 0
        (shown,) = result["diff"]["before"].values()
        assert shown == {"hw_disk_bus": None, "min_disk": 0, "min_ram": 0, "tags": ["old"]}
        assert agree(triplets, triplets.publish, 1, protected=True)["changed"]
        assert agree(triplets, triplets.publish, 1, visibility="public")["changed"]
        # Who sees the image has to see what it boots with.
        assert {one.visibility for one in triplets.cloud.images()} == {"public"}
        assert agree(triplets, triplets.publish, 1, protected=False)["changed"]


def test_a_version_waits_until_it_is_promoted(triplets: Versions) -> None:
    triplets.publish(1)
    with triplets.watch(1):
        waiting = agree(triplets, triplets.publish, 2, promote=False)
        triplets.assert_there(1, [2])
    with triplets.watch(1, 2):
        promoted = agree(triplets, triplets.state, "current", image_id=waiting["image_id"])
        assert promoted["image_id"] == waiting["image_id"]
        assert promoted["bytes_uploaded"] == 0
        triplets.assert_there(2, [1])
    with triplets.watch(2):
        # To publish once more, without promotion, does not take the name away.
        assert not agree(triplets, triplets.publish, 2, promote=False)["changed"]


def test_old_versions_for_those_who_know_the_id(bare: Versions) -> None:
    bare.publish(1, visibility="public")
    with bare.watch(1, 2):
        agree(bare, bare.publish, 2, retire="community", visibility="public")
        old = bare.found()["1"]
        assert (old.visibility, old.hidden) == ("community", False)
        assert old.name != "guest"
        # Current again, it is seen as before.
        agree(bare, bare.state, "current", image_id=old.id, retire="community")
        assert [(one.id, one.visibility) for one in bare.bearers()] == [(old.id, "public")]


def test_sharing_with_projects(triplets: Versions) -> None:
    ours, theirs, third = (uuid.UUID(int=number).hex for number in (1, 2, 3))
    sharing = {"visibility": "shared", "members": [ours, theirs]}
    agree(triplets, triplets.publish, 1, **sharing)
    members = {one.container_format: triplets.cloud.direct.members(one.id) for one in triplets.cloud.images()}
    assert members == {part: {ours, theirs} for part in ("aki", "ari", "ami")}
    with triplets.watch(1, 2):
        agree(triplets, triplets.publish, 1, visibility="shared", members=[ours, third])
        (image,) = triplets.bearers()
        assert triplets.cloud.direct.members(image.id) == {ours, third}
        agree(triplets, triplets.publish, 2, **sharing)


def test_an_image_of_another_origin_is_retired_and_never_removed(bare: Versions) -> None:
    path = bare.options(1)["image"]
    by_hand = upload(bare.cloud.direct, ImageSpec("guest", "raw", "bare"), Content(path, Path(path).stat().st_size))
    (unknown,) = bare.bearers()
    assert unknown.id == by_hand.id
    # It has none of the properties that a version of ours has.
    with Watch(bare.cloud, bare.name, [replace(bare.whole(1), properties={}), *map(bare.whole, (2, 3, 4))]):
        assert [one["id"] for one in agree(bare, bare.publish, 2, keep=1)["retired"]] == [by_hand.id]
        agree(bare, bare.publish, 3, keep=1)
        agree(bare, bare.publish, 4, keep=1)
    left = bare.cloud.direct.get(by_hand.id)
    assert left.hidden
    assert left.name.endswith(by_hand.id[:8])
    assert {one.id for one in bare.cloud.images()} == {by_hand.id, bare.bearers()[0].id}


def test_versions_that_are_none(bare: Versions) -> None:
    bare.publish(1)
    other = str(uuid.uuid4())
    bare.cloud.direct.create(ImageSpec("another", "raw", "bare"), other)
    for state in ("current", "retired", "absent"):
        result = bare.state(state, image_id=other)
        assert_one_line(result)
        assert f"image_id={other}" in result["msg"]
    for state in ("current", "retired"):
        missing = str(uuid.uuid4())
        result = bare.state(state, image_id=missing)
        assert_one_line(result)
        assert f"image_id={missing}" in result["msg"]
    # What is not there need not be removed.
    assert not bare.state("absent", image_id=str(uuid.uuid4()))["changed"]
    bare.cloud.direct.remove(other)
    bare.assert_there(1)
    result = replace(bare, name="unheard-of").state("current")
    assert_one_line(result)


# --- Rotation --------------------------------------------------------------------------------------------------------


def test_ten_versions_of_which_three_are_kept(triplets: Versions) -> None:
    # Some kernels serve several versions, one of them a version that goes and one that stays.
    versions = replace(triplets, kernels={2: 1, 3: 1, 5: 4, 8: 7, 10: 7})
    with versions.watch(*range(1, 11)):
        for number in range(1, 11):
            versions.publish(number, keep=3)
            versions.assert_there(number, [one for one in (number - 1, number - 2) if one > 0])
    versions.assert_there(10, [9, 8])
    # Two kernels and two ramdisks for three versions.
    assert len(versions.cloud.images()) == 3 + 2 * 3 - 2


def test_a_protected_version_stays_and_is_reported(triplets: Versions) -> None:
    old = triplets.publish(1, protected=True)["image_id"]
    with triplets.watch(1, 2, 3):
        second = agree(triplets, triplets.publish, 2, keep=1)
        third = agree(triplets, triplets.publish, 3, keep=1)
    for result in (second, third):
        assert [(one["id"], one["reason"]) for one in result["kept"]] == [(old, "protected")]
    # Only in a process of its own has the module warnings in its result.
    with triplets.running(3, keep=1) as process:
        (warning,) = ended(process)["warnings"]
    assert f"({old}) stays: protected" in str(warning)
    triplets.assert_there(3, [1])


@pytest.mark.parametrize("status", [403, 409])
def test_a_refusal_to_remove_is_reported_and_not_fatal(triplets: Versions, status: int) -> None:
    old = triplets.publish(1)["image_id"]
    triplets.cloud.proxy.inject("DELETE", old, answer=status)
    with triplets.watch(1, 2):
        result = triplets.publish(2, keep=1)
        assert [one["id"] for one in result["kept"]] == [old]
        assert str(status) in result["kept"][0]["reason"]
        # The version still names its kernel and its ramdisk: they stay as well.
        triplets.assert_there(2, [1])
        assert agree(triplets, triplets.publish, 2, keep=1)["changed"]
    triplets.assert_there(2)


def test_a_kernel_that_somebody_else_uses_stays(triplets: Versions) -> None:
    triplets.publish(1)
    (kernel,) = triplets.cloud.images(container_format="aki")
    triplets.cloud.direct.create(
        ImageSpec("by-hand", "ami", "ami", properties={"kernel_id": kernel.id}), str(uuid.uuid4())
    )
    triplets.publish(2, keep=1)
    assert kernel.id in {one.id for one in triplets.cloud.images(container_format="aki")}
    assert orphans(triplets.cloud) == ["by-hand is queued"]
