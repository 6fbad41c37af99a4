# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from helpers.images import Images, refusing

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import clouds as publishing
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import publication, triplet
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.clouds import (
    Place,
    everywhere,
    listed,
    places,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.connection import CloudOptions
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.images import Glance
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.request import Request
from ansible_collections.goldsmith.openstack.plugins.module_utils._host import side_by_side
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import (
    GoldsmithError,
    Interrupted,
    OptionError,
)

OPTIONS: dict[str, Any] = {
    "cloud": None,
    "clouds_yaml": None,
    "auth": None,
    "auth_type": None,
    "region_name": None,
    "interface": None,
    "validate_certs": None,
    "ca_cert": None,
    "timeout": 300,
    "attempts": 7,
}


class Clouds:
    """Several clouds in memory, by their label; each waits at its first upload until all have come so far."""

    def __init__(self, *labels: str) -> None:
        self.images = {label: Images() for label in labels}
        self.places = [Place(label, CloudOptions(cloud=label)) for label in labels]
        self.stops: list[threading.Event | None] = []

    def connect(self, place: Place, stop: threading.Event | None = None) -> Images:
        self.stops.append(stop)
        return self.images[place.label]


@pytest.fixture
def clouds(monkeypatch: pytest.MonkeyPatch) -> Clouds:
    made = Clouds("one", "two", "three")
    monkeypatch.setattr(publishing, "connect", made.connect)
    monkeypatch.setattr(publication, "upload", lambda cloud, spec, content, _transport: cloud.upload(spec, content))
    return made


@pytest.fixture
def planned(tmp_path: Path) -> Any:
    disk = tmp_path / "disk.raw"
    disk.write_bytes(bytes(510) + b"\x55\xaa")
    request = Request("guest", str(disk), properties={"os_distro": "debian"})
    parts = triplet.parts_of(request)
    return lambda glance: publication.plan(glance, request, parts)


def test_clouds_and_regions_are_places() -> None:
    assert [place.label for place in places({**OPTIONS, "cloud": "one"})] == ["one"]
    found = places({**OPTIONS, "clouds": ["one", "two/West", "two/East"], "clouds_yaml": "/c.yaml"})
    assert [place.label for place in found] == ["one", "two/West", "two/East"]
    assert [(place.options.cloud, place.options.region_name) for place in found] == [
        ("one", None),
        ("two", "West"),
        ("two", "East"),
    ]
    assert {place.options.clouds_yaml for place in found} == {"/c.yaml"}


@pytest.mark.parametrize(
    ("clouds", "message"),
    [
        (["one", "one"], "clouds=one: named twice"),
        (["/West"], "clouds=/West: not the name of a cloud"),
        ([], "clouds=.*no cloud to publish to"),
    ],
)
def test_clouds_that_make_no_sense_are_refused(clouds: list[str], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        places({**OPTIONS, "clouds": clouds})


def test_all_clouds_are_served_side_by_side(clouds: Clouds, planned: Any) -> None:
    meeting = threading.Barrier(3, timeout=20)
    for images in clouds.images.values():
        images.before = lambda request: meeting.wait() and None if request == "upload" else None
    result = everywhere(clouds.places, planned, check=False)
    assert result["changed"]
    assert [image["cloud"] for image in result["images"]] == ["one", "two", "three"]
    assert [one["cloud"] for one in result["clouds"]] == ["one", "two", "three"]
    assert result["image_id"] == result["clouds"][0]["image_id"]
    assert result["bytes_uploaded"] == 3 * 512
    assert set(result["diff"]["after"]) == {"one", "two", "three"}


def test_one_that_fails_does_not_stop_the_others(clouds: Clouds, planned: Any) -> None:
    clouds.images["two"].before = refusing("upload")
    with pytest.raises(GoldsmithError, match="no room; done: one, three") as caught:
        everywhere(clouds.places, planned, check=False)
    assert [len(images.there) for images in clouds.images.values()] == [1, 0, 1]
    told = {one["cloud"]: one for one in caught.value.facts["clouds"]}
    assert told["two"] == {"cloud": "two", "changed": False, "failed": True, "msg": "no room"}
    assert told["one"]["changed"]
    assert {image["cloud"] for image in caught.value.facts["images"]} == {"one", "three"}


def test_an_interruption_ends_all_of_them(clouds: Clouds, planned: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "connect", lambda place, stop=None: Glance(None, stop=stop))  # type: ignore[arg-type]
    begun = threading.Barrier(4, timeout=20)

    def endless(glance: Glance) -> Any:
        begun.wait()
        while True:
            glance.go_on()
            time.sleep(0.01)

    def interrupted(*_futures: Any) -> Any:
        begun.wait()
        raise Interrupted("stopped")

    monkeypatch.setattr(side_by_side, "_finished", interrupted)
    with pytest.raises(Interrupted, match="stopped"):
        everywhere(clouds.places, endless, check=False)


def test_an_interruption_while_they_begin_ends_those_that_have(
    clouds: Clouds, planned: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "connect", lambda place, stop=None: Glance(None, stop=stop))  # type: ignore[arg-type]
    submit, begun = ThreadPoolExecutor.submit, []

    def interrupted(pool: ThreadPoolExecutor, *words: Any) -> Any:
        begun.append(words)
        if len(begun) == len(clouds.places):
            raise Interrupted("stopped")
        return submit(pool, *words)

    def endless(glance: Glance) -> Any:
        while True:
            glance.go_on()
            time.sleep(0.01)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", interrupted)
    with pytest.raises(Interrupted, match="stopped"):
        everywhere(clouds.places, endless, check=False)


def test_check_mode_tells_what_would_be(clouds: Clouds, planned: Any) -> None:
    foreseen = everywhere(clouds.places[:1], planned, check=True)
    assert clouds.images["one"].there == {}
    done = everywhere(clouds.places[:1], planned, check=False)
    assert foreseen["changed"] and done["changed"]
    assert (
        foreseen["diff"]
        == done["diff"]
        == {
            "before": {"image guest": None},
            "after": {"image guest": {"os_distro": "debian", "visibility": "private", "size": 512}},
        }
    )
    assert (foreseen["image_id"], foreseen["bytes_uploaded"]) == (None, 0)
    again = everywhere(clouds.places[:1], planned, check=False)
    assert not again["changed"]
    assert again["diff"] == {"before": {}, "after": {}}


def test_what_steps_back_is_told(clouds: Clouds, planned: Any) -> None:
    place, images = clouds.places[0], clouds.images["one"]
    old = images.add("guest", id="0d000000-1")
    foreseen = everywhere([place], planned, check=True)
    done = everywhere([place], planned, check=False)
    told = [{"cloud": "one", "id": old.id, "name": "guest-20261121-0d000000"}]
    assert foreseen["retired"] == done["retired"] == told
    assert done["diff"]["before"]["version 0d000000-1"] == {"name": "guest", "os_hidden": False}
    assert done["diff"]["after"]["version 0d000000-1"] == {"name": "guest-20261121-0d000000", "os_hidden": True}


def test_images_are_selected_by_a_query() -> None:
    images = Images()
    images.add("guest", os_distro="debian", created_at="2026-11-20T10:00:00Z")
    images.add("other", os_distro="fedora", created_at="2026-11-19T10:00:00Z")
    glance: Any = images
    assert [image["name"] for image in listed(glance, None, None)] == ["guest", "other"]
    assert [image["name"] for image in listed(glance, "other", None)] == ["other"]
    assert listed(glance, None, "[?properties.os_distro == 'fedora'].name") == ["other"]
    assert listed(glance, None, "length(@)") == [2]
    with pytest.raises(OptionError, match=r"query=\[\?: "):
        listed(glance, None, "[?")


def test_logins_of_the_control_node_go_to_their_clouds() -> None:
    secret = {"auth": {"password": "hush", "username": "me", "application_credential_secret": "deep"}}
    logins = [{"cloud": "one", "config": secret}, {"cloud": "two/West", "config": {}}]
    params = {**OPTIONS, "clouds": ["one", "two/West"], "logins": json.dumps(logins)}
    assert [place.options.login for place in places(params)] == logins
    assert publishing.hidden(params) == {"hush", "deep"} and publishing.hidden(OPTIONS) == set()
    assert "hush" not in repr(places(params))
    with pytest.raises(OptionError, match=r"logins=\*\*\*: has no cloud three; give the lookup cloud_login the same"):
        places({**params, "clouds": ["three"]})
    with pytest.raises(OptionError, match=r"logins=\*\*\*: not what the lookup cloud_login gives"):
        places({**params, "logins": '["hush"]'})
