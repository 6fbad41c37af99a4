# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images in Glance: find, create with verified content, update, remove. Floor 2."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._cloud import (
    ATTEMPTS,
    Cloud,
    CloudError,
    Refused,
    Unreachable,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._digests import sha512_of
from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._progress import Progress

_BLOCK = 1 << 20
_PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
# How long a store may take to finish after it has all of the data.
_SETTLE = 120.0
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
    """An image as Glance has it."""

    id: str
    name: str
    status: str
    size: int | None
    hash_algorithm: str | None
    hash_value: str | None
    protected: bool
    attributes: Mapping[str, Any]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Image:
        """Return the image that the API describes."""
        properties = {name: value for name, value in data.items() if name not in _FIELDS}
        return cls(
            id=data["id"],
            name=data.get("name") or "",
            status=data["status"],
            size=data.get("size"),
            hash_algorithm=data.get("os_hash_algo"),
            hash_value=data.get("os_hash_value"),
            protected=bool(data.get("protected")),
            attributes={
                **properties,
                **{name: data.get(name) for name in ("visibility", "min_disk", "min_ram")},
                "tags": sorted(data.get("tags") or []),
            },
        )


@dataclass(frozen=True)
class ImageSpec:
    """An image as it should be. None leaves a field to Glance, or as it is."""

    name: str
    disk_format: str
    container_format: str
    visibility: str = "private"
    min_disk: int | None = None
    min_ram: int | None = None
    tags: tuple[str, ...] | None = None
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def attributes(self) -> dict[str, Any]:
        """All that can be changed after the upload, by its name in the API."""
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
            **self.attributes,
            "id": image_id,
            "name": self.name,
            "disk_format": self.disk_format,
            "container_format": self.container_format,
        }

    def changes(self, image: Image) -> dict[str, Any]:
        """Return what must be changed in *image*, by name."""
        return {name: value for name, value in self.attributes.items() if image.attributes.get(name) != value}


class Content:
    """The bytes of a file; their hash is computed once, while they are sent if that comes first."""

    def __init__(self, path: str, size: int) -> None:
        self.path, self.size = path, size
        self._sha512: str | None = None

    def digest(self, algorithm: str = "sha512") -> str:
        """Return the hash that Glance would have for these bytes."""
        if algorithm != "sha512":
            return _digest(self.path, algorithm)
        if self._sha512 is None:
            self._sha512 = sha512_of(self.path, Progress(f"read {self.path}", self.size))
        return self._sha512

    def sent(self, sha512: str) -> None:
        """Take the hash of the bytes that were sent."""
        if self._sha512 not in (None, sha512):
            raise GoldsmithError(f"{self.path} changed while it was read", hint="see who writes to it, and try again")
        self._sha512 = sha512

    def same_as(self, image: Image) -> bool:
        """Return whether *image* holds exactly these bytes."""
        if image.size != self.size or not image.hash_algorithm or not image.hash_value:
            return False
        return self.digest(image.hash_algorithm) == image.hash_value


class Body:
    """The data of one request: read in blocks, hashed on the way, for one pass only."""

    def __init__(self, content: Content, on_bytes: Callable[[int], None]) -> None:
        self._content, self._on_bytes = content, on_bytes
        self._digest = hashlib.sha512()
        self.done = 0
        self._used = False

    def __len__(self) -> int:
        return self._content.size

    def __iter__(self) -> Iterator[bytes]:
        if self._used:
            # A library that repeats the request would send nothing, and leave an empty image.
            raise GoldsmithError(f"{self._content.path} was to be sent twice in one request")
        self._used = True
        for block in self._blocks():
            self._digest.update(block)
            self.done += len(block)
            yield block
            self._on_bytes(self.done)

    def _blocks(self) -> Iterator[bytes]:
        try:
            with open(self._content.path, "rb", buffering=0) as file:
                while self.done < len(self):
                    block = file.read(min(_BLOCK, len(self) - self.done))
                    if not block:
                        raise GoldsmithError(f"{self._content.path} became shorter while it was sent")
                    yield block
        except OSError as error:
            # As an OSError it would pass for a failure of the network.
            raise GoldsmithError(f"cannot read {self._content.path}: {error.strerror or error}") from error

    @property
    def complete(self) -> bool:
        """Whether all of it was read."""
        return self.done == len(self)

    @property
    def sha512(self) -> str:
        """The hash of what was read."""
        return self._digest.hexdigest()


