# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials are on the control node: found as openstacksdk finds them, and used from any build host."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from helpers.glance import TestCloud, raw_disk
from helpers.ssh import SshServer, ssh_server

PUBLISH = "goldsmith.openstack.publish"
# What openstacksdk makes of a cloud, in a process of its own as the command openstack is.
_ASK = """
import json, sys, openstack.config
region = openstack.config.OpenStackConfig().get_one(sys.argv[1] or None)
print(json.dumps({"auth": region.config["auth"], "type": region.config["auth_type"], "name": region.name,
                  "region": region.region_name, "verify": region.get_requests_verify_args()[0]}))
"""
AUTH = {"auth_url": "http://127.0.0.1:9/v3", "username": "me", "password": "hush", "project_name": "mine"}
SECRET = {"application_credential_id": "one", "application_credential_secret": "hush"}
TOKEN = {"OS_AUTH_TYPE": "v3token", "OS_AUTH_URL": AUTH["auth_url"], "OS_TOKEN": "hush", "OS_PROJECT_ID": "mine"}
VARIABLES = {f"OS_{name.upper()}": value for name, value in AUTH.items()}


def environment(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a person whose home is *folder*, with no word of a cloud but *more*."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    # The name of a socket in that home would be too long.
    alone = {"ANSIBLE_SSH_ARGS": "-o ControlMaster=no"}
    return {**bare, **alone, "HOME": str(folder), "PWD": str(folder / "here"), "COLUMNS": "2000", **more}


@pytest.mark.parametrize(
    ("files", "variables", "cloud"),
    [
        ({"here/clouds.yaml": {"clouds": {"north": {"auth": AUTH}}}}, {}, "north"),
        ({".config/openstack/clouds.yaml": {"clouds": {"north": {"auth": AUTH}}}}, {}, "north"),
        (
            {
                "here/clouds.yaml": {"clouds": {"north": {"profile": "ours", "auth": {"username": "me"}}}},
                "here/secure.yaml": {"clouds": {"north": {"auth": {"password": "hush"}}}},
                "here/clouds-public.yaml": {"public-clouds": {"ours": {"auth": {"auth_url": AUTH["auth_url"]}}}},
            },
            {},
            "north",
        ),
        (
            {
                "deep/my.yaml": {"clouds": {"north": {"auth": {**AUTH, "password": None}}}},
                "deep/passwords.yaml": {"clouds": {"north": {"auth": {"password": "hush"}}}},
            },
            {"OS_CLIENT_CONFIG_FILE": "../deep/my.yaml", "OS_CLIENT_SECURE_FILE": "../deep/passwords.yaml"},
            "north",
        ),
        (
            {
                "here/clouds.yaml": {
                    "clouds": {"north": {"auth_type": "v3applicationcredential", "auth": {**SECRET, "auth_url": "x"}}}
                }
            },
            {},
            "north",
        ),
        ({}, VARIABLES, "envvars"),
        ({}, TOKEN, "envvars"),
        ({"here/clouds.yaml": {"clouds": {"north": {"auth": AUTH}}}}, VARIABLES, "north"),
    ],
    ids=["here", "home", "secure-and-public", "named", "application-credential", "variables", "token", "both"],
)
def test_a_cloud_is_what_openstacksdk_makes_of_it(
    tmp_path: Path, files: Mapping[str, Any], variables: dict[str, str], cloud: str
) -> None:
    for name in ("here", "deep", ".config/openstack"):
        (tmp_path / name).mkdir(parents=True)
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    settings = {"cwd": tmp_path / "here", "env": environment(tmp_path, **variables)}
    theirs = subprocess.run([sys.executable, "-c", _ASK, cloud], check=True, stdout=subprocess.PIPE, **settings).stdout
    play = [{"hosts": "localhost", "gather_facts": False, "tasks": [
        {"ansible.builtin.copy": {"dest": "login.json", "mode": "0600", "content":
            "{{ query('goldsmith.openstack.cloud_login', '" + cloud + "') | first | to_json }}"}}]}]  # fmt: skip
    (tmp_path / "deep" / "play.yml").write_text(json.dumps(play))
    argv = [sys.executable, "-m", "ansible.cli.playbook", "../deep/play.yml"]
    subprocess.run(argv, stdin=subprocess.DEVNULL, check=True, stdout=subprocess.PIPE, **settings)
    login = json.loads((tmp_path / "deep" / "login.json").read_text())
    assert "msg" not in login
    config, known = login["config"], json.loads(theirs)
    assert (config["auth"], config["auth_type"]) == (known["auth"], known["type"])
    assert config.get("region_name") == known["region"]


@pytest.fixture
def builder(tmp_path: Path) -> Iterator[SshServer]:
    """Another host: its account has another home, and no credentials."""
    (tmp_path / "elsewhere").mkdir()
    with ssh_server(tmp_path / "sshd", SetEnv=f"HOME={tmp_path}/elsewhere") as server:
        (tmp_path / "hosts").write_text(server.inventory("builder"))
        yield server


def images(folder: Path, name: str) -> Path:
    """An output folder with one disk."""
    folder.mkdir(parents=True)
    disk = raw_disk(folder / f"{name}.raw", size=1 << 18)
    digest = hashlib.sha512(disk.read_bytes()).hexdigest()
    artifact = {"file": disk.name, "format": "raw", "sha512": digest, "virtual_size": 1 << 18, "min_disk": 1}
    (folder / "manifest.json").write_text(json.dumps({"name": name, "artifacts": [artifact], "min_ram": 512}))
    return folder


def publish(checkout: Path, folder: Path, *words: str, **variables: str) -> tuple[int, str]:
    """Run the playbook publish as somebody whose home is *folder*, in its folder here."""
    argv = [checkout / "goldsmith", "playbook", PUBLISH, "-i", "../hosts", *words]
    result = subprocess.run(
        argv,
        cwd=folder / "here",
        env=environment(folder, **variables),
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return result.returncode, result.stdout


def test_images_of_another_host_are_published_with_the_credentials_of_this_one(
    checkout: Path, tmp_path: Path, builder: SshServer, glance_cloud: TestCloud
) -> None:
    there = images(tmp_path / "elsewhere" / "dist" / "guest", "Guest 13")
    (tmp_path / "here").mkdir()
    words = ["-e", "image_build_host=builder", "-e", f"image_publish_dir={there}", "-vvv"]
    status, said = publish(checkout, tmp_path, *words, "-e", "image_clouds=north")
    assert status != 0
    assert "on the control node, cloud north is not in clouds.yaml; known: none; searched: " in said
    assert f"{tmp_path}/here/clouds.yaml, {tmp_path}/.config/openstack/clouds.yaml, " in said

    entry = json.loads(glance_cloud.clouds_yaml.read_text())["clouds"]["embedded"]
    password = entry["auth"].pop("password")
    secret = {"clouds": {"north": {"auth": {"password": password}}}}
    (tmp_path / "here" / "secure.yaml").write_text(json.dumps(secret))
    (tmp_path / "here" / "clouds.yaml").write_text(json.dumps({"clouds": {"north": {**entry, "cacert": "ca.pem"}}}))
    status, said = publish(checkout, tmp_path, *words, "-e", "image_clouds=north")
    assert status != 0
    assert f"on the control node, cloud north: its CA file {tmp_path}/here/ca.pem does not exist; it is named" in said
    assert "cannot be reached" not in said

    certificates = Path("/etc/ssl/certs/ca-certificates.crt").read_text()
    (tmp_path / "here" / "ca.pem").write_text(certificates)
    status, said = publish(checkout, tmp_path, *words, OS_CLOUD="north")
    assert status == 0, said
    (image,) = glance_cloud.images()
    assert (image.name, image.status) == ("Guest 13", "active")
    assert password not in said
    # Nothing of it stays there.
    left = [path for path in (tmp_path / "elsewhere").rglob("*") if path.is_file() and path.parent != there]
    assert not [path for path in left if password in path.read_text(errors="replace")]


def test_the_environment_of_the_control_node_is_enough(
    checkout: Path, tmp_path: Path, builder: SshServer, glance_cloud: TestCloud
) -> None:
    images(tmp_path / "elsewhere" / "guest", "guest")
    (tmp_path / "here").mkdir()
    auth = json.loads(glance_cloud.clouds_yaml.read_text())["clouds"]["embedded"]["auth"]
    variables = {f"OS_{name.upper()}": value for name, value in auth.items()}
    words = ["-e", "image_build_host=builder", "-e", "image_publish_dir=guest"]
    status, said = publish(checkout, tmp_path, *words, **variables)
    assert status == 0, said
    assert [image.name for image in glance_cloud.images()] == ["guest"]
    status, said = publish(checkout, tmp_path, *words, **{**variables, "OS_PASSWORD": "wrong"})
    assert status != 0
    assert "cloud envvars: user name, password or project refused (401); check auth of envvars in the environment" in (
        said
    )
