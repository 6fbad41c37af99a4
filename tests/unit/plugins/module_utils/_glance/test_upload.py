# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import upload as upload_module
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.connection import TokenRefused, Unreachable
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.images import Glance, Image, ImageSpec
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.payload import Body, Content
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.upload import holds, spread, upload
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import OptionError

DATA = bytes(range(256)) * 8192


@pytest.fixture
def content(tmp_path: Path) -> Content:
    path = tmp_path / "file"
    path.write_bytes(DATA)
    return Content(str(path), len(DATA))


def image(**fields: object) -> Image:
    return Image.from_dict({"id": "1", "name": "guest", "status": "active", "size": len(DATA), **fields})


@pytest.mark.parametrize("algorithm", ["sha512", "sha256", "blake2b"])
def test_content_is_compared_by_the_algorithm_of_the_cloud(content: Content, algorithm: str) -> None:
    value = hashlib.new(algorithm, DATA).hexdigest()
    assert holds(image(os_hash_algo=algorithm, os_hash_value=value), content)
    assert not holds(image(os_hash_algo=algorithm, os_hash_value="0" + value[1:-1] + "x"), content)
    assert not holds(image(os_hash_algo=algorithm, os_hash_value=value, size=1), content)
    assert not holds(image(os_hash_algo=None, os_hash_value=None), content)


def test_the_hash_that_the_user_knows_needs_no_file(tmp_path: Path) -> None:
    known = Content(str(tmp_path / "missing"), len(DATA), hashlib.sha512(DATA).hexdigest())
    assert holds(image(os_hash_algo="sha512", os_hash_value=known.expected), known)
    assert not holds(image(os_hash_algo="sha512", os_hash_value="0" * 128), known)


class Answer:
    def __init__(self, body: Any) -> None:
        self._body = body

    def json(self) -> Any:
        return self._body


class FakeCloud:
    """A cloud with one image, which is *before* until the data is sent and then goes through *after*."""

    label = "here"
    timeout = 300.0

    def __init__(self, *after: dict[str, Any], sending: Callable[[Body], None] = list) -> None:
        self.after, self.sending = list(after), sending
        self.requests: list[str] = []
        self.renewed = 0

    def image_request(self, method: str, path: str, **_more: Any) -> Answer:
        self.requests.append(method)
        if method == "GET":
            return Answer({"id": "1", "status": "saving", **(self.after.pop(0) if self.after[1:] else self.after[0])})
        return Answer(None)

    def upload_request(self, path: str, body: Body, headers: dict[str, str]) -> None:
        self.requests.append("PUT")
        self.sending(body)

    def waited(self, number: int, _error: Unreachable) -> bool:
        return True

    def renew(self) -> None:
        self.renewed += 1


WHOLE = {"status": "active", "size": len(DATA), "os_hash_algo": "sha512"}
WHOLE["os_hash_value"] = hashlib.sha512(DATA).hexdigest()
SPEC = ImageSpec("guest", "raw", "bare")


def publish(cloud: FakeCloud, content: Content) -> Image:
    return upload(Glance(cloud, sleep=lambda _seconds: None), SPEC, content)  # type: ignore[arg-type]


def lost(body: Body) -> None:
    list(body)
    raise Unreachable("answer lost")


def test_an_upload_is_one_pass_and_three_requests(content: Content) -> None:
    cloud = FakeCloud(WHOLE)
    assert publish(cloud, content).status == "active"
    assert cloud.requests == ["POST", "PUT", "GET"]
    # It was hashed on the way.
    Path(content.path).unlink()
    assert content.digest() == WHOLE["os_hash_value"]


def test_a_store_that_still_works_is_waited_for(content: Content, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count(step=100.0)
    monkeypatch.setattr(upload_module.time, "monotonic", lambda: next(ticks))
    moving = [{"updated_at": str(minute)} for minute in range(20)]
    cloud = FakeCloud(*moving, WHOLE, sending=lost)
    assert publish(cloud, content).status == "active"
    assert cloud.requests.count("PUT") == 1


def test_a_store_that_stands_still_is_given_up(content: Content, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count(step=100.0)
    monkeypatch.setattr(upload_module.time, "monotonic", lambda: next(ticks))
    cloud = FakeCloud({}, sending=lost)
    with pytest.raises(Unreachable, match="answer lost"):
        publish(cloud, content)
    # All of the data is sent four times at most, and nothing is left each time.
    assert cloud.requests.count("PUT") == cloud.requests.count("DELETE") == cloud.requests.count("POST") == 4
    assert cloud.requests.count("GET") == 4 * 5


def test_a_service_that_says_that_it_failed_is_not_waited_for(content: Content) -> None:
    def failed(body: Body) -> None:
        list(body)
        raise Unreachable("500", lost=False)

    # Its database was locked, for example: the image is left as being saved.
    cloud = FakeCloud({}, sending=failed)
    with pytest.raises(Unreachable, match="500"):
        publish(cloud, content)
    assert cloud.requests.count("GET") == cloud.requests.count("PUT") == 4


def test_an_answer_before_the_data_was_read_is_none(content: Content) -> None:
    cloud = FakeCloud(WHOLE, sending=lambda body: next(iter(body)))
    with pytest.raises(Unreachable, match=r"cloud here had enough of .* after 262144 bytes"):
        publish(cloud, content)


def test_a_refused_token_is_renewed_once(content: Content) -> None:
    refusals = [TokenRefused("401")]

    def once(body: Body) -> None:
        if refusals:
            raise refusals.pop()
        list(body)

    cloud = FakeCloud(WHOLE, sending=once)
    publish(cloud, content)
    assert cloud.requests == ["POST", "PUT", "DELETE", "POST", "PUT", "GET"]
    assert cloud.renewed == 1

    def always(_body: Body) -> None:
        raise TokenRefused("401")

    cloud = FakeCloud(WHOLE, sending=always)
    with pytest.raises(TokenRefused):
        publish(cloud, content)
    assert cloud.requests.count("PUT") == cloud.requests.count("DELETE") == 2


def test_other_bytes_than_the_user_said_are_removed(content: Content) -> None:
    cloud = FakeCloud(WHOLE)
    with pytest.raises(OptionError, match="sha512="):
        publish(cloud, Content(content.path, content.size, "0" * 128))
    assert cloud.requests == ["POST", "PUT", "DELETE"]


def test_what_is_in_all_stores_is_not_copied() -> None:
    cloud = FakeCloud(WHOLE)
    there = image(stores="fast,cheap")
    assert spread(Glance(cloud), there, ("cheap", "fast")) is there  # type: ignore[arg-type]
    assert spread(Glance(cloud), there, ()) is there  # type: ignore[arg-type]
    assert cloud.requests == []
