# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from helpers.images import Images

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.connection import Refused
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.request import Request
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.rotation import (
    Rotation,
    rotate,
    rotation,
    settle,
    widened,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.versions import (
    NAME,
    PUBLISHER,
    SINCE,
    VISIBILITY,
)

REQUEST = Request("guest")


def version(images: Images, number: int, **fields: object) -> str:
    """Put a version with a kernel of its own there; return its id."""
    kernel = images.add(f"guest-aki-{number}", container_format="aki", os_hidden=True, **{NAME: "guest-aki"})
    since = f"2026-11-{number:02}T12:00:00.000000Z"
    plain = {"container_format": "ami", "kernel_id": kernel.id, NAME: "guest", SINCE: since}
    return images.add("guest", id=f"{number:08}-0000", **{**plain, **fields}).id


def names(images: Images) -> dict[str, str]:
    return {image.id: image.name for image in images.images() if image.container_format == "ami"}


def apply(images: Images, request: Request = REQUEST, **what: set[str]) -> Rotation:
    return rotate(images, rotation(images.own(), request, **what))  # type: ignore[arg-type]


def test_one_bears_the_name_and_the_others_are_hidden() -> None:
    images = Images()
    for number in (1, 2, 3):
        version(images, number)
    done = apply(images)
    assert names(images) == {
        "00000003-0000": "guest",
        "00000002-0000": "guest-20261121-00000002",
        "00000001-0000": "guest-20261121-00000001",
    }
    assert {image.id for image in images.images(os_hidden=True, container_format="ami")} == {
        "00000001-0000",
        "00000002-0000",
    }
    assert [change.image.id for change in done.retire] == ["00000002-0000", "00000001-0000"]
    # The kernels follow those that name them.
    kernels = {image.properties[NAME]: image for image in images.images(container_format="aki") if not image.hidden}
    assert kernels["guest-aki"].name == "guest-aki"
    assert not apply(images).changed


def test_the_newest_are_kept_and_their_kernels_with_them() -> None:
    images = Images()
    for number in range(1, 6):
        version(images, number)
    done = apply(images, Request("guest", keep=2))
    assert set(names(images)) == {"00000005-0000", "00000004-0000"}
    kernels = {image.id for image in images.images(container_format="aki")}
    assert kernels == {image.properties["kernel_id"] for image in images.images(container_format="ami")}
    assert len(done.remove) == 6


def test_a_kernel_that_another_image_names_stays() -> None:
    images = Images()
    old = version(images, 1)
    version(images, 2)
    kernel = images.get(old).properties["kernel_id"]
    images.add("other", container_format="ami", kernel_id=kernel)
    apply(images, Request("guest", keep=1))
    assert old not in images.there
    assert kernel in images.there


def test_a_kernel_that_somebody_begins_to_use_stays() -> None:
    images = Images()
    old = version(images, 1)
    version(images, 2)
    kernel = images.get(old).properties["kernel_id"]
    todo = rotation(images.own(), Request("guest", keep=1))
    images.add("new", container_format="ami", owner="others", ramdisk_id=kernel)
    done = rotate(images, todo)  # type: ignore[arg-type]
    assert kernel in images.there
    assert kernel not in {image.id for image in done.remove}


def test_what_is_protected_or_refused_is_kept_and_said() -> None:
    images = Images()
    protected = version(images, 1, protected=True)
    used = version(images, 2)
    gone = version(images, 3)
    version(images, 4)
    remove = images.remove

    def refusing(image_id: str) -> None:
        if image_id == used:
            raise Refused("in use", status=409)
        remove(image_id)

    images.remove = refusing  # type: ignore[method-assign]
    done = apply(images, Request("guest", keep=1))
    assert {kept.image.id: kept.reason for kept in done.kept} == {protected: "protected", used: "in use"}
    assert gone not in images.there
    # Their kernels are named still.
    assert {images.get(one).properties["kernel_id"] in images.there for one in (protected, used)} == {True}


def test_an_error_that_is_no_refusal_ends_it() -> None:
    images = Images()
    version(images, 1)
    version(images, 2)

    def failing(_image_id: str) -> None:
        raise Refused("no such service", status=404)

    images.remove = failing  # type: ignore[method-assign]
    with pytest.raises(Refused):
        apply(images, Request("guest", keep=1))


def test_an_image_of_another_origin_is_retired_and_never_removed() -> None:
    images = Images()
    foreign = images.add("guest", id="0f000000-0")
    version(images, 1)
    version(images, 2)
    apply(images, Request("guest", keep=1))
    assert images.get(foreign.id).name == "guest-20261121-0f000000"
    assert images.get(foreign.id).hidden
    apply(images, Request("guest", keep=1))
    assert foreign.id in images.there


def test_an_old_version_can_be_left_to_the_community() -> None:
    images = Images()
    old = version(images, 1, visibility="public")
    version(images, 2)
    apply(images, Request("guest", retire="community"))
    image = images.get(old)
    assert (image.visibility, image.hidden, image.name) == ("community", False, "guest-20261121-00000001")
    # So that it can be put back as it was.
    assert image.properties[VISIBILITY] == "public"
    kernel = images.get(image.properties["kernel_id"])
    assert (kernel.visibility, kernel.hidden) == ("community", False)
    assert kernel.name == f"guest-aki-20261121-{kernel.id[:8]}"


def test_leftovers_go_unless_a_whole_version_names_them() -> None:
    images = Images()
    current = version(images, 1)
    kernel = images.get(current).properties["kernel_id"]
    old = {PUBLISHER: "0123456789abcdef:1:1:1", "updated_at": "2020-01-01T00:00:00Z"}
    images.there[kernel] |= old
    left = images.add("guest-1", status="saving", **{NAME: "guest", **old})
    alone = images.add("guest-aki-1", container_format="aki", **{NAME: "guest-aki", **old})
    done = apply(images)
    assert {image.id for image in done.remove} == {left.id, alone.id}
    assert PUBLISHER not in images.get(kernel).properties


def test_a_leftover_goes_before_the_kernel_that_it_names() -> None:
    images = Images()
    old = {PUBLISHER: "0123456789abcdef:1:1:1", "updated_at": "2020-01-01T00:00:00Z"}
    left = images.add("guest-1", **{NAME: "guest", "kernel_id": "k" * 36, **old})
    # Listed first, as one that was made later.
    kernel = images.add("guest-aki-1", id="k" * 36, container_format="aki", **{NAME: "guest-aki", **old})
    assert [image.id for image in apply(images).remove] == [left.id, kernel.id]
    assert images.there == {}


def test_the_named_are_retired_or_removed() -> None:
    images = Images()
    one, two = version(images, 1), version(images, 2)
    apply(images, retire={two})
    assert images.images(name="guest") == []
    apply(images, remove={one, two})
    assert images.images() == []


def test_what_another_changes_meanwhile_is_put_in_order_in_the_end() -> None:
    images = Images()
    for number in (1, 2):
        version(images, number)
    mine = version(images, 3)

    def another(request: str) -> None:
        images.before = lambda _request: None
        version(images, 4)

    # It comes with the first change that is made, so it was in no listing before.
    images.before = another
    done = settle(images, REQUEST, {mine})  # type: ignore[arg-type]
    assert names(images)["00000004-0000"] == "guest"
    assert names(images)[mine] == "guest-20261121-00000003"
    assert [change.image.id for change in done.retire] == ["00000002-0000", "00000001-0000", mine]
    assert not apply(images, mine={mine}).changed


def test_the_widest_sight_wins() -> None:
    assert widened("private") == "private"
    assert widened("shared", "private", "community") == "community"
    assert widened("public", "shared") == "public"
