# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publication to the previous generation of Glance, which believes what it is sent more readily than today's."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from helpers.fault_proxy import Fault
from helpers.glance import TestCloud
from helpers.key_manager import key_manager
from helpers.old_glance import previous_test_cloud
from helpers.signing import SigningPair, signer, signing_pair, upload_by_hand
from helpers.versions import DATA, Versions, assert_one_line
from helpers.waiting import PATIENCE, wait_for

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.connection import Refused

CONTENT = b"\x53\xef" * 50_000


@dataclass(frozen=True)
class OldCloud:
    """A cloud of the previous generation, and keys whose certificates it has."""

    cloud: TestCloud
    keys: dict[str, SigningPair]


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses before another attempt are short; each run logs in to this cloud, which is not that of the others."""
    rest = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: rest(min(seconds, 0.05)))


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OldCloud]:
    folder = tmp_path_factory.mktemp("previous")
    keys = {kind: signing_pair(folder / "certificates", kind) for kind in ("rsa", "secp521r1")}
    with previous_test_cloud(folder, key_manager(folder / "certificates")) as cloud:
        yield OldCloud(cloud, keys)


@pytest.fixture
def old(session: OldCloud) -> OldCloud:
    """The cloud without an image in it, and nothing broken."""
    session.cloud.proxy.clear()
    session.cloud.empty()
    return session


@pytest.fixture
def versions(old: OldCloud, tmp_path: Path) -> Versions:
    """Disks."""
    return Versions(old.cloud, tmp_path)


def test_it_is_the_previous_generation(old: OldCloud) -> None:
    # Today's Glance compares what it gets with what was announced, this one does not: only we do.
    cloud = old.cloud.glance("embedded").cloud
    form = {"name": "short", "disk_format": "raw", "container_format": "bare"}
    image_id = cloud.image_request("POST", "/images", json=form).json()["id"]
    headers = {"Content-Type": "application/octet-stream", "Accept": "", "X-OpenStack-Image-Size": "2000"}
    cloud.image_request("PUT", f"/images/{image_id}/file", data=b"x" * 1000, headers=headers)
    image = old.cloud.glance("embedded").get(image_id)
    assert (image.status, image.size) == ("active", 1000)


@pytest.mark.parametrize("triplet", [False, True])
def test_what_is_published_is_left_alone(old: OldCloud, tmp_path: Path, triplet: bool) -> None:
    versions = Versions(old.cloud, tmp_path, triplet=triplet)
    foreseen = versions.publish(1, check=True)
    assert old.cloud.images() == []
    assert foreseen["changed"] and versions.publish(1)["changed"]
    versions.assert_there(1)
    old.cloud.proxy.clear()
    assert not versions.publish(1)["changed"]
    assert not versions.publish(1, check=True)["changed"]
    assert {one.method for one in old.cloud.proxy.requests} == {"GET"}


@pytest.mark.parametrize("triplet", [False, True])
def test_new_versions_replace_old_ones(old: OldCloud, tmp_path: Path, triplet: bool) -> None:
    versions = Versions(old.cloud, tmp_path, triplet=triplet)
    with versions.watch(1, 2, 3) as watch:
        for version in (1, 2, 3):
            versions.publish(version, keep=2)
    assert ("2",) in watch.history and ("3",) in watch.history
    versions.assert_there(3, [2])


def test_versions_change_places(versions: Versions) -> None:
    versions.publish(1)
    versions.publish(2)
    first = versions.found()["1"]
    with versions.watch(1, 2):
        assert versions.state("current", image_id=first.id)["changed"]
    versions.assert_there(1, [2])
    assert not versions.state("current", image_id=first.id)["changed"]
    versions.state("retired")
    versions.assert_there(None, [1, 2])
    versions.state("absent")
    assert versions.cloud.images() == []


@pytest.mark.parametrize(
    ("method", "path", "fault"),
    [
        pytest.param("POST", "images$", {"lose_answer": True}, id="answer to the creation lost"),
        pytest.param("PUT", DATA, {"drop_at": 0.5}, id="data lost half way"),
        pytest.param("PUT", DATA, {"lose_answer": True}, id="answer to the data lost"),
        pytest.param("PUT", DATA, {"answer": 503, "early": True}, id="503 before the data"),
        pytest.param("PUT", DATA, {"answer": 401}, id="401 to the data"),
        pytest.param("PATCH", "images/", {"lose_answer": True}, id="answer to the promotion lost"),
        pytest.param("PATCH", "images/", {"answer": 401}, id="401 to the promotion"),
    ],
)
def test_a_passing_fault_is_overcome(versions: Versions, method: str, path: str, fault: dict[str, Any]) -> None:
    versions.publish(1)
    injected = versions.cloud.proxy.inject(method, path, **fault)
    with versions.watch(1, 2):
        versions.publish(2)
    assert injected.times == 0, "the fault never came"
    versions.assert_there(2, [1])


def test_changed_bytes_never_become_current(versions: Versions) -> None:
    versions.publish(1)
    versions.cloud.proxy.inject("PUT", DATA, times=Fault.ALWAYS, corrupt=True)
    with versions.watch(1):
        assert_one_line(versions.attempt(2))
    versions.assert_there(1)


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_what_a_killed_publisher_left_is_removed(versions: Versions, share: float) -> None:
    versions.publish(1)
    fault = versions.cloud.proxy.inject("PUT", DATA, hold_at=share)
    with versions.watch(1, 2):
        # It is killed where this ends.
        with versions.running(2):
            assert fault.held.wait(PATIENCE)
        fault.release.set()
        wait_for(lambda: all(image.status != "saving" for image in versions.cloud.images()))
        versions.publish(2)
    versions.assert_there(2, [1])


def test_ways_of_import_and_stores_are_discovered(versions: Versions) -> None:
    assert versions.publish(1, import_method="glance-direct")["bytes_uploaded"]
    assert versions.cloud.proxy.seen("PUT", r"/stage$")
    versions.assert_there(1)
    refused = versions.attempt(2, stores=["nowhere"])
    assert_one_line(refused)
    assert "nowhere" in refused["msg"] and "local" in refused["msg"]
    versions.assert_there(1)


@pytest.mark.parametrize("kind", ["rsa", "secp521r1"])
def test_our_signatures_are_accepted(old: OldCloud, kind: str) -> None:
    ours = signer(old.keys[kind], "SHA-384")
    cloud = old.cloud.glance("embedded").cloud
    digest = hashlib.sha384(CONTENT).digest()
    image = upload_by_hand(cloud, ours.properties(digest), CONTENT)
    assert image["status"] == "active"
    assert ours.accepts(image, digest)
    with pytest.raises(Refused, match="Signature verification failed"):
        upload_by_hand(cloud, ours.properties(digest), CONTENT[:-1] + b"x")


def test_signed_versions(old: OldCloud, versions: Versions) -> None:
    signing = old.keys["rsa"].options
    assert versions.publish(1, **signing)["changed"]
    assert not versions.publish(1, **signing)["changed"]
    versions.cloud.proxy.inject("PUT", DATA, corrupt=True)
    refused = versions.attempt(2, **signing)
    assert_one_line(refused)
    assert "Signature verification failed" in refused["msg"]
    versions.assert_there(1)
