# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images in Glance: find, create, change, share, remove."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.connection import (
    Cloud,
    Refused,
    Unreachable,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import Interrupted

_PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
# The most that a service gives at once, unless its operator decided otherwise; its own default is 25.
_PAGE = 1000
# Fields that are changed like properties, but are never added or removed.
_CHANGEABLE = ("name", "os_hidden", "protected", "visibility", "min_disk", "min_ram", "tags")
# The fields of an image that are not properties which a user sets.
_FIELDS = frozenset(
    (
        "checksum",
        "container_format",
        "created_at",
        "direct_url",
        "disk_format",
        "file",
        "id",
        "locations",
        "min_disk",
        "min_ram",
        "name",
        "os_glance_failed_import",
        "os_glance_importing_to_stores",
        "os_hash_algo",
        "os_hash_value",
        "os_hidden",
        "owner",
        "protected",
        "schema",
        "self",
        "size",
        "status",
        "stores",
        "tags",
        "updated_at",
        "virtual_size",
        "visibility",
    )
)


@dataclass(frozen=True)
class Image:
    """An image as Glance has it. *attributes* has the properties, and the other fields that can be changed."""

    id: str
    name: str
    status: str
    size: int | None
    disk_format: str | None
    container_format: str | None
    hash_algorithm: str | None
    hash_value: str | None
    owner: str | None
    hidden: bool
    protected: bool
    visibility: str
    created_at: str
    updated_at: str
    stores: tuple[str, ...]
    properties: Mapping[str, str]
    attributes: Mapping[str, Any]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Image:
        """Return the image that the API describes."""
        properties = {name: value for name, value in data.items() if name not in _FIELDS}
        changeable = {name: data.get(name) for name in _CHANGEABLE}
        return cls(
            id=data["id"],
            name=data.get("name") or "",
            status=data["status"],
            size=data.get("size"),
            disk_format=data.get("disk_format"),
            container_format=data.get("container_format"),
            hash_algorithm=data.get("os_hash_algo"),
            hash_value=data.get("os_hash_value"),
            owner=data.get("owner"),
            hidden=bool(data.get("os_hidden")),
            protected=bool(data.get("protected")),
            visibility=data.get("visibility") or "",
            created_at=data.get("created_at") or "",
            updated_at=data.get("updated_at") or "",
            stores=tuple(store for store in (data.get("stores") or "").split(",") if store),
            properties=properties,
            attributes={**properties, **changeable, "tags": sorted(data.get("tags") or [])},
        )

    def changes(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Return what of *wanted* is not so; None as a value means that there is no such property."""
        return {name: value for name, value in wanted.items() if self.attributes.get(name) != value}

    def having(self, changes: Mapping[str, Any]) -> Image:
        """Return the image as it will be with these changes."""
        attributes = {name: value for name, value in {**self.attributes, **changes}.items() if value is not None}
        return replace(
            self,
            name=attributes.get("name") or "",
            hidden=bool(attributes.get("os_hidden")),
            protected=bool(attributes.get("protected")),
            visibility=attributes.get("visibility") or "",
            properties={name: value for name, value in attributes.items() if name not in _CHANGEABLE},
            attributes=attributes,
        )


@dataclass(frozen=True)
class ImageSpec:
    """An image as it is created. None leaves a field to Glance. The id is chosen by who creates it.

    With *dated* it bears that in place of its name, and after it the first characters of its id. A property of None is
    one that must not be there.
    """

    name: str
    disk_format: str
    container_format: str
    visibility: str = "private"
    hidden: bool = False
    dated: str | None = None
    min_disk: int | None = None
    min_ram: int | None = None
    tags: tuple[str, ...] | None = None
    properties: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def attributes(self) -> dict[str, Any]:
        """What is compared with an image that is there already: neither its name nor whether it is hidden."""
        fields = {
            "visibility": self.visibility,
            "min_disk": self.min_disk,
            "min_ram": self.min_ram,
            "tags": None if self.tags is None else sorted(set(self.tags)),
        }
        return {**self.properties, **{name: value for name, value in fields.items() if value is not None}}

    def body(self, image_id: str) -> dict[str, Any]:
        """Return the description that creates it: every property is there before the data."""
        return {
            **{name: value for name, value in self.attributes.items() if value is not None},
            "id": image_id,
            "name": f"{self.dated}-{image_id[:8]}" if self.dated else self.name,
            "os_hidden": self.hidden,
            "disk_format": self.disk_format,
            "container_format": self.container_format,
        }


class Glance:
    """The images of one project in one cloud."""

    def __init__(
        self, cloud: Cloud, *, sleep: Callable[[float], None] | None = None, stop: threading.Event | None = None
    ) -> None:
        """*stop* ends long work in this thread from another one."""
        self.cloud = cloud
        self.sleep = sleep or time.sleep
        self._stop = stop

    def go_on(self) -> None:
        """Raise Interrupted where the work is to stop; called between the pieces of long work."""
        if self._stop and self._stop.is_set():
            raise Interrupted("stopped, because the playbook run ended")

    def project_id(self) -> str:
        """Return the project that images of ours belong to."""
        return self.cloud.patiently(lambda: self.cloud.project_id)

    def images(self, **filters: str | int) -> list[Image]:
        """Return all images that the filters of the image API select, hidden or not, the newest first."""
        # The hidden ones first: what becomes current between the two lists is then in both, and not in neither.
        found = {image.id: image for hidden in ("true", "false") for image in self._pages(hidden, filters)}
        return sorted(found.values(), key=lambda image: (image.created_at, image.id), reverse=True)

    def own(self, **filters: str | int) -> list[Image]:
        """Return the images of our project that the filters select."""
        return self.images(owner=self.project_id(), **filters)

    def get(self, image_id: str) -> Image:
        """Return one image."""
        return Image.from_dict(self.cloud.image_request("GET", f"/images/{image_id}").json())

    def find(self, image_id: str) -> Image | None:
        """Return one image, or None where it is not there."""
        try:
            return self.get(image_id)
        except Refused as error:
            if error.status != 404:
                raise
            return None

    def create(self, spec: ImageSpec, image_id: str) -> None:
        """Make an image without data."""
        try:
            self.cloud.image_request("POST", "/images", json=spec.body(image_id))
        except Refused as error:
            # 409: an answer was lost, and this is the repetition.
            if error.status != 409:
                raise

    def change(self, image: Image, wanted: Mapping[str, Any]) -> Image:
        """Set attributes of an image, all of them at once; None removes a property. Return the image."""
        number = 1
        while patch := [_operation(image, name, value) for name, value in image.changes(wanted).items()]:
            try:
                path = f"/images/{image.id}"
                answer = self.cloud.image_request("PATCH", path, attempts=1, json=patch, headers=_PATCH)
                return Image.from_dict(answer.json())
            except Unreachable as error:
                if not self.cloud.waited(number, error):
                    raise
                number += 1
                # It may have been done: to add or remove once more what is so already would be refused.
                image = self.get(image.id)
        return image

    def remove(self, image_id: str) -> None:
        """Remove an image; none is well, too."""
        try:
            self.cloud.image_request("DELETE", f"/images/{image_id}")
        except Refused as error:
            # Glance finds it strange (400) when somebody else removes it at the same moment.
            if error.status != 404 and (error.status != 400 or self.find(image_id)):
                raise

    def members(self, image_id: str) -> set[str]:
        """Return the projects that a shared image is shared with."""
        answer = self.cloud.image_request("GET", f"/images/{image_id}/members").json()
        return {member["member_id"] for member in answer["members"]}

    def share(self, image_id: str, *, add: Collection[str] = (), drop: Collection[str] = ()) -> None:
        """Share an image with projects, and no longer with others."""
        for method, projects, done in (("POST", add, 409), ("DELETE", drop, 404)):
            for project in sorted(projects):
                path, body = f"/images/{image_id}/members", {"json": {"member": project}}
                if method == "DELETE":
                    path, body = f"{path}/{project}", {}
                try:
                    self.cloud.image_request(method, path, **body)
                except Refused as error:
                    # It is so already: an answer was lost.
                    if error.status != done:
                        raise

    def _pages(self, hidden: str, filters: Mapping[str, str | int]) -> list[Image]:
        found: list[Image] = []
        path, query = "/images", {"visibility": "all", "os_hidden": hidden, "limit": _PAGE, **filters}
        while path:
            page = self.cloud.image_request("GET", path, params=query).json()
            found += [Image.from_dict(data) for data in page["images"]]
            # The link to the next page has the query in it, and the version before the path.
            path, query = (page.get("next") or "").removeprefix("/v2"), {}
        return found


def _operation(image: Image, name: str, value: Any) -> dict[str, Any]:
    path = "/" + name.replace("~", "~0").replace("/", "~1")
    if value is None:
        return {"op": "remove", "path": path}
    there = name in image.properties or name in _CHANGEABLE
    return {"op": "replace" if there else "add", "path": path, "value": value}
