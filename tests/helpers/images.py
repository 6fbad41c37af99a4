# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images in memory, with the face of our Glance: for what is decided, not for how it is sent."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.images import Image, ImageSpec
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.payload import Content
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError

PROJECT = "ours"


class Images:
    """A cloud whose images are dictionaries. *before* is called with the name of each request that changes it."""

    def __init__(self) -> None:
        self.cloud = SimpleNamespace(label="test")
        self.there: dict[str, dict[str, Any]] = {}
        self.shared: dict[str, set[str]] = {}
        self.before: Callable[[str], None] = lambda _request: None
        self._clock = 0

    def add(self, name: str, data: bytes = b"data", **fields: Any) -> Image:
        """Put an image there."""
        self._clock += 1
        image_id = fields.pop("id", str(uuid.uuid4()))
        self.there[image_id] = {
            "id": image_id,
            "name": name,
            "status": "active",
            "owner": PROJECT,
            "size": len(data),
            "os_hash_algo": "sha512",
            "os_hash_value": hashlib.sha512(data).hexdigest(),
            "os_hidden": False,
            "visibility": "private",
            "min_disk": 0,
            "min_ram": 0,
            "protected": False,
            "disk_format": "raw",
            "container_format": "bare",
            "created_at": f"2026-11-21T10:00:{self._clock:02}Z",
            "updated_at": f"2026-11-21T10:00:{self._clock:02}Z",
            **fields,
        }
        return self.get(image_id)

    def images(self, **filters: Any) -> list[Image]:
        found = [one for one in self.there.values() if all(one.get(name) == value for name, value in filters.items())]
        return sorted((Image.from_dict(one) for one in found), key=lambda image: image.created_at, reverse=True)

    def own(self, **filters: Any) -> list[Image]:
        return self.images(owner=PROJECT, **filters)

    def get(self, image_id: str) -> Image:
        return Image.from_dict(self.there[image_id])

    def find(self, image_id: str) -> Image | None:
        return self.get(image_id) if image_id in self.there else None

    def change(self, image: Image, wanted: Mapping[str, Any]) -> Image:
        changes = self.get(image.id).changes(wanted)
        if changes:
            self.before("change")
            for name, value in changes.items():
                if value is None:
                    del self.there[image.id][name]
                else:
                    self.there[image.id][name] = value
        return self.get(image.id)

    def remove(self, image_id: str) -> None:
        self.before("remove")
        assert not self.there[image_id]["protected"]
        del self.there[image_id]

    def members(self, image_id: str) -> set[str]:
        return self.shared.get(image_id, set())

    def share(self, image_id: str, *, add: Any = (), drop: Any = ()) -> None:
        if add or drop:
            self.before("share")
            assert self.there[image_id]["visibility"] == "shared"
            self.shared[image_id] = self.members(image_id) - set(drop) | set(add)

    def upload(self, spec: ImageSpec, content: Content) -> Image:
        """What upload() does, in place of it."""
        self.before("upload")
        with open(content.path, "rb") as file:
            data = file.read()
        number = str(uuid.uuid4())
        body = spec.body(number)
        image = self.add(body.pop("name"), data, **body)
        self.before("uploaded")
        return image


def refusing(request: str, number: int = 1) -> Callable[[str], None]:
    """Return what fails at the n-th request of that kind."""
    left = [number]

    def before(name: str) -> None:
        if name == request:
            left[0] -= 1
            if left[0] == 0:
                raise GoldsmithError("no room")

    return before
