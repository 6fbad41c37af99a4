# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A triplet replaces another over a line that breaks, in a cloud that is killed, is full, or forgets who we are."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.fault_proxy import Fault
from helpers.glance import TestCloud
from helpers.versions import DATA, Versions, assert_one_line, held
from helpers.waiting import PATIENCE, wait_for

pytestmark = pytest.mark.usefixtures("hurried")

KINDS = {"503": {"answer": 503}, "answer lost": {"lose_answer": True}}
# Less than a publication's seven attempts, and no divisor of what one attempt consists of.
EVERY = 5
BESIDE = "beside"


@pytest.fixture
def versions(glance_cloud: TestCloud, tmp_path: Path) -> Versions:
    """Version 1, a triplet, is current."""
    versions = Versions(glance_cloud, tmp_path, triplet=True)
    versions.publish(1)
    glance_cloud.proxy.clear()
    return versions


@pytest.mark.parametrize("first", range(EVERY))
@pytest.mark.parametrize("kind", KINDS)
def test_each_request_may_fail(versions: Versions, kind: str, first: int) -> None:
    """In as many runs as there are between two faults, every request of the whole sequence is hit once."""
    fault = versions.cloud.proxy.inject(".*", "/v2/", times=Fault.ALWAYS, skip=first, every=EVERY, **KINDS[kind])
    with versions.watch(1, 2):
        result = versions.publish(2, keep=1)
    assert Fault.ALWAYS - fault.times >= 3
    assert result["changed"]
    versions.assert_there(2)
    versions.cloud.proxy.clear()
    assert not versions.publish(2, keep=1)["changed"]


PASSING = [
    pytest.param("PUT", DATA, {"drop_at": 0.5, "skip": 0}, id="half of the kernel"),
    pytest.param("PUT", DATA, {"drop_at": 0.5, "skip": 1}, id="half of the ramdisk"),
    pytest.param("PUT", DATA, {"answer": 401, "skip": 2}, id="401 to the root file system"),
    pytest.param("PATCH", "images", {"answer": 401, "every": 2, "times": 4}, id="401 to the changes"),
    pytest.param("PATCH", "images", {"lose_answer": True, "times": 4}, id="answers to the changes lost"),
    pytest.param("DELETE", "images", {"lose_answer": True, "every": 2, "times": 3}, id="answers to the removals lost"),
]


@pytest.mark.parametrize(("method", "path", "fault"), PASSING)
def test_a_passing_fault_is_overcome(versions: Versions, method: str, path: str, fault: dict[str, Any]) -> None:
    injected = versions.cloud.proxy.inject(method, path, **fault)
    with versions.watch(1, 2):
        versions.publish(2, keep=1)
    assert injected.times == 0, "the fault never came"
    versions.assert_there(2)
    versions.cloud.proxy.clear()
    assert not versions.publish(2, keep=1)["changed"]


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_triplet_is_whole_or_not_there(versions: Versions, part: int) -> None:
    versions.cloud.proxy.inject("PUT", DATA, skip=part, answer=413)
    with versions.watch(1):
        result = versions.attempt(2, protected=True)
    assert_one_line(result)
    assert len(versions.cloud.proxy.seen("PUT")) == part + 1
    versions.assert_there(1)


def test_what_the_rotation_could_not_do_is_done_later(versions: Versions) -> None:
    versions.cloud.proxy.inject("DELETE", times=Fault.ALWAYS, answer=503)
    with versions.watch(1, 2):
        result = versions.attempt(2, keep=1)
        assert_one_line(result)
        assert set(versions.found()) == {"1", "2"}
        versions.cloud.proxy.clear()
        assert versions.publish(2, keep=1)["bytes_uploaded"] == 0
    versions.assert_there(2)


