# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.cloud_login import CloudOptions
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.connection import (
    Cloud,
    TokenRefused,
    Unreachable,
    _pause,
)

AUTH = {"auth_url": "http://127.0.0.1:9/v3", "username": "me", "password": "hush", "project_name": "mine"}


@pytest.fixture
def clouds_yaml(tmp_path: Path) -> str:
    path = tmp_path / "clouds.yaml"
    path.write_text(json.dumps({"clouds": {"here": {"auth": AUTH, "regions": ["one", "two"]}}}))
    return str(path)


def test_a_cloud_that_does_not_answer_is_asked_four_times(clouds_yaml: str) -> None:
    pauses: list[float] = []
    cloud = Cloud(CloudOptions(cloud="here", clouds_yaml=clouds_yaml, region_name="one"), sleep=pauses.append)
    with pytest.raises(
        Unreachable, match=r"cloud here/one cannot be reached: http://127\.0\.0\.1:9.*refused"
    ) as caught:
        cloud.image_request("GET", "/images")
    assert pauses == [1, 2, 4]
    assert "hush" not in str(caught.value)


def test_a_cloud_that_did_answer_is_waited_for_longer(clouds_yaml: str) -> None:
    pauses: list[float] = []
    cloud = Cloud(CloudOptions(cloud="here", clouds_yaml=clouds_yaml, region_name="one"), sleep=pauses.append)
    errors = [Unreachable("restarted") for _attempt in range(6)]

    def work() -> str:
        if errors:
            raise errors.pop(0)
        return "done"

    # Nothing is asked of a server here: it counts as an answer all the same.
    assert cloud.ask(lambda _sdk: "hello") == "hello"
    assert cloud.patiently(work) == "done"
    assert pauses == [1, 2, 4, 8, 16, 32]
    with pytest.raises(Unreachable):
        cloud.image_request("GET", "/images", attempts=2)
    assert pauses[6:] == [1]


def test_the_user_says_how_often(clouds_yaml: str) -> None:
    pauses: list[float] = []
    options = CloudOptions(cloud="here", clouds_yaml=clouds_yaml, region_name="one", attempts=2)
    with pytest.raises(Unreachable):
        Cloud(options, sleep=pauses.append).image_request("GET", "/images")
    assert pauses == [1]


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


def test_a_pause_is_told_in_seconds_or_by_a_date() -> None:
    assert _pause("7") == 7
    assert 50 < _pause(format_datetime(datetime.now(timezone.utc) + timedelta(minutes=1), usegmt=True)) <= 60
    assert _pause("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert _pause("") == _pause("soon") == 0


class Session:
    """A session of keystoneauth whose tokens live as long as told."""

    def __init__(self, life: float, left: float) -> None:
        now = datetime.now(timezone.utc)
        self.auth = self
        self.issued, self.expires = now + timedelta(seconds=left - life), now + timedelta(seconds=left)
        self.logins = 0

    def get_access(self, _session: Session) -> Session:
        return self

    def will_expire_soon(self, seconds: int) -> bool:
        return self.expires < datetime.now(timezone.utc) + timedelta(seconds=seconds)

    def invalidate(self) -> None:
        self.logins += 1

    def get_token(self) -> str:
        return "token"


@pytest.mark.parametrize(
    ("life", "left", "renewed"),
    [
        (3600, 3500, False),
        (3600, 1000, True),
        (86400, 7200, False),
        (86400, 3000, True),
        (300, 299, False),
        (300, 100, True),
    ],
)
def test_a_token_that_will_not_last_is_renewed_before_data_is_sent(life: float, left: float, renewed: bool) -> None:
    cloud = Cloud(CloudOptions(auth=AUTH))
    session = Session(life, left)
    cloud._connection = SimpleNamespace(session=session, image=SimpleNamespace(request=answered(200)))
    cloud.upload_request("/images/1/file", [b"data"], {})
    assert session.logins == renewed


def answered(status: int):
    """A request of the SDK that keeps what it was called with."""

    def request(*_words: object, **how: object) -> SimpleNamespace:
        request.how = how
        return SimpleNamespace(status_code=status, text="", reason="", headers={})

    return request


def test_data_is_sent_once_and_with_a_time_limit_for_each_block() -> None:
    cloud = Cloud(CloudOptions(auth=AUTH, timeout=77))
    request = answered(401)
    # A plugin of keystoneauth that knows no tokens.
    cloud._connection = SimpleNamespace(session=SimpleNamespace(auth=None), image=SimpleNamespace(request=request))
    cloud._region = None
    with pytest.raises(TokenRefused, match="refused"):
        cloud.upload_request("/images/1/file", [b"data"], {"A": "b"})
    assert request.how["timeout"] == (77, 77)
    assert request.how["allow_reauth"] is False
    assert (request.how["connect_retries"], request.how["status_code_retries"]) == (0, 0)


def test_credentials_need_no_file() -> None:
    cloud = Cloud(CloudOptions(auth=AUTH), sleep=lambda _seconds: None)
    assert cloud.label == AUTH["auth_url"]
    with pytest.raises(Unreachable):
        cloud.image_request("GET", "/images")


def test_secrets_are_not_shown() -> None:
    assert "hush" not in repr(CloudOptions(auth=AUTH))
