# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One disk replaces another over a line that breaks: a current image is always there, and later runs agree."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from helpers.fault_proxy import Fault
from helpers.glance import TestCloud
from helpers.versions import DATA, Versions, assert_one_line, held
from helpers.waiting import PATIENCE, wait_for

pytestmark = pytest.mark.usefixtures("hurried")

CREATION = ("POST", "images$")
CONTENT = ("PUT", DATA)
LIST = ("GET", "images[?]")
IMAGE = ("GET", "images/[^/]*$")
CHANGE = ("PATCH", "images/")
REMOVAL = ("DELETE", "images/")


@pytest.fixture
def versions(glance_cloud: TestCloud, tmp_path: Path) -> Versions:
    """Version 1 is current."""
    versions = Versions(glance_cloud, tmp_path)
    versions.publish(1)
    glance_cloud.proxy.clear()
    return versions


def test_the_order_of_requests(versions: Versions) -> None:
    with versions.watch(1, 2) as watch:
        result = versions.publish(2)
    requests = [one for one in versions.cloud.proxy.requests if one.method != "GET"]
    assert [one.method for one in requests] == ["POST", "PUT", "PATCH", "PATCH"]
    creation, promotion, retirement = (json.loads(requests[one].body) for one in (0, 2, 3))
    assert creation["os_hidden"] is True
    assert creation["name"].startswith("guest-2")
    assert creation.items() >= {"os_distro": "debian", "os_version": "2", "goldsmith_name": "guest"}.items()
    promoted = {one["path"]: one.get("value") for one in promotion}
    assert set(promoted) == {"/name", "/os_hidden", "/goldsmith_since", "/goldsmith_publisher"}
    assert promoted["/name"] == "guest"
    assert promoted["/os_hidden"] is False
    assert requests[2].path.endswith(result["image_id"])
    assert {one["path"] for one in retirement} == {"/name", "/os_hidden"}
    # At no moment none, and for a moment both.
    assert watch.history == [("1",), ("1", "2"), ("2",)]
    versions.assert_there(2, [1])


PASSING = [
    pytest.param(CONTENT, {"drop_at": 0.0}, id="data lost at once"),
    pytest.param(CONTENT, {"drop_at": 0.5}, id="data lost half way"),
    pytest.param(CONTENT, {"drop_at": 1.0}, id="line lost after the data"),
    pytest.param(CONTENT, {"lose_answer": True}, id="answer to the data lost"),
    pytest.param(CONTENT, {"answer": 503}, id="503 after the data"),
    pytest.param(CONTENT, {"answer": 503, "early": True}, id="503 before the data"),
    pytest.param(CONTENT, {"answer": 429, "headers": {"Retry-After": "1"}}, id="429 to the data"),
    pytest.param(CONTENT, {"answer": 500}, id="500 to the data"),
    pytest.param(CONTENT, {"answer": 401}, id="401 to the data"),
    pytest.param(CREATION, {"answer": 503}, id="503 to the creation"),
    pytest.param(CREATION, {"answer": 401}, id="401 to the creation"),
    pytest.param(CREATION, {"drop_at": 0.0}, id="creation lost"),
    pytest.param(CREATION, {"lose_answer": True}, id="answer to the creation lost"),
    pytest.param(LIST, {"answer": 429}, id="429 to the list"),
    pytest.param(LIST, {"answer": 401}, id="401 to the list"),
    pytest.param(LIST, {"lose_answer": True}, id="answer to the list lost"),
    pytest.param(IMAGE, {"answer": 500}, id="500 to the look at the image"),
    pytest.param(IMAGE, {"lose_answer": True}, id="answer to the look at the image lost"),
    pytest.param(CHANGE, {"answer": 503}, id="503 to the promotion"),
    pytest.param(CHANGE, {"answer": 401}, id="401 to the promotion"),
    pytest.param(CHANGE, {"drop_at": 0.0}, id="promotion lost"),
    pytest.param(CHANGE, {"lose_answer": True}, id="answer to the promotion lost"),
    pytest.param(CHANGE, {"answer": 500, "skip": 1}, id="500 to the retirement"),
    pytest.param(CHANGE, {"answer": 401, "skip": 1}, id="401 to the retirement"),
    pytest.param(CHANGE, {"lose_answer": True, "skip": 1}, id="answer to the retirement lost"),
    pytest.param(REMOVAL, {"answer": 503}, id="503 to the removal"),
    pytest.param(REMOVAL, {"answer": 401}, id="401 to the removal"),
    pytest.param(REMOVAL, {"lose_answer": True}, id="answer to the removal lost"),
]


@pytest.mark.parametrize(("request_", "fault"), PASSING)
def test_a_passing_fault_is_overcome(versions: Versions, request_: tuple[str, str], fault: dict[str, Any]) -> None:
    more = {"keep": 1} if request_ is REMOVAL else {}
    injected = versions.cloud.proxy.inject(*request_, **fault)
    with versions.watch(1, 2):
        result = versions.publish(2, **more)
        assert injected.times == 0, "the fault never came"
        assert result["changed"]
        versions.assert_there(2, [] if more else [1])
        versions.cloud.proxy.clear()
        again = versions.publish(2, **more)
    assert not again["changed"]
    assert again["image_id"] == result["image_id"] == versions.found()["2"].id
    assert {one.method for one in versions.cloud.proxy.requests} == {"GET"}


