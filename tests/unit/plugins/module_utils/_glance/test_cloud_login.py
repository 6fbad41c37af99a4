# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cloud is found as openstacksdk finds it, here or for another host; what is missing is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from openstack.config import loader

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.cloud_login import (
    CloudNotFound,
    CloudOptions,
    carried,
    login_of,
    secrets,
)

AUTH = {"auth_url": "http://127.0.0.1:9/v3", "username": "me", "password": "hush", "project_name": "mine"}


@pytest.fixture(autouse=True)
def places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Folders in place of the usual ones, and an environment that says nothing."""
    for name in ("OS_CLOUD", "OS_CLIENT_CONFIG_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    folders = [tmp_path / name for name in ("nowhere", "user", "system", "here")]
    monkeypatch.setattr(loader, "CONFIG_SEARCH_PATH", [str(folder) for folder in folders[:3]])
    for folder in folders:
        folder.mkdir()
    return tmp_path


def write(path: Path, **clouds: Any) -> str:
    """Write clouds; JSON is YAML."""
    path.write_text(json.dumps({"public-clouds" if path.stem == "clouds-public" else "clouds": clouds}))
    return str(path)


@pytest.fixture
def clouds_yaml(places: Path) -> str:
    entry = {"auth": AUTH, "regions": ["one", "two"]}
    return write(places / "clouds.yaml", here=entry, broken={"auth_type": "no_such_type"})


def test_a_cloud_that_is_not_there_is_named_with_those_that_are(clouds_yaml: str) -> None:
    with pytest.raises(CloudNotFound) as caught:
        login_of(CloudOptions(cloud="there", clouds_yaml=clouds_yaml))
    assert str(caught.value) == f"cloud there is not in clouds.yaml; known: broken, here; searched: {clouds_yaml}"


def test_without_any_file_no_cloud_is_known(places: Path) -> None:
    with pytest.raises(CloudNotFound, match="known: none"):
        login_of(CloudOptions(cloud="there", clouds_yaml=str(places / "missing.yaml")))


def test_a_file_that_is_no_yaml_is_named(places: Path) -> None:
    (places / "here" / "clouds.yaml").write_text("clouds: [")
    with pytest.raises(CloudNotFound, match=f"cannot be read: {places}/here/clouds.yaml"):
        carried(CloudOptions(cloud="there"), str(places / "here"))


def test_a_wrong_entry_is_told_from_a_missing_one(clouds_yaml: str) -> None:
    with pytest.raises(CloudNotFound, match=r"cloud here/three: .*three.*check its entry"):
        login_of(CloudOptions(cloud="here", clouds_yaml=clouds_yaml, region_name="three"))


def test_a_file_that_is_given_goes_before_the_environments(
    clouds_yaml: str, places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = {"auth": {**AUTH, "auth_url": "http://127.0.0.1:8/v3"}}
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", write(places / "other.yaml", here=other))
    found = login_of(CloudOptions(cloud="here", clouds_yaml=clouds_yaml))
    assert found.region.config["auth"]["auth_url"] == AUTH["auth_url"]
    assert found.source == clouds_yaml
    monkeypatch.setenv("OS_CLOUD", "here")
    assert login_of(CloudOptions(clouds_yaml=clouds_yaml)).region.name == "here"


def test_passwords_and_profiles_lie_beside_the_file_that_is_given(places: Path) -> None:
    given = write(places / "here" / "mine.yaml", north={"profile": "vendor", "auth": {"username": "me"}})
    write(places / "here" / "secure.yaml", north={"auth": {"password": "hush"}})
    write(places / "here" / "clouds-public.yaml", vendor={"auth": {"auth_url": AUTH["auth_url"]}})
    found = login_of(CloudOptions(cloud="north", clouds_yaml=given)).region.config["auth"]
    assert found["auth_url"] == AUTH["auth_url"] and found["password"] == "hush"


def test_a_search_begins_in_the_folder_of_the_command(places: Path) -> None:
    write(places / "system" / "clouds.yaml", system={"auth": AUTH}, north={"auth": AUTH})
    options = CloudOptions(cloud="system")
    assert carried(options, str(places / "here"))["source"] == f"{places}/system/clouds.yaml"
    write(places / "here" / "clouds.yaml", north={"auth": {"auth_url": AUTH["auth_url"], "username": "you"}})
    write(places / "here" / "secure.yaml", north={"auth": {"password": "secret"}})
    login = carried(CloudOptions(cloud="north"), str(places / "here"))
    assert login["config"]["auth"]["username"] == "you"
    assert secrets(login) == {"secret"}
    with pytest.raises(CloudNotFound, match=f"known: north; searched: {places}/here/clouds.yaml, {places}/user/"):
        carried(options, str(places / "here"))


def test_what_is_carried_says_the_same_elsewhere(places: Path, clouds_yaml: str) -> None:
    write(
        places / "here" / "clouds.yaml",
        north={
            "profile": "vendor",
            "auth_type": "v3applicationcredential",
            "auth": {"application_credential_id": "one", "application_credential_secret": "hush"},
            "regions": ["east", {"name": "west", "values": {"image_endpoint_override": "http://127.0.0.1:7"}}],
        },
    )
    write(places / "here" / "clouds-public.yaml", vendor={"auth": {"auth_url": AUTH["auth_url"]}, "interface": "admin"})
    login = json.loads(json.dumps(carried(CloudOptions(cloud="north", region_name="west"), str(places / "here"))))
    assert secrets(login) == {"hush"}
    for file in (places / "here").iterdir():
        file.unlink()
    region = login_of(CloudOptions(cloud="north", region_name="west", login=login)).region
    assert region.region_name == "west" and region.config["interface"] == "admin"
    assert region.config["image_endpoint_override"] == "http://127.0.0.1:7"
    assert type(region.get_auth()).__name__ == "ApplicationCredential"


def test_the_environment_alone_is_a_cloud(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"auth_type": "v3token", "auth_url": AUTH["auth_url"], "token": "hush", "project_id": "mine"}
    for name, value in settings.items():
        monkeypatch.setenv(f"OS_{name.upper()}", value)
    login = carried(CloudOptions(cloud="envvars"), str(places / "here"))
    assert login["source"] == "the environment" and secrets(login) == {"hush"}
    assert login["config"]["auth_type"] == "v3token"
    with pytest.raises(CloudNotFound, match="known: envvars"):
        carried(CloudOptions(cloud="north"), str(places / "here"))


CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def test_a_relative_ca_file_begins_in_the_folder_of_the_command(places: Path) -> None:
    write(places / "here" / "clouds.yaml", north={"auth": AUTH, "cacert": "own/ca.pem"})
    (places / "here" / "own").mkdir()
    file = places / "here" / "own" / "ca.pem"
    file.write_text(CERTIFICATES.read_text())
    login = carried(CloudOptions(cloud="north"), str(places / "here"))
    file.unlink()
    config = login_of(CloudOptions(cloud="north", login=login)).region.config
    assert config["cacert"] != str(file) and Path(config["cacert"]).read_text() == CERTIFICATES.read_text()


def test_a_ca_file_of_the_environment_comes_along(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(places / "here" / "clouds.yaml", north={"auth": AUTH}, blind={"auth": AUTH, "verify": False})
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATES))
    assert carried(CloudOptions(cloud="north"), str(places / "here"))["files"]["cacert"] == CERTIFICATES.read_text()
    assert carried(CloudOptions(cloud="blind"), str(places / "here"))["files"] == {}
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such.pem")
    with pytest.raises(CloudNotFound) as caught:
        login_of(CloudOptions(cloud="north", clouds_yaml=str(places / "here" / "clouds.yaml")))
    assert str(caught.value) == (
        "cloud north: its CA file /no/such.pem does not exist; it is named in REQUESTS_CA_BUNDLE, as cacert"
    )


@pytest.mark.parametrize(
    ("entry", "content", "fault"),
    [
        ({"cacert": "ca.pem"}, None, "its CA file {here}/ca.pem does not exist"),
        ({"cacert": "ca.pem"}, "no PEM", r"its CA file {here}/ca.pem holds no certificate \(PEM\)"),
        ({"cert": "me.pem"}, None, "its client certificate {here}/me.pem does not exist"),
        ({"cert": "/dev/null", "key": "key.pem"}, None, "its key of the client certificate {here}/key.pem does not"),
    ],
)
def test_a_file_that_is_missing_is_that(places: Path, entry: dict[str, str], content: str | None, fault: str) -> None:
    here = places / "here"
    file = write(here / "clouds.yaml", north={"auth": AUTH, **entry})
    if content:
        (here / "ca.pem").write_text(content)
    with pytest.raises(CloudNotFound, match=f"cloud north: {fault.format(here=here)}.*; it is named in {file}, as "):
        carried(CloudOptions(cloud="north"), str(here))


def test_a_ca_file_is_of_no_account_where_nothing_is_verified(places: Path) -> None:
    write(places / "here" / "clouds.yaml", north={"auth": AUTH, "cacert": "missing.pem", "verify": False})
    with pytest.warns(Warning, match="ignore the host verification"):
        assert carried(CloudOptions(cloud="north"), str(places / "here"))["files"] == {}


def test_a_login_that_was_not_found_is_told_where_it_is_used() -> None:
    with pytest.raises(CloudNotFound, match="on the control node, cloud north is not there"):
        login_of(CloudOptions(cloud="north", login={"msg": "on the control node, cloud north is not there"}))
