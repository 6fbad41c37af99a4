# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._local_cloud_files import Settings
from ansible_collections.goldsmith.openstack.plugins.module_utils._local_cloud_identity import answers, register


class Identity(BaseHTTPRequestHandler):
    """Enough of the identity API to keep what is made."""

    kept: dict[str, list[dict[str, Any]]]
    calls: list[str]
    refuse = False

    def _handle(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
        kind = self.path.removeprefix("/v3/")
        self.calls.append(f"{self.command} {kind}")
        if self.refuse:
            self._answer(401, {})
        elif kind == "auth/tokens":
            self._answer(201, {}, {"X-Subject-Token": "token"})
        elif self.headers["X-Auth-Token"] != "token":
            self._answer(401, {})
        elif self.command == "GET":
            self._answer(200, {kind: self.kept.setdefault(kind, [])})
        elif self.command == "POST":
            ((noun, value),) = body.items()
            self.kept[kind].append({**value, "id": f"{noun}-{len(self.kept[kind])}"})
            self._answer(201, {noun: self.kept[kind][-1]})
        elif self.command == "PATCH":
            kind, number = kind.split("/")
            (one,) = [one for one in self.kept[kind] if one["id"] == number]
            one.update(body[kind[:-1]])
            self._answer(200, {})
        else:
            self._answer(204, None)

    do_GET = do_POST = do_PATCH = do_PUT = _handle  # noqa: N815

    def _answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        text = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(text))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_words: object) -> None:
        pass


@pytest.fixture
def identity() -> Iterator[tuple[type[Identity], Settings]]:
    handler = type("Handler", (Identity,), {"kept": {}, "calls": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield handler, Settings(server.server_address[1], 29292, "admin-secret", "glance-secret")
    server.shutdown()
    server.server_close()


def test_glance_is_made_known_once(identity: tuple[type[Identity], Settings]) -> None:
    handler, settings = identity
    register(settings)
    assert [one["type"] for one in handler.kept["services"]] == ["image"]
    assert {one["interface"] for one in handler.kept["endpoints"]} == {"public", "internal", "admin"}
    assert {one["url"] for one in handler.kept["endpoints"]} == {"http://127.0.0.1:29292"}
    assert handler.calls[-1] == "PUT projects/project-0/users/user-0/roles/role-0"
    handler.calls.clear()
    register(settings)
    assert not [call for call in handler.calls if call.startswith("POST") and "tokens" not in call]
    assert not [call for call in handler.calls if call.startswith("PATCH")]


def test_a_new_port_is_put_right(identity: tuple[type[Identity], Settings]) -> None:
    handler, settings = identity
    register(settings)
    register(Settings(settings.identity_port, 29999, "admin-secret", "glance-secret"))
    assert {one["url"] for one in handler.kept["endpoints"]} == {"http://127.0.0.1:29999"}
    assert len(handler.kept["endpoints"]) == 3


def test_a_refusal_is_one_line(identity: tuple[type[Identity], Settings]) -> None:
    handler, settings = identity
    handler.refuse = True
    with pytest.raises(GoldsmithError, match="the local Keystone refused POST auth/tokens: 401"):
        register(settings)


def test_a_server_answers_or_not(identity: tuple[type[Identity], Settings]) -> None:
    _handler, settings = identity
    # A refusal is an answer, too.
    assert answers(f"{settings.identity_url}/services")
    assert not answers("http://127.0.0.1:9/")
