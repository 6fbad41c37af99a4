# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import datetime, timezone

from helpers.images import Images

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import claim as publisher
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.versions import (
    NAME,
    PUBLISHER,
    SINCE,
    Series,
    dated_name,
)

FAR = "0123456789abcdef:1:1:1"


def series(images: Images) -> Series:
    return Series("guest", tuple(images.own()))


def test_the_one_that_was_promoted_last_is_current() -> None:
    images = Images()
    late = images.add("guest", **{NAME: "guest", SINCE: "2026-11-21T12:00:00.000002Z"})
    early = images.add("guest", **{NAME: "guest", SINCE: "2026-11-21T12:00:00.000001Z"})
    foreign = images.add("guest")
    images.add("guest", os_hidden=True, **{NAME: "guest", SINCE: "2026-11-21T13:00:00.000000Z"})
    images.add("guest", status="queued")
    images.add("other")
    assert [image.id for image in series(images).bearers] == [late.id, early.id, foreign.id]
    assert series(images).current.id == late.id


def test_versions_are_ours_and_whole_the_current_one_first() -> None:
    images = Images()
    current = images.add("guest", **{NAME: "guest", SINCE: "2026-11-20T12:00:00.000000Z"})
    trial = images.add("guest-1", os_hidden=True, **{NAME: "guest"})
    old = images.add("guest-2", os_hidden=True, **{NAME: "guest", SINCE: "2026-11-19T12:00:00.000000Z"})
    images.add("guest")
    images.add("guest-3", **{NAME: "guest", PUBLISHER: FAR})
    images.add("guest-4", status="queued", **{NAME: "guest"})
    images.add("guest-5", **{NAME: "guest-5"})
    assert [image.id for image in series(images).versions] == [current.id, trial.id, old.id]


def test_what_a_dead_run_has_left_is_known() -> None:
    images = Images()
    with publisher.at_work() as alive:
        images.add("guest-1", **{NAME: "guest", PUBLISHER: alive})
        with publisher.at_work() as dead:
            left = images.add("guest-2", status="queued", **{NAME: "guest", PUBLISHER: dead})
        images.add("other", **{NAME: "other", PUBLISHER: dead})
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        images.add("guest-3", updated_at=now, **{NAME: "guest", PUBLISHER: FAR})
        far = images.add("guest-4", updated_at="2020-01-01T00:00:00Z", **{NAME: "guest", PUBLISHER: FAR})
        assert {image.id for image in series(images).leftovers(["guest"], 86400)} == {left.id, far.id}
        assert len(series(images).at_work(86400)) == 2


def test_a_piece_that_nothing_names_is_known() -> None:
    images = Images()
    pieces = [images.add(f"k{n}", container_format="aki", **{NAME: "guest-aki"}) for n in range(3)]
    images.add("foreign", container_format="aki")
    one = images.add("guest", kernel_id=pieces[0].id, **{NAME: "guest"})
    images.add("other", ramdisk_id=pieces[1].id)
    assert {image.id for image in series(images).unnamed([])} == {pieces[2].id}
    assert {image.id for image in series(images).unnamed([one.id])} == {pieces[0].id, pieces[2].id}


def test_a_ramdisk_that_names_its_kernel_is_no_piece() -> None:
    images = Images()
    kernel = images.add("k", container_format="aki", **{NAME: "deploy-aki"})
    images.add("guest", container_format="ari", kernel_id=kernel.id, **{NAME: "guest"})
    assert series(images).unnamed([]) == []
    (current,) = series(images).versions
    assert {image.id for image in series(images).unnamed([current.id])} == {kernel.id}


def test_a_promotion_is_later_than_all_others_whatever_the_clock_says() -> None:
    images = Images()
    now = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)
    assert series(images).next_stamp(now) == "2026-11-21T12:00:00.000000Z"
    images.add("guest", **{NAME: "guest", SINCE: "2026-11-21T12:00:00.000000Z"})
    assert series(images).next_stamp(now) == "2026-11-21T12:00:00.000001Z"
    images.add("guest", **{NAME: "guest", SINCE: "2030-01-01T00:00:00.999999Z"})
    assert series(images).next_stamp(now) == "2030-01-01T00:00:01.000000Z"


def test_a_dated_name_has_the_day_of_the_build() -> None:
    images = Images()
    built = images.add("guest", id="1bea47ed-f6a9-463b-b423-14b9cca9ad27", image_build_date="2026-11-19")
    assert dated_name("guest", built) == "guest-20261119-1bea47ed"
    uploaded = images.add("guest", id="2bea47ed-f6a9-463b-b423-14b9cca9ad27")
    assert dated_name("guest", uploaded) == "guest-20261121-2bea47ed"
