# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Upload to Glance: the data arrives whole and verified, or nothing is left."""

from __future__ import annotations

import time
import uuid

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.connection import (
    CloudError,
    TokenRefused,
    Unreachable,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.images import Glance, Image, ImageSpec
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.imports import Import
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.payload import Body, Content
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.route import (
    Transport,
    offer,
    require_copies,
    require_stores,
    route,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.progress import Progress

# All of the data is dear to send: not as often as a small request.
_SENDINGS = 4
_POLL = 0.5


class Upload:
    """One image that is made from one file."""

    def __init__(self, glance: Glance, spec: ImageSpec, content: Content, transport: Transport) -> None:
        self._glance, self._spec, self._content = glance, spec, content
        self._uri, self._route = transport.uri, route(glance, transport)

    def __call__(self) -> Image:
        """Create the image and return it, active and verified; on any failure nothing is left."""
        if self._route.method == "web-download":
            # Nothing is sent, so it is read: what the cloud fetches must be the same.
            self._content.digest()
        cloud, number, renewed = self._glance.cloud, 0, False
        while True:
            number += 1
            # Chosen here: a lost answer to the first request then does no harm, and the clean-up knows what to remove.
            image_id = str(uuid.uuid4())
            try:
                self._glance.create(self._spec, image_id)
                return self._fill(image_id)
            except TokenRefused as error:
                if not self._discard(image_id, error) or renewed:
                    raise
                renewed = True
                cloud.renew()
            except Unreachable as error:
                if not self._discard(image_id, error) or number >= _SENDINGS or not cloud.waited(number, error):
                    raise
            except BaseException as error:
                self._discard(image_id, error)
                raise

    def _fill(self, image_id: str) -> Image:
        way = self._route
        if way.method == "put":
            self._send(image_id, "file", {"X-Image-Meta-Store": way.stores[0]} if way.stores else {})
            image = self._verified(self._settled(image_id))
            return _copied(self._glance, image, way.copies)
        if way.method == "glance-direct":
            self._send(image_id, "stage", {})
        work = Import(self._glance, image_id, self._content.size, way.method, way.stores)
        label = f"import {self._spec.name} in {self._glance.cloud.label}"
        return self._verified(work(label, self._uri if way.method == "web-download" else None))

    def _send(self, image_id: str, where: str, headers: dict[str, str]) -> None:
        content, cloud = self._content, self._glance.cloud
        progress = Progress(f"upload {self._spec.name} to {cloud.label}", content.size)

        def sent(done: int) -> None:
            self._glance.go_on()
            progress(done)

        body = Body(content, sent)
        fixed = {
            "Content-Type": "application/octet-stream",
            "Accept": "",
            "X-OpenStack-Image-Size": str(content.size),
        }
        try:
            cloud.upload_request(f"/images/{image_id}/{where}", body, {**fixed, **headers})
        except Unreachable as error:
            # Perhaps only the answer was lost: then the data is there, or soon will be.
            if not body.complete or not self._arrived(self._settled(image_id, wait=error.lost), where):
                raise
        if not body.complete:
            raise Unreachable(f"cloud {cloud.label} had enough of {content.path} after {body.done} bytes")
        content.sent(body.sha512)

    def _arrived(self, image: Image, where: str) -> bool:
        if where == "stage":
            return image.status == "uploading" and image.size == self._content.size
        return image.status == "active"

    def _verified(self, image: Image) -> Image:
        content, stores = self._content, self._route.stores
        if image.status != "active" or not holds(image, content):
            raise CloudError(
                f"cloud {self._glance.cloud.label}: after the {self._route.method} of {content.path} the image "
                f"{image.id} is {image.status} with {image.size} of {content.size} bytes and {image.hash_algorithm} "
                f"{image.hash_value}; removed"
            )
        _require_in(self._glance, image, stores)
        return image

    def _settled(self, image_id: str, *, wait: bool = True) -> Image:
        """Return the image when the service has done with its data, or shows no progress any more.

        Without *wait* the service has said that it will not go on: what it leaves as being saved stays so for ever.
        """
        before: tuple[object, ...] | None = None
        moved = time.monotonic()
        while True:
            image = self._glance.get(image_id)
            # What is staged is being so until its size is known.
            if not wait or (image.status != "saving" and (image.status != "uploading" or image.size is not None)):
                return image
            now, state = time.monotonic(), (image.status, image.size, image.updated_at)
            if state != before:
                before, moved = state, now
            elif now - moved > self._glance.cloud.timeout:
                return image
            self._glance.go_on()
            self._glance.sleep(_POLL)

    def _discard(self, image_id: str, cause: BaseException) -> bool:
        """Remove an image that must not stay, without hiding *cause*; return whether it is gone."""
        try:
            self._glance.remove(image_id)
        except CloudError as error:
            if isinstance(cause, GoldsmithError):
                left = f"the unfinished image {image_id} could not be removed ({error})"
                cause.args = (f"{cause}; {left}: openstack image delete {image_id}",)
                cause.facts["left_image_id"] = image_id
            return False
        return True


def upload(glance: Glance, spec: ImageSpec, content: Content, transport: Transport | None = None) -> Image:
    """Create an image with that content and return it, active and verified; on any failure nothing is left."""
    return Upload(glance, spec, content, transport or Transport())()


def spread(glance: Glance, image: Image, stores: tuple[str, ...]) -> Image:
    """See that an active image is in all of these stores, by copies within the cloud; return it as it is then."""
    missing = tuple(store for store in dict.fromkeys(stores) if store not in image.stores)
    if not missing:
        return image
    offered = offer(glance)
    require_stores(glance, offered, missing)
    require_copies(glance, offered, missing)
    return _copied(glance, image, missing)


def holds(image: Image, content: Content) -> bool:
    """Return whether *image* holds exactly the bytes of *content*."""
    if image.size != content.size or not image.hash_algorithm or not image.hash_value:
        return False
    if image.hash_algorithm == "sha512":
        return content.lookup_digest() == image.hash_value
    return content.digest(image.hash_algorithm) == image.hash_value


def _copied(glance: Glance, image: Image, stores: tuple[str, ...]) -> Image:
    if not stores:
        return image
    work = Import(glance, image.id, image.size or 0, "copy-image", stores)
    copied = work(f"copy {image.name} in {glance.cloud.label}")
    _require_in(glance, copied, stores)
    return copied


def _require_in(glance: Glance, image: Image, stores: tuple[str, ...]) -> None:
    if missing := [store for store in stores if store not in image.stores]:
        there = ", ".join(image.stores) or "none that it names"
        raise CloudError(
            f"cloud {glance.cloud.label}: image {image.id} is ready, but not in {', '.join(missing)}: it is in {there}"
        )
