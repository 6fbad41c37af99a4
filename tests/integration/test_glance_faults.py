# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Uploads over a line that breaks: never a half or wrong image, and a later run reaches the goal."""

from __future__ import annotations

import hashlib
import signal
import time
from pathlib import Path

import pytest
from helpers.fault_proxy import Fault
from helpers.glance import TestCloud, file_system, kernel, raw_disk, run_module, start_module

from ansible_collections.goldsmith.openstack.plugins.module_utils import _triplet
from ansible_collections.goldsmith.openstack.plugins.module_utils._cloud import (
    CloudError,
    LoginRefused,
    Refused,
    TooLarge,
    Unreachable,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import Glance, Image

DATA = r"/file$"


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    return raw_disk(tmp_path / "disk.raw")


def publish(glance: Glance, wanted: _triplet.Wanted) -> dict:
    return _triplet.execute(glance, wanted, _triplet.plan(glance, wanted, _triplet.parts_of(wanted)))


def bare(disk: Path) -> _triplet.Wanted:
    return _triplet.Wanted(name="disk", image=str(disk), properties={"os_distro": "debian"})


def the_one(cloud: TestCloud, path: Path) -> Image:
    """The only image there is, which holds the bytes of that file."""
    (image,) = cloud.images()
    assert image.status == "active"
    assert image.size == path.stat().st_size
    assert image.hash_value == hashlib.sha512(path.read_bytes()).hexdigest()
    return image


PASSING = [
    pytest.param("PUT", DATA, {"drop_at": 0.0}, id="data lost at once"),
    pytest.param("PUT", DATA, {"drop_at": 0.5}, id="data lost half way"),
    pytest.param("PUT", DATA, {"drop_at": 1.0}, id="line lost after the data"),
    pytest.param("PUT", DATA, {"lose_answer": True}, id="answer to the data lost"),
    pytest.param("PUT", DATA, {"answer": 503}, id="503 after the data"),
    pytest.param("PUT", DATA, {"answer": 503, "early": True}, id="503 before the data"),
    pytest.param("PUT", DATA, {"answer": 429, "headers": {"Retry-After": "1"}}, id="429"),
    pytest.param("PUT", DATA, {"answer": 500}, id="500"),
    pytest.param("POST", "images", {"answer": 503}, id="503 to the creation"),
    pytest.param("POST", "images", {"drop_at": 0.0}, id="creation lost"),
    pytest.param("POST", "images", {"lose_answer": True}, id="answer to the creation lost"),
    pytest.param("GET", "images", {"answer": 503}, id="503 to the list"),
    pytest.param("GET", "images", {"lose_answer": True}, id="answer to the list lost"),
]


@pytest.mark.parametrize(("method", "path", "fault"), PASSING)
def test_a_passing_fault_is_overcome(glance_cloud: TestCloud, disk: Path, method: str, path: str, fault: dict) -> None:
    glance = glance_cloud.glance()
    injected = glance_cloud.proxy.inject(method, path, **fault)
    result = publish(glance, bare(disk))
    assert injected.times == 0, "the fault never came"
    assert the_one(glance_cloud, disk).id == result["image_id"]
    glance_cloud.proxy.clear()
    assert publish(glance, bare(disk))["bytes_uploaded"] == 0
    assert not glance_cloud.proxy.seen("PUT")


LASTING = [
    pytest.param({"drop_at": 0.0}, Unreachable, id="data lost at once"),
    pytest.param({"drop_at": 0.5}, Unreachable, id="data lost half way"),
    pytest.param({"answer": 503}, Unreachable, id="503"),
    pytest.param({"answer": 413}, TooLarge, id="413"),
    pytest.param({"answer": 401}, LoginRefused, id="401"),
    pytest.param({"answer": 403}, Refused, id="403"),
    pytest.param({"corrupt": True}, CloudError, id="one byte changed on the way"),
]


@pytest.mark.parametrize(("fault", "error"), LASTING)
def test_a_lasting_fault_leaves_nothing(
    glance_cloud: TestCloud, disk: Path, fault: dict, error: type[CloudError]
) -> None:
    glance_cloud.proxy.inject("PUT", DATA, times=Fault.ALWAYS, **fault)
    with pytest.raises(error) as caught:
        publish(glance_cloud.glance(), bare(disk))
    assert len(str(caught.value).splitlines()) == 1
    assert glance_cloud.images() == []
    # Only what may pass is tried again.
    assert len(glance_cloud.proxy.seen("PUT")) == (4 if error is Unreachable else 1)


def test_a_lost_answer_to_a_removal_is_repeated(glance_cloud: TestCloud, disk: Path) -> None:
    glance_cloud.proxy.inject("PUT", DATA, answer=413)
    glance_cloud.proxy.inject("DELETE", lose_answer=True)
    with pytest.raises(TooLarge) as caught:
        publish(glance_cloud.glance(), bare(disk))
    assert "could not be removed" not in str(caught.value)
    assert glance_cloud.images() == []


def test_an_image_that_cannot_be_removed_is_named(glance_cloud: TestCloud, disk: Path) -> None:
    glance_cloud.proxy.inject("PUT", DATA, answer=413)
    glance_cloud.proxy.inject("DELETE", answer=403)
    with pytest.raises(TooLarge) as caught:
        publish(glance_cloud.glance(), bare(disk))
    (left,) = glance_cloud.images()
    assert left.status == "queued"
    assert f"openstack image delete {left.id}" in str(caught.value)


def test_a_lost_answer_to_a_change_is_repeated(glance_cloud: TestCloud, disk: Path) -> None:
    glance = glance_cloud.glance()
    publish(glance, bare(disk))
    glance_cloud.proxy.inject("PATCH", lose_answer=True)
    wanted = _triplet.Wanted(name="disk", image=str(disk), properties={"os_distro": "ubuntu"})
    publish(glance, wanted)
    assert the_one(glance_cloud, disk).attributes["os_distro"] == "ubuntu"
    assert len(glance_cloud.proxy.seen("PATCH")) == 2


@pytest.mark.parametrize("part", [1, 2, 3])
def test_a_triplet_is_whole_or_not_there(glance_cloud: TestCloud, tmp_path: Path, part: int) -> None:
    wanted = _triplet.Wanted(
        name="triplet",
        image=str(file_system(tmp_path / "root.ext4")),
        kernel=str(kernel(tmp_path / "vmlinuz")),
        ramdisk=str(raw_disk(tmp_path / "initrd", size=1 << 20)),
        protected=True,
    )
    # The first parts pass, then the cloud is full.
    glance_cloud.proxy.inject("PUT", DATA, times=part - 1, hold_at=None)
    glance_cloud.proxy.inject("PUT", DATA, answer=413)
    with pytest.raises(TooLarge):
        publish(glance_cloud.glance(), wanted)
    assert len(glance_cloud.proxy.seen("PUT")) == part
    assert glance_cloud.images() == []


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_killed_client_leaves_no_wrong_image(glance_cloud: TestCloud, tmp_path: Path, share: float) -> None:
    disk = raw_disk(tmp_path / "disk.raw", size=16 << 20)
    arguments = {"cloud": "faulty", "clouds_yaml": str(glance_cloud.clouds_yaml), "name": "disk", "image": str(disk)}
    fault = glance_cloud.proxy.inject("PUT", DATA, hold_at=share)
    process = start_module("glance_triplet_upload", arguments)
    assert fault.held.wait(30)
    process.kill()
    process.wait()
    fault.release.set()
    _until(lambda: all(image.status != "saving" for image in glance_cloud.images()))
    # The last bytes may have been on their way already: then it is whole.
    for image in glance_cloud.images(status="active"):
        assert image.hash_value == hashlib.sha512(disk.read_bytes()).hexdigest()
    result = run_module("glance_triplet_upload", arguments)
    assert [image.id for image in glance_cloud.images(status="active")] == [result["image_id"]]
    assert run_module("glance_triplet_upload", arguments)["changed"] is False


def test_a_stopped_client_leaves_nothing(glance_cloud: TestCloud, tmp_path: Path) -> None:
    disk = raw_disk(tmp_path / "disk.raw", size=16 << 20)
    arguments = {"cloud": "faulty", "clouds_yaml": str(glance_cloud.clouds_yaml), "name": "disk", "image": str(disk)}
    fault = glance_cloud.proxy.inject("PUT", DATA, hold_at=0.3)
    process = start_module("glance_triplet_upload", arguments)
    assert fault.held.wait(30)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 1
    fault.release.set()
    assert glance_cloud.images() == []


def _until(condition, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