LASTING = [
    pytest.param(CONTENT, {"drop_at": 0.0}, "cannot be reached", id="data lost at once"),
    pytest.param(CONTENT, {"drop_at": 0.5}, "cannot be reached", id="data lost half way"),
    pytest.param(CONTENT, {"answer": 503}, "503", id="503 to the data"),
    pytest.param(CONTENT, {"answer": 413}, "413", id="413 to the data"),
    pytest.param(CONTENT, {"answer": 401}, "401", id="401 to the data"),
    pytest.param(CONTENT, {"answer": 403}, "403", id="403 to the data"),
    pytest.param(CONTENT, {"corrupt": True}, "sha512", id="one byte changed on the way"),
    pytest.param(CREATION, {"answer": 403}, "403", id="403 to the creation"),
    pytest.param(CREATION, {"answer": 413}, "413", id="413 to the creation"),
    pytest.param(LIST, {"answer": 503}, "503", id="503 to the list"),
    pytest.param(IMAGE, {"answer": 503}, "503", id="503 to the look at the image"),
    pytest.param(CHANGE, {"answer": 503}, "503", id="503 to the promotion"),
    pytest.param(CHANGE, {"answer": 403}, "403", id="403 to the promotion"),
    pytest.param(CHANGE, {"answer": 401}, "401", id="401 to the promotion"),
    pytest.param(CHANGE, {"drop_at": 0.0}, "cannot be reached", id="promotion lost"),
]


@pytest.mark.parametrize(("request_", "fault", "word"), LASTING)
def test_a_lasting_fault_leaves_all_as_it_was(
    versions: Versions, request_: tuple[str, str], fault: dict[str, Any], word: str
) -> None:
    versions.cloud.proxy.inject(*request_, times=Fault.ALWAYS, **fault)
    # Not even for a moment is the new one current.
    with versions.watch(1):
        result = versions.attempt(2)
    assert_one_line(result)
    assert word in result["msg"]
    versions.assert_there(1)
    versions.cloud.proxy.clear()
    with versions.watch(1, 2):
        assert versions.publish(2)["changed"]
    versions.assert_there(2, [1])


@pytest.mark.parametrize("fault", [{"answer": 503}, {"answer": 403}], ids=["503", "403"])
def test_a_version_that_cannot_be_retired_is_retired_later(versions: Versions, fault: dict[str, Any]) -> None:
    versions.cloud.proxy.inject("PATCH", times=Fault.ALWAYS, skip=1, **fault)
    with versions.watch(1, 2):
        result = versions.attempt(2)
        assert_one_line(result)
        versions.cloud.proxy.clear()
        # Both bear the name, whole: the newer one is what is meant, and nothing is sent again.
        assert versions.publish(2)["bytes_uploaded"] == 0
        versions.assert_there(2, [1])
        assert not versions.publish(2)["changed"]


def test_a_lost_answer_to_a_removal_of_half_an_image_is_repeated(versions: Versions) -> None:
    versions.cloud.proxy.inject(*CONTENT, answer=413)
    versions.cloud.proxy.inject(*REMOVAL, lose_answer=True)
    result = versions.attempt(2)
    assert_one_line(result)
    assert "could not be removed" not in result["msg"]
    versions.assert_there(1)


def test_an_image_that_cannot_be_removed_is_named_and_removed_later(versions: Versions) -> None:
    versions.cloud.proxy.inject(*CONTENT, answer=413)
    versions.cloud.proxy.inject(*REMOVAL, answer=403)
    with versions.watch(1, 2):
        result = versions.attempt(2)
        (left,) = versions.cloud.images(status="queued")
        assert f"openstack image delete {left.id}" in result["msg"]
        versions.publish(2)
        versions.assert_there(2, [1])


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_killed_upload_is_removed_by_the_next_run(glance_cloud: TestCloud, tmp_path: Path, share: float) -> None:
    versions = Versions(glance_cloud, tmp_path, size=16 << 20)
    versions.publish(1)
    fault = glance_cloud.proxy.inject(*CONTENT, hold_at=share)
    with versions.watch(1, 2), versions.running(2) as process:
        held(fault, process)
        process.kill()
        process.wait()
        fault.release.set()
        wait_for(lambda: not glance_cloud.images(status="saving"))
        versions.publish(2)
    versions.assert_there(2, [1])
    assert not versions.publish(2)["changed"]


def test_a_stopped_client_leaves_nothing(glance_cloud: TestCloud, tmp_path: Path) -> None:
    versions = Versions(glance_cloud, tmp_path, size=16 << 20)
    versions.publish(1)
    fault = glance_cloud.proxy.inject(*CONTENT, hold_at=0.3)
    with versions.watch(1), versions.running(2) as process:
        held(fault, process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 1
        fault.release.set()
    versions.assert_there(1)