# --- A token that ends -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hold", [{"hold_at": 0.5}, {"hold_answer": True}], ids=["half way", "before the answer"])
def test_a_token_that_ends_in_a_long_upload(versions: Versions, hold: dict[str, Any]) -> None:
    fault = versions.cloud.proxy.inject("PUT", DATA, skip=2, **hold)

    def end() -> None:
        wait_for(fault.held.is_set)
        versions.cloud.proxy.refused.add(versions.cloud.proxy.seen("PUT")[-1].headers["X-Auth-Token"])
        fault.release.set()

    with versions.watch(1, 2), _beside(end):
        versions.publish(2)
    assert 401 in {status for _request, status in versions.cloud.proxy.answers}, "the token was still good"
    # The data had passed: it is not sent again.
    assert len(versions.cloud.proxy.seen("PUT")) == 3
    versions.assert_there(2, [1])
    assert not versions.publish(2)["changed"]


# --- A Glance that is killed, and one that is full -------------------------------------------------------------------


@pytest.fixture
def mortal(glance_cloud: TestCloud, tmp_path: Path) -> Iterator[Versions]:
    """Version 1 is current in a cloud that may be killed or started otherwise; afterwards it is as it was.

    What is sent is more than what is on its way at any moment.
    """
    versions = Versions(glance_cloud, tmp_path, size=16 << 20)
    versions.publish(1)
    glance_cloud.proxy.clear()
    yield versions
    glance_cloud.proxy.clear()
    glance_cloud.local.start()


def kill(versions: Versions) -> None:
    """Kill all processes of the real Glance, which a group of their own holds, when it has begun with the data."""
    wait_for(lambda: versions.cloud.images(status="saving"))
    os.killpg(versions.cloud.local.processes()["glance"], signal.SIGKILL)


def test_glance_killed_in_mid_upload_and_back_in_time(mortal: Versions) -> None:
    fault = mortal.cloud.proxy.inject("PUT", DATA, hold_at=0.1)
    back = threading.Event()

    def restart() -> None:
        try:
            wait_for(fault.held.is_set)
            kill(mortal)
            fault.release.set()
            mortal.cloud.local.start()
        finally:
            back.set()

    rest = time.sleep

    def sleep(seconds: float) -> None:
        # Whoever waits before another attempt waits until the cloud is back: the real pauses are long enough for it.
        if threading.current_thread().name.startswith(BESIDE) or not fault.held.is_set():
            rest(seconds)
        else:
            assert back.wait(PATIENCE)

    with mortal.watch(1, 2) as watch, _beside(restart), pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "sleep", sleep)
        mortal.publish(2, keep=1, timeout=20)
    assert watch.blind, "it was never away"
    mortal.assert_there(2)


def test_glance_killed_in_mid_upload_and_back_too_late(mortal: Versions) -> None:
    fault = mortal.cloud.proxy.inject("PUT", DATA, hold_at=0.1)
    with mortal.watch(1, 2) as watch, mortal.running(2) as process:
        held(fault, process)
        kill(mortal)
        fault.release.set()
        said, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 1, errors
        assert '"failed": true' in said
        mortal.cloud.local.start()
        # Nobody could remove it, and nobody else ever will: a server that was killed leaves it so.
        assert [image.properties["os_version"] for image in mortal.cloud.images(status="saving")] == ["2"]
        mortal.publish(2)
        mortal.assert_there(2, [1])
        assert not mortal.publish(2)["changed"]
    assert watch.blind, "it was never away"


def test_a_quota_that_is_exhausted(mortal: Versions) -> None:
    cloud = mortal.cloud.local
    # Room for a half of version 2.
    full = replace(cloud, options={**cloud.options, "OS_DEFAULT__USER_STORAGE_QUOTA": str(3 * mortal.size // 2)})
    full.start()
    with mortal.watch(1):
        result = mortal.attempt(2)
        assert_one_line(result)
        assert "413" in result["msg"]
        mortal.assert_there(1)
    cloud.start()
    with mortal.watch(1, 2):
        mortal.publish(2)
    mortal.assert_there(2, [1])


@contextmanager
def _beside(work: Callable[[], None]) -> Iterator[None]:
    """Do something in a thread of its own meanwhile; what goes wrong in it is this test's failure."""
    with ThreadPoolExecutor(1, thread_name_prefix=BESIDE) as pool:
        future = pool.submit(work)
        try:
            yield
        finally:
            future.result(PATIENCE)
