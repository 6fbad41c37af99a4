# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publishers that are killed at each stage of their work, and two of them at once."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.fault_proxy import Fault, Request
from helpers.glance import TestCloud
from helpers.versions import DATA, Versions, ended, held, orphans
from helpers.waiting import PATIENCE

pytestmark = pytest.mark.usefixtures("hurried")

KILLS = 10
# What makes a version current gives it the name.
PROMOTION = '"value": "guest"}'


@pytest.fixture
def versions(glance_cloud: TestCloud, tmp_path: Path) -> Versions:
    """Version 1, a triplet, is current."""
    versions = Versions(glance_cloud, tmp_path, triplet=True)
    versions.publish(1)
    glance_cloud.proxy.clear()
    return versions


# --- Killed ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def moments(session_cloud: TestCloud, tmp_path_factory: pytest.TempPathFactory) -> list[int]:
    """After which requests a publisher is killed, as they were in a run that nothing disturbed."""
    session_cloud.proxy.clear()
    session_cloud.empty()
    versions = Versions(session_cloud, tmp_path_factory.mktemp("undisturbed"), triplet=True)
    versions.publish(1)
    session_cloud.proxy.clear()
    versions.publish(2, keep=1)
    return chosen(session_cloud.proxy.requests)


def chosen(requests: Sequence[Request]) -> list[int]:
    """Return ten positions, spread over all requests that change something, the decisive ones among them."""
    changing = [position for position, one in enumerate(requests) if one.method != "GET"]
    changes = [position for position in changing if requests[position].method == "PATCH"]
    (promotion,) = (position for position in changes if PROMOTION in requests[position].body.decode())
    retirement = next(position for position in changes if position > promotion)
    removals = [position for position in changing if requests[position].method == "DELETE"]
    assert len(removals) == 3, "the old version, its kernel and its ramdisk"
    decisive = {promotion, retirement, removals[0], removals[-1]}
    others = [position for position in changing if position not in decisive]
    wanted = KILLS - len(decisive)
    assert len(others) >= wanted
    return sorted(decisive | {others[number * len(others) // wanted] for number in range(wanted)})


@pytest.mark.parametrize("number", range(KILLS))
def test_a_publisher_killed_between_two_requests(versions: Versions, moments: list[int], number: int) -> None:
    assert len(moments) == KILLS
    fault = versions.cloud.proxy.inject(".*", skip=moments[number], hold_answer=True)
    with versions.watch(1, 2):
        _kill_publisher(versions, fault, keep=1)
        versions.publish(2, keep=1)
        versions.assert_there(2)
        assert not versions.publish(2, keep=1)["changed"]


@pytest.mark.parametrize("part", [0, 2])
def test_what_a_killed_publisher_left_goes_although_another_version_follows(versions: Versions, part: int) -> None:
    fault = versions.cloud.proxy.inject("PUT", DATA, skip=part, hold_answer=True)
    with versions.watch(1, 3):
        _kill_publisher(versions, fault)
        assert orphans(versions.cloud)
        versions.publish(3)
    versions.assert_there(3, [1])


def test_what_a_living_publisher_makes_is_left_alone(versions: Versions) -> None:
    fault = versions.cloud.proxy.inject("PUT", DATA, skip=2, hold_answer=True)
    with versions.watch(1, 2, 3), versions.running(2) as process:
        held(fault, process)
        versions.publish(3)
        fault.release.set()
        ended(process)
    # The one that was promoted last is what the name means.
    versions.assert_there(2, [1, 3])


def _kill_publisher(versions: Versions, fault: Fault, **more: Any) -> None:
    with versions.running(2, **more) as process:
        held(fault, process)
        process.kill()
        process.wait()
        fault.release.set()


# --- Two at once -----------------------------------------------------------------------------------------------------


def test_two_publishers_promote_at_the_same_time(versions: Versions) -> None:
    # Both are let go at once when both have the PATCH that promotes on its way.
    faults = [versions.cloud.proxy.inject("PATCH", body=PROMOTION, hold_request=True) for _number in range(2)]
    with versions.watch(1, 2, 3) as watch, versions.running(2) as one, versions.running(3) as another:
        _let_go(faults, one, another)
        ended(one)
        ended(another)
    last = int(watch.history[-1][0])
    versions.assert_there(last, [one for one in (1, 2, 3) if one != last])
    again = versions.publish(last)
    assert not again["changed"], again["diff"]


def test_a_publisher_that_is_overtaken_in_the_middle_of_its_promotion(versions: Versions) -> None:
    fault = versions.cloud.proxy.inject("PATCH", body=PROMOTION, hold_request=True)
    with versions.watch(1, 2, 3), versions.running(2) as process:
        held(fault, process)
        versions.publish(3)
        fault.release.set()
        ended(process)
    # Its promotion was decided before the other's.
    versions.assert_there(3, [1, 2])


def test_a_publisher_that_is_overtaken_before_it_retires(versions: Versions) -> None:
    fault = versions.cloud.proxy.inject("PATCH", body=PROMOTION, hold_answer=True)
    with versions.watch(1, 2, 3), versions.running(2) as process:
        held(fault, process)
        versions.publish(3)
        fault.release.set()
        ended(process)
    versions.assert_there(3, [1, 2])


def test_a_publisher_that_is_stopped_when_another_has_stepped_back_for_it(versions: Versions) -> None:
    late = versions.cloud.proxy.inject("PATCH", body=PROMOTION, hold_request=True)
    early = versions.cloud.proxy.inject("PATCH", body=PROMOTION, hold_answer=True)
    with versions.watch(1, 2, 3), versions.running(2) as first:
        held(late, first)
        with versions.running(3) as second:
            held(early, first, second)
            late.release.set()
            # Its version was decided before the other's, so it retires it again, and version 1 too.
            ended(first)
            second.send_signal(signal.SIGTERM)
            said, _errors = second.communicate(timeout=PATIENCE)
        early.release.set()
        assert json.loads(said)["failed"]
        assert "is current" in json.loads(said)["msg"]
    versions.assert_there(3, [1, 2])


def test_two_publishers_of_the_same_bytes(versions: Versions) -> None:
    faults = [versions.cloud.proxy.inject("PUT", DATA, skip=2, hold_request=True) for _number in range(2)]
    with versions.watch(1, 2), versions.running(2) as one, versions.running(2) as another:
        _let_go(faults, one, another)
        ended(one)
        ended(another)
        # Both have sent them; one of the two is current, and a later run is content with it.
        (current,) = versions.bearers()
        assert current.properties["os_version"] == "2"
        assert orphans(versions.cloud) == []
        again = versions.publish(2)
    assert not again["changed"], again["diff"]
    assert again["image_id"] == current.id


def test_a_kernel_that_another_publisher_removes_meanwhile(versions: Versions) -> None:
    """Version 2 has the kernel of version 1, which a rotation of version 3 removes before version 2 names it."""
    shared = replace(versions, kernels={2: 1})
    fault = versions.cloud.proxy.inject("POST", "images$", hold_request=True)
    with shared.watch(1, 2, 3), shared.running(2) as process:
        held(fault, process)
        shared.publish(3, keep=1)
        fault.release.set()
        said, _errors = process.communicate(timeout=PATIENCE)
        # It either made a kernel of its own or says so in a line; what it must not do is to promote what cannot boot.
        if json.loads(said).get("failed"):
            shared.assert_there(3)
            shared.publish(2)
        shared.assert_there(2, [3])


def _let_go(faults: Sequence[Fault], *processes: subprocess.Popen[str]) -> None:
    """Wait until all of them hold somebody, and release them together."""
    for fault in faults:
        held(fault, *processes)
    for fault in faults:
        fault.release.set()
