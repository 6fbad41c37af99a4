# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.connection import LoginRefused
from ansible_collections.goldsmith.openstack.plugins.module_utils._local_cloud import identity
from ansible_collections.goldsmith.openstack.plugins.module_utils._local_cloud.identity import register
from ansible_collections.goldsmith.openstack.plugins.module_utils._local_cloud.server_files import Settings, clouds_yaml

SETTINGS = Settings(25000, 29292, "admin-secret", "glance-secret")


class Identity:
    """As much of openstacksdk's identity API as keeps what is made."""

    def __init__(self) -> None:
        self.kept: dict[str, list[SimpleNamespace]] = {}
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        def listed(**key: str) -> Iterator[SimpleNamespace]:
            return (one for one in self.kept.get(name, []) if key.items() <= vars(one).items())

        def create(**fields: str) -> SimpleNamespace:
            self.calls.append(name)
            kind = f"{name.removeprefix('create_')}s"
            made = SimpleNamespace(id=f"{kind}-{len(self.kept.get(kind, []))}", **fields)
            self.kept.setdefault(kind, []).append(made)
            return made

        return create if name.startswith("create_") else listed

    def update_endpoint(self, endpoint: SimpleNamespace, **fields: str) -> None:
        self.calls.append("update_endpoint")
        vars(endpoint).update(fields)

    def assign_project_role_to_user(self, *what: SimpleNamespace) -> None:
        self.given = [one.id for one in what]


@pytest.fixture
def keystone(monkeypatch: pytest.MonkeyPatch) -> Identity:
    made = Identity()
    cloud = SimpleNamespace(ask=lambda work: work(SimpleNamespace(identity=made)))
    monkeypatch.setattr(identity, "Cloud", lambda _options: cloud)
    return made


def test_glance_is_made_known_once(keystone: Identity) -> None:
    register(SETTINGS, Path("clouds.yaml"))
    assert [one.type for one in keystone.kept["services"]] == ["image"]
    assert {one.interface for one in keystone.kept["endpoints"]} == {"public", "internal", "admin"}
    assert {one.url for one in keystone.kept["endpoints"]} == {"http://127.0.0.1:29292"}
    assert [one.password for one in keystone.kept["users"]] == ["glance-secret"]
    assert keystone.given == ["projects-0", "users-0", "roles-0"]
    keystone.calls.clear()
    register(SETTINGS, Path("clouds.yaml"))
    assert keystone.calls == []


def test_a_new_port_is_put_right(keystone: Identity) -> None:
    register(SETTINGS, Path("clouds.yaml"))
    register(Settings(25000, 29999, "admin-secret", "glance-secret"), Path("clouds.yaml"))
    assert [one.url for one in keystone.kept["endpoints"]] == ["http://127.0.0.1:29999"] * 3


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a server that refuses every login, where a proxy is set that nobody is at."""

    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404)

        def do_POST(self) -> None:
            self.send_error(401)

        def log_message(self, *_words: object) -> None:
            pass

    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    found = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield found.server_address[1]
    found.shutdown()
    found.server_close()


def test_a_refusal_is_one_line(server: int, tmp_path: Path) -> None:
    settings = Settings(server, 29292, "admin-secret", "glance-secret")
    path = tmp_path / "clouds.yaml"
    path.write_text(clouds_yaml(settings))
    with pytest.raises(LoginRefused, match=r"^cloud embedded.*: user name, password or project refused \(401\)"):
        register(settings, path)
