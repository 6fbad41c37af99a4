# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import imports
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.connection import (
    CloudError,
    Refused,
    Unreachable,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.images import Glance
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.imports import Import

IMAGE = {"id": "1", "name": "guest", "size": 4, "status": "active", "stores": "fast"}
AT_WORK = {**IMAGE, "status": "importing", "stores": "", "os_glance_import_task": "t"}


class Answer:
    def __init__(self, body: Any) -> None:
        self._body = body

    def json(self) -> Any:
        return self._body


class FakeCloud:
    """A cloud whose image goes through *images*, and whose *posts* end as told; the last of each stays."""

    label = "here"
    timeout = 300.0

    def __init__(
        self, images: list[dict[str, Any]], posts: list[Exception | None], tasks: list[dict[str, Any]] | None = None
    ) -> None:
        self.images, self.posts, self.tasks = images, posts, tasks
        self.sent: list[dict[str, Any]] = []

    def image_request(self, method: str, path: str, **more: Any) -> Answer:
        if method == "POST":
            self.sent.append(more["json"])
            error = self.posts.pop(0) if self.posts[1:] else self.posts[0]
            if error:
                raise error
            return Answer(None)
        if path.endswith("/tasks"):
            if self.tasks is None:
                raise Refused("no such thing", status=404)
            return Answer({"tasks": self.tasks})
        return Answer(self.images.pop(0) if self.images[1:] else self.images[0])

    def waited(self, number: int, _error: Unreachable) -> bool:
        return number < 4


def work(cloud: FakeCloud, method: str = "glance-direct", stores: tuple[str, ...] = ("fast",), **more: Any) -> Any:
    glance = Glance(cloud, sleep=lambda _seconds: None)  # type: ignore[arg-type]
    return Import(glance, "1", 4, method, stores)("import guest", **more)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[], float]:
    """A clock that goes on by ten seconds each time it is looked at."""
    ticks = itertools.count(step=10.0)
    monkeypatch.setattr(imports.time, "monotonic", lambda: next(ticks))
    return lambda: next(ticks)


def test_an_import_ends_when_the_cloud_says_so() -> None:
    cloud = FakeCloud([AT_WORK, AT_WORK, IMAGE], [None], [{"status": "success"}])
    assert work(cloud, stores=("fast", "cheap")).status == "active"
    assert cloud.sent == [
        {"method": {"name": "glance-direct"}, "stores": ["fast", "cheap"], "all_stores_must_succeed": True}
    ]


def test_a_store_that_the_cloud_chooses_is_not_named() -> None:
    cloud = FakeCloud([IMAGE], [None], [])
    work(cloud, "web-download", (), uri="http://x/y")
    assert cloud.sent == [{"method": {"name": "web-download", "uri": "http://x/y"}}]


def test_an_answer_that_was_lost_is_not_asked_for_again() -> None:
    cloud = FakeCloud([AT_WORK, IMAGE], [Unreachable("lost"), None], [])
    work(cloud)
    assert len(cloud.sent) == 1


def test_what_did_not_arrive_is_sent_again() -> None:
    staged = {**IMAGE, "status": "uploading", "stores": ""}
    cloud = FakeCloud([staged, AT_WORK, IMAGE], [Unreachable("503"), Refused("busy", status=409)], [])
    # 409: the first one did arrive, only later than it was looked for.
    assert work(cloud).status == "active"
    assert len(cloud.sent) == 2


def test_a_cloud_that_does_not_take_it_is_given_up() -> None:
    cloud = FakeCloud([{**IMAGE, "status": "uploading", "stores": ""}], [Unreachable("503")], [])
    with pytest.raises(Unreachable, match="503"):
        work(cloud)
    assert len(cloud.sent) == 4


def test_a_refusal_is_one_at_once() -> None:
    cloud = FakeCloud([AT_WORK], [Refused("no such store", status=409)], [])
    with pytest.raises(Refused, match="no such store"):
        work(cloud)
    cloud = FakeCloud([IMAGE], [Refused("cloud here: 403", status=403)], [])
    with pytest.raises(Refused, match="cloud here: 403; by default only administrators may copy"):
        work(cloud, "copy-image", ("cheap",))


@pytest.mark.parametrize("tasks", [None, [{"status": "failure", "message": "disk\nfull"}]])
def test_a_failure_names_the_stores_and_what_the_cloud_says(tasks: list[dict[str, Any]] | None) -> None:
    failed = {**IMAGE, "status": "queued", "stores": "", "os_glance_failed_import": "cheap"}
    cloud = FakeCloud([failed], [None], tasks)
    said = "disk full" if tasks else "the cloud gives no reason"
    with pytest.raises(CloudError, match=f"cloud here: glance-direct of image 1 into cheap failed: {said}"):
        work(cloud, stores=("cheap",))


def test_a_failure_of_another_time_does_not_count() -> None:
    cloud = FakeCloud([{**IMAGE, "stores": "fast,cheap", "os_glance_failed_import": "tape"}], [None], [])
    assert work(cloud, "copy-image", ("cheap",)).stores == ("fast", "cheap")
    # A copy that fails would stay where it is staged, if all had to succeed.
    assert cloud.sent[0]["all_stores_must_succeed"] is False


def test_an_import_that_stands_still_is_given_up(clock: Callable[[], float]) -> None:
    with pytest.raises(Unreachable, match=r"stands still for 300 s: importing Copied 5 MiB"):
        work(FakeCloud([AT_WORK], [None], [{"status": "processing", "message": "Copied 5 MiB"}]))
    assert 300 < clock() < 400


def test_an_import_that_moves_is_waited_for(clock: Callable[[], float]) -> None:
    images = [{**AT_WORK, "updated_at": str(minute)} for minute in range(1000)]
    assert work(FakeCloud([*images, IMAGE], [None], [])).status == "active"
    assert clock() > 10_000


def test_an_old_service_that_says_little_is_waited_for() -> None:
    staged = {**IMAGE, "status": "uploading", "stores": ""}
    cloud = FakeCloud([staged, {**staged, "status": "importing"}, IMAGE], [None], None)
    assert work(cloud, stores=()).status == "active"