class Glance:
    """The images of one project in one cloud."""

    def __init__(self, cloud: Cloud, *, sleep: Callable[[float], None] | None = None) -> None:
        self.cloud = cloud
        self._sleep = sleep or time.sleep

    def images(self, **filters: str | int) -> list[Image]:
        """Return all images that the filters of the image API select, the newest first."""
        found: list[Image] = []
        path, query = "/images", {"visibility": "all", **filters}
        while path:
            page = self.cloud.image_request("GET", path, params=query).json()
            found += [Image.from_dict(data) for data in page["images"]]
            # The link to the next page has the query in it, and the version before the path.
            path, query = (page.get("next") or "").removeprefix("/v2"), {}
        return found

    def same(self, spec: ImageSpec, content: Content) -> list[Image]:
        """Return our active images with that name, those formats and exactly those bytes."""
        candidates = self.images(
            name=spec.name,
            status="active",
            owner=self.cloud.patiently(lambda: self.cloud.project_id),
            disk_format=spec.disk_format,
            container_format=spec.container_format,
            size_min=content.size,
            size_max=content.size,
        )
        return [image for image in candidates if content.same_as(image)]

    def get(self, image_id: str) -> Image:
        """Return one image."""
        return Image.from_dict(self.cloud.image_request("GET", f"/images/{image_id}").json())

    def upload(self, spec: ImageSpec, content: Content) -> Image:
        """Create an image with that content and return it, active and verified; on any failure nothing is left."""
        for attempt in range(1, ATTEMPTS + 1):
            # Chosen here: a lost answer to the first request then does no harm, and the clean-up knows what to remove.
            image_id = str(uuid.uuid4())
            try:
                self._create(spec, image_id)
                return self._fill(spec, image_id, content)
            except Unreachable as error:
                if not self._discard(image_id, error) or attempt == ATTEMPTS:
                    raise
                self._sleep(max(2.0 ** (attempt - 1), min(error.pause, 60.0)))
            except BaseException as error:
                self._discard(image_id, error)
                raise
        raise AssertionError

    def change(self, image: Image, changes: Mapping[str, Any]) -> None:
        """Set attributes of an image."""
        patch = [
            {
                "op": "replace" if name in image.attributes or name == "protected" else "add",
                "path": "/" + name.replace("~", "~0").replace("/", "~1"),
                "value": value,
            }
            for name, value in changes.items()
        ]
        if patch:
            self.cloud.image_request("PATCH", f"/images/{image.id}", json=patch, headers=_PATCH)

    def remove(self, image_id: str) -> None:
        """Remove an image; none is well, too."""
        try:
            self.cloud.image_request("DELETE", f"/images/{image_id}")
        except Refused as error:
            if error.status != 404:
                raise

    def _create(self, spec: ImageSpec, image_id: str) -> None:
        try:
            self.cloud.image_request("POST", "/images", json=spec.body(image_id))
        except Refused as error:
            # 409: an answer was lost, and this is the repetition.
            if error.status != 409:
                raise

    def _fill(self, spec: ImageSpec, image_id: str, content: Content) -> Image:
        body = Body(content, Progress(f"upload {spec.name}", content.size))
        try:
            self.cloud.image_request(
                "PUT",
                f"/images/{image_id}/file",
                attempts=1,
                data=body,
                headers={
                    "Content-Type": "application/octet-stream",
                    "Accept": "",
                    "X-OpenStack-Image-Size": str(content.size),
                },
                # With a new token the SDK would send the consumed body again.
                allow_reauth=False,
            )
        except Unreachable:
            # Perhaps only the answer was lost: then the image is whole, or soon will be.
            if not body.complete or self._settled(image_id).status != "active":
                raise
        content.sent(body.sha512)
        image = self._settled(image_id)
        if image.status != "active" or not content.same_as(image):
            raise CloudError(
                f"cloud {self.cloud.label}: after the upload of {content.path} the image {image_id} is {image.status} "
                f"with {image.size} of {content.size} bytes and {image.hash_algorithm} {image.hash_value}; removed"
            )
        return image

    def _settled(self, image_id: str) -> Image:
        deadline = time.monotonic() + _SETTLE
        while True:
            image = self.get(image_id)
            if image.status not in ("saving", "importing") or time.monotonic() > deadline:
                return image
            self._sleep(0.5)

    def _discard(self, image_id: str, cause: BaseException) -> bool:
        """Remove an image that must not stay, without hiding *cause*; return whether it is gone."""
        try:
            self.remove(image_id)
        except CloudError as error:
            if isinstance(cause, GoldsmithError):
                left = f"the unfinished image {image_id} could not be removed ({error})"
                cause.args = (f"{cause}; {left}: openstack image delete {image_id}",)
                cause.facts["left_image_id"] = image_id
            return False
        return True


def _digest(path: str, algorithm: str) -> str:
    # Only for a cloud whose operator chose another algorithm.
    digest = hashlib.new(algorithm)
    with open(path, "rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
