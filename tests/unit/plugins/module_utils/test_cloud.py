# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._cloud import (
    Cloud,
    CloudNotFound,
    CloudOptions,
    Unreachable,
)

AUTH = {"auth_url": "http://127.0.0.1:9/v3", "username": "me", "password": "hush", "project_name": "mine"}


@pytest.fixture
def clouds_yaml(tmp_path: Path) -> str:
    path = tmp_path / "clouds.yaml"
    clouds = {"here": {"auth": AUTH, "regions": ["one", "two"]}, "broken": {"auth_type": "no_such_type"}}
    path.write_text(json.dumps({"clouds": clouds}))
    return str(path)


def test_a_cloud_that_is_not_there_is_named_with_those_that_are(clouds_yaml: str) -> None:
    with pytest.raises(CloudNotFound) as caught:
        Cloud(CloudOptions(cloud="there", clouds_yaml=clouds_yaml))
    assert str(caught.value) == f"cloud there is not in clouds.yaml; known: broken, here; searched: {clouds_yaml}"


def test_without_any_file_no_cloud_is_known(tmp_path: Path) -> None:
    with pytest.raises(CloudNotFound, match="known: none"):
        Cloud(CloudOptions(cloud="there", clouds_yaml=str(tmp_path / "missing.yaml")))


def test_a_wrong_entry_is_told_from_a_missing_one(clouds_yaml: str) -> None:
    with pytest.raises(CloudNotFound, match=r"cloud here: .*three.*check its entry"):
        Cloud(CloudOptions(cloud="here", clouds_yaml=clouds_yaml, region_name="three"))


def test_a_cloud_that_does_not_answer_is_asked_four_times(clouds_yaml: str) -> None:
    pauses: list[float] = []
    cloud = Cloud(CloudOptions(cloud="here", clouds_yaml=clouds_yaml, region_name="one"), sleep=pauses.append)
    with pytest.raises(Unreachable, match=r"cloud here cannot be reached: http://127\.0\.0\.1:9.*refused") as caught:
        cloud.image_request("GET", "/images")
    assert pauses == [1, 2, 4]
    assert "hush" not in str(caught.value)


def test_the_pause_that_a_service_asks_for_is_kept_within_reason(clouds_yaml: str) -> None:
    pauses: list[float] = []
    cloud = Cloud(CloudOptions(cloud="here", clouds_yaml=clouds_yaml, region_name="one"), sleep=pauses.append)
    errors = [Unreachable("busy", pause=7), Unreachable("busy", pause=9999)]

    def work() -> str:
        if errors:
            raise errors.pop(0)
        return "done"

    assert cloud.patiently(work) == "done"
    assert pauses == [7, 60]


def test_credentials_need_no_file() -> None:
    cloud = Cloud(CloudOptions(auth=AUTH), sleep=lambda _seconds: None)
    assert cloud.label == AUTH["auth_url"]
    with pytest.raises(Unreachable):
        cloud.image_request("GET", "/images")


def test_secrets_are_not_shown() -> None:
    assert "hush" not in repr(CloudOptions(auth=AUTH))
