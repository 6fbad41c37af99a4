# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Keystone must know of the local cloud: Glance, its address and its account."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.connection import Cloud, CloudOptions
from ansible_collections.goldsmith.openstack.plugins.module_utils._local_cloud.server_files import (
    CLOUD,
    REGION,
    Settings,
)


def register(settings: Settings, clouds_yaml: Path) -> None:
    """Put Glance, its address and its account into Keystone, where they are not there yet."""
    cloud = Cloud(CloudOptions(cloud=CLOUD, clouds_yaml=str(clouds_yaml)))
    cloud.ask(lambda sdk: _register(sdk.identity, settings))


def _register(identity: Any, settings: Settings) -> None:
    address = {"url": settings.image_url}
    service = _ensured(identity, "service", {"type": "image"}, {"name": "glance"})
    for interface in ("public", "internal", "admin"):
        key = {"service_id": service.id, "interface": interface, "region_id": REGION}
        endpoint = _ensured(identity, "endpoint", key, address)
        if endpoint.url != settings.image_url:
            identity.update_endpoint(endpoint, **address)
    project = _ensured(identity, "project", {"name": "service", "domain_id": "default"})
    account = {"name": "glance", "domain_id": "default"}
    user = _ensured(identity, "user", account, {"password": settings.service_password})
    identity.assign_project_role_to_user(project, user, _ensured(identity, "role", {"name": "service"}))


def _ensured(identity: Any, kind: str, key: dict[str, str], rest: Mapping[str, str] | None = None) -> Any:
    """Return the one that has *key*; make it, with *rest*, if there is none."""
    found = next(iter(getattr(identity, f"{kind}s")(**key)), None)
    return found or getattr(identity, f"create_{kind}")(**key, **(rest or {}))
