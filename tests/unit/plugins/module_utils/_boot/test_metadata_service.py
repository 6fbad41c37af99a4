# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metadata service, run as QEMU runs it: a process for each connection."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._boot import metadata_service
from ansible_collections.goldsmith.openstack.plugins.module_utils._guest.instance_documents import (
    InstanceData,
    ec2_documents,
    openstack_documents,
)

MAC = "52:54:00:60:1d:00"
SCRIPT = "#!/bin/sh\necho 'käse'\n"
INSTANCE = InstanceData("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "web.example.org", "ssh-ed25519 AAAA me", SCRIPT)
OPENSTACK = openstack_documents(INSTANCE)
EC2 = ec2_documents(INSTANCE, address="169.254.0.15", mac=MAC)


def talk(folder: Path, documents: dict[str, bytes], requests: bytes) -> bytes:
    words = shlex.split(metadata_service.install(folder, documents))
    # From another folder and with nothing in the environment, as a daemon would.
    result = subprocess.run(words, input=requests, stdout=subprocess.PIPE, cwd="/", env={}, check=True, timeout=20)
    return result.stdout


def get(folder: Path, documents: dict[str, bytes], path: str, method: str = "GET") -> tuple[int, bytes]:
    answer = talk(folder, documents, f"{method} {path} HTTP/1.0\r\nHost: 169.254.169.254\r\n\r\n".encode())
    head, _blank, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def test_openstack_form(tmp_path: Path) -> None:
    status, body = get(tmp_path, OPENSTACK, "/openstack/latest/meta_data.json")
    meta_data = json.loads(body)
    assert status == 200
    assert meta_data["uuid"] == INSTANCE.uuid
    assert meta_data["hostname"] == "web.example.org"
    assert meta_data["name"] == "web"
    assert meta_data["public_keys"] == {"goldsmith": "ssh-ed25519 AAAA me"}
    assert get(tmp_path, OPENSTACK, "/openstack/2018-08-27/user_data") == (200, SCRIPT.encode())
    assert get(tmp_path, OPENSTACK, "/openstack/latest/vendor_data.json") == (200, b"{}")
    versions = get(tmp_path, OPENSTACK, "/openstack")[1].decode().split()
    assert versions[0] == "2012-08-10"
    assert versions[-1] == "latest"


def test_ec2_form(tmp_path: Path) -> None:
    for version in ("latest", "2009-04-04"):
        assert get(tmp_path, EC2, f"/{version}/meta-data/hostname") == (200, b"web.example.org")
        assert get(tmp_path, EC2, f"/{version}/meta-data/instance-id") == (200, b"i-eeeeeeee")
        assert get(tmp_path, EC2, f"/{version}/user-data") == (200, SCRIPT.encode())
    listing = get(tmp_path, EC2, "/latest/meta-data/")[1].decode().split("\n")
    assert {"hostname", "placement/", "public-keys/"} <= set(listing)
    assert get(tmp_path, EC2, "/latest/meta-data/public-keys/") == (200, b"0=goldsmith")
    assert get(tmp_path, EC2, "/latest/meta-data/public-keys/0/") == (200, b"openssh-key")
    assert get(tmp_path, EC2, "/latest/meta-data/public-keys/0/openssh-key") == (200, b"ssh-ed25519 AAAA me\n")
    assert get(tmp_path, EC2, f"/latest/meta-data/network/interfaces/macs/{MAC}/device-number") == (200, b"0")


def test_every_listed_name_answers(tmp_path: Path) -> None:
    pending, leaves = ["/latest/meta-data/"], 0
    while pending:
        folder = pending.pop()
        for name in get(tmp_path, EC2, folder)[1].decode().split("\n"):
            name = name.partition("=")[0] + "/" if "=" in name else name
            if name.endswith("/"):
                pending.append(folder + name)
            else:
                leaves += 1
                assert get(tmp_path, EC2, folder + name)[0] == 200
    assert leaves > 15


@pytest.mark.parametrize(
    ("documents", "path"),
    [
        (OPENSTACK, "/openstack/latest/network_data.json"),
        (OPENSTACK, "/openstack/2099-01-01/meta_data.json"),
        (OPENSTACK, "/latest/meta-data/"),
        (EC2, "/openstack"),
        (EC2, "/openstack/latest/meta_data.json"),
        (openstack_documents(InstanceData("a-b", "h", "k")), "/openstack/latest/user_data"),
        (ec2_documents(InstanceData("a-b", "h", "k"), address="a", mac="m"), "/latest/user-data"),
    ],
)
def test_what_is_not_there_is_not_found(tmp_path: Path, documents: dict[str, bytes], path: str) -> None:
    assert get(tmp_path, documents, path) == (404, b"")


def test_session_token_only_in_ec2_form(tmp_path: Path) -> None:
    assert get(tmp_path, EC2, "/latest/api/token", "PUT")[0] == 200
    assert get(tmp_path, OPENSTACK, "/latest/api/token", "PUT")[0] == 404
    assert get(tmp_path, EC2, "/latest/user-data", "DELETE")[0] == 405


def test_one_connection_serves_several_requests(tmp_path: Path) -> None:
    first = b"PUT /latest/api/token HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody"
    second = b"GET /latest/meta-data/instance-id HTTP/1.1\r\nConnection: close\r\n\r\n"
    answer = talk(tmp_path, EC2, first + second)
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert answer.endswith(b"i-eeeeeeee")


@pytest.mark.parametrize("garbage", [b"", b"\r\n\r\n", b"GET\r\n\r\n", b"\xff\xfe\x00 / x\r\n\r\n", b"GET /x"])
def test_garbage_ends_the_connection_quietly(tmp_path: Path, garbage: bytes) -> None:
    answer = talk(tmp_path, EC2, garbage)
    assert answer == b"" or answer.split()[1] in (b"400", b"404", b"405")
