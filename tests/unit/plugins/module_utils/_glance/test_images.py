# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.connection import Refused
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.images import Glance, Image, ImageSpec


def image(**fields: object) -> Image:
    return Image.from_dict({"id": "1", "name": "guest", "status": "active", "size": 1, **fields})


def test_the_description_holds_all_that_is_wanted() -> None:
    spec = ImageSpec("guest", "qcow2", "bare", min_disk=2, tags=("b", "a", "b"), properties={"os_distro": "debian"})
    assert spec.body("1") == {
        "id": "1",
        "name": "guest",
        "os_hidden": False,
        "disk_format": "qcow2",
        "container_format": "bare",
        "visibility": "private",
        "min_disk": 2,
        "tags": ["a", "b"],
        "os_distro": "debian",
    }


def test_only_what_differs_is_changed() -> None:
    there = image(visibility="private", min_disk=0, min_ram=0, tags=["a"], os_distro="debian", other="kept")
    assert there.changes(ImageSpec("guest", "qcow2", "bare").attributes) == {}
    same = ImageSpec("guest", "qcow2", "bare", tags=("a",), properties={"os_distro": "debian"})
    assert there.changes(same.attributes) == {}
    wanted = ImageSpec(
        "guest", "qcow2", "bare", "public", min_disk=2, tags=(), properties={"os_distro": "ubuntu", "new": "x"}
    )
    changes = {"visibility": "public", "min_disk": 2, "tags": [], "os_distro": "ubuntu", "new": "x"}
    assert there.changes(wanted.attributes) == changes


def test_a_dated_name_ends_in_the_id() -> None:
    spec = ImageSpec("guest", "raw", "bare", hidden=True, dated="guest-20261121")
    body = spec.body("1bea47ed-f6a9-463b-b423-14b9cca9ad27")
    assert body["name"] == "guest-20261121-1bea47ed"
    assert body["os_hidden"] is True


class Answers:
    """A cloud that answers each request as it is told, and remembers it."""

    def __init__(self, **answers: Callable[[str, dict[str, Any]], Any]) -> None:
        self.answers, self.asked = answers, []

    def image_request(self, method: str, path: str, **what: Any) -> Any:
        self.asked.append((method, path, what.get("params")))
        return self.answers[method](path, what)


def test_what_becomes_visible_between_two_lists_is_not_missed() -> None:
    hidden = {"id": "1", "name": "guest", "status": "active", "os_hidden": True}
    lists = {"true": [hidden], "false": [{**hidden, "os_hidden": False}]}
    cloud = Answers(
        GET=lambda _path, what: SimpleNamespace(json=lambda: {"images": lists.pop(what["params"]["os_hidden"])})
    )
    (found,) = Glance(cloud).images()  # type: ignore[arg-type]
    assert not found.hidden
    assert [asked[2]["os_hidden"] for asked in cloud.asked] == ["true", "false"]


def refusing(status: int) -> Callable[[str, dict[str, Any]], Any]:
    def refuse(_path: str, _what: dict[str, Any]) -> Any:
        raise Refused("no", status=status)

    return refuse


@pytest.mark.parametrize("status", [400, 404])
def test_what_another_one_has_removed_at_the_same_time_is_gone(status: int) -> None:
    Glance(Answers(DELETE=refusing(status), GET=refusing(404))).remove("1")  # type: ignore[arg-type]


@pytest.mark.parametrize("status", [400, 403, 409])
def test_what_is_not_removed_is_an_error(status: int) -> None:
    there = SimpleNamespace(json=lambda: {"id": "1", "name": "guest", "status": "active"})
    with pytest.raises(Refused):
        Glance(Answers(DELETE=refusing(status), GET=lambda _path, _what: there)).remove("1")  # type: ignore[arg-type]
