# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Keystone must know of the local cloud: Glance, its address and its account. Floor 2."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._local_cloud_files import REGION, Settings

# Loopback never goes through a proxy, whatever the environment says.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def answers(url: str) -> bool:
    """Return whether a server answers at that address."""
    try:
        with _OPENER.open(url, timeout=5):
            return True
    except urllib.error.HTTPError as error:
        # Glance lists its versions with status 300.
        return error.code < 500
    except OSError:
        return False


def register(settings: Settings) -> None:
    """Put Glance, its address and its account into Keystone, where they are not there yet."""
    keystone = _Keystone(settings)
    service = keystone.ensure("services", {"type": "image", "name": "glance"})
    for interface in ("public", "internal", "admin"):
        keystone.ensure(
            "endpoints",
            {"service_id": service, "interface": interface, "region_id": REGION},
            {"url": settings.image_url},
        )
    project = keystone.ensure("projects", {"name": "service", "domain_id": "default"})
    user = keystone.ensure(
        "users", {"name": "glance", "domain_id": "default"}, {"password": settings.service_password}, update=False
    )
    role = keystone.ensure("roles", {"name": "service"})
    keystone.call("PUT", f"projects/{project}/users/{user}/roles/{role}")


class _Keystone:
    """The few calls of the identity API that set up a cloud, without a client library."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.identity_url
        user = {"name": "admin", "domain": {"id": "default"}, "password": settings.admin_password}
        scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
        identity = {"methods": ["password"], "password": {"user": user}}
        self._token = ""
        headers, _body = self._request("POST", "auth/tokens", {"auth": {"identity": identity, "scope": scope}})
        self._token = headers["X-Subject-Token"]

    def call(self, method: str, path: str, body: object = None) -> Any:
        return self._request(method, path, body)[1]

    def ensure(self, kind: str, key: dict[str, str], rest: dict[str, str] | None = None, update: bool = True) -> str:
        """Return the id of the one that has *key*; make it if there is none, put *rest* right if it differs."""
        rest = rest or {}
        noun = kind[:-1]
        for known in self.call("GET", kind)[kind]:
            if all(known.get(name) == value for name, value in key.items()):
                if update and any(known.get(name) != value for name, value in rest.items()):
                    self.call("PATCH", f"{kind}/{known['id']}", {noun: rest})
                return known["id"]
        return self.call("POST", kind, {noun: {**key, **rest}})[noun]["id"]

    def _request(self, method: str, path: str, body: object = None) -> tuple[Mapping[str, str], Any]:
        request = urllib.request.Request(  # noqa: S310 (the address is ours, on loopback)
            f"{self._url}/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **({"X-Auth-Token": self._token} if self._token else {})},
        )
        try:
            with _OPENER.open(request, timeout=60) as answer:
                text = answer.read()
                return answer.headers, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            raise GoldsmithError(f"the local Keystone refused {method} {path}: {error.code} {error.reason}") from error
