# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The watch of the other tests can fail: each thing that must never be is done here on purpose."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.glance import TestCloud
from helpers.versions import Versions
from helpers.waiting import wait_for
from helpers.watch import Watch

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.images import ImageSpec
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.payload import Content
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.upload import upload

FORMATS = {"image": "ami", "kernel": "aki", "ramdisk": "ari"}


@pytest.fixture
def versions(glance_cloud: TestCloud, tmp_path: Path) -> Versions:
    return Versions(glance_cloud, tmp_path, triplet=True)


def put(versions: Versions, version: int, part: str = "image", *, hidden: bool = False, **properties: str) -> str:
    """Upload one part of a version by hand."""
    options = versions.options(version)
    name = versions.name if part == "image" else f"{versions.name}-{part}"
    own = options["properties"] if part == "image" else {}
    spec = ImageSpec(name, FORMATS[part], FORMATS[part], hidden=hidden, properties={**own, **properties})
    path = Path(options[part])
    return upload(versions.cloud.direct, spec, Content(str(path), path.stat().st_size)).id


def whole(versions: Versions, version: int, *, hidden: bool = False) -> dict[str, str]:
    """Upload a version by hand; return the ids of its parts."""
    pieces = {part: put(versions, version, part) for part in ("kernel", "ramdisk")}
    named = {f"{part}_id": one for part, one in pieces.items()}
    return {**pieces, "image": put(versions, version, hidden=hidden, **named)}


def change(versions: Versions, image_id: str, **changes: object) -> None:
    direct = versions.cloud.direct
    direct.change(direct.get(image_id), changes)


def nobody(versions: Versions, ids: dict[str, str]) -> None:
    change(versions, ids["image"], os_hidden=True)


def removed(versions: Versions, ids: dict[str, str]) -> None:
    versions.cloud.direct.remove(ids["image"])


def empty(versions: Versions, _ids: dict[str, str]) -> None:
    versions.cloud.direct.create(ImageSpec(versions.name, "ami", "ami"), str(uuid.uuid4()))


def foreign(versions: Versions, ids: dict[str, str]) -> None:
    pieces = {f"{part}_id": ids[part] for part in ("kernel", "ramdisk")}
    put(versions, 3, **pieces)


def bare_properties(versions: Versions, ids: dict[str, str]) -> None:
    change(versions, ids["image"], os_version=None)


def no_kernel(versions: Versions, ids: dict[str, str]) -> None:
    versions.cloud.direct.remove(ids["kernel"])


def wrong_ramdisk(versions: Versions, ids: dict[str, str]) -> None:
    change(versions, ids["image"], ramdisk_id=ids["kernel"])


VIOLATIONS = [
    (nobody, "no image is named guest"),
    (removed, "no image is named guest"),
    (empty, "is queued"),
    (foreign, "has bytes that nobody published"),
    (bare_properties, "is 1 with other properties: {'os_version': None}"),
    (no_kernel, "is 1, but its kernel .* is not there"),
    (wrong_ramdisk, "is 1, but its ramdisk .* has other bytes"),
]


@pytest.mark.parametrize(("violate", "words"), VIOLATIONS, ids=[one.__name__ for one, _words in VIOLATIONS])
def test_what_must_not_be_is_seen(versions: Versions, violate: Callable, words: str) -> None:
    ids = whole(versions, 1)
    with pytest.raises(AssertionError, match=words), versions.watch(1, 2) as watch:
        assert not watch.violations
        violate(versions, ids)
        # By the thread: nothing passed the proxy.
        wait_for(lambda: watch.violations)


def test_half_an_image_is_seen(versions: Versions) -> None:
    whole(versions, 1)
    longer = replace(versions.whole(1), size=versions.size + 1)
    with pytest.raises(AssertionError, match="of 262145 bytes"), Watch(versions.cloud, versions.name, [longer]):
        pass


def test_it_looks_after_each_request_that_changes_something(versions: Versions) -> None:
    ids = whole(versions, 1)
    through = versions.cloud.glance()
    with pytest.raises(AssertionError) as caught, versions.watch(1):
        # Too short for the thread to be sure to see it.
        image = through.change(through.get(ids["image"]), {"os_hidden": True})
        through.change(image, {"os_hidden": False})
    assert f"no image is named guest after PATCH /v2/images/{ids['image']}" in str(caught.value)


def test_a_replacement_in_the_right_order_is_no_violation(versions: Versions) -> None:
    first = whole(versions, 1)
    with versions.watch(1, 2) as watch:
        second = whole(versions, 2, hidden=True)
        change(versions, second["image"], os_hidden=False)
        change(versions, first["image"], os_hidden=True)
        for part in ("image", "kernel", "ramdisk"):
            versions.cloud.direct.remove(first[part])
    assert watch.history[0] == ("1",)
    assert watch.history[-1] == ("2",)
    assert watch.looks > 2
