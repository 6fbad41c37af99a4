# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Upload to Glance: the data arrives whole and verified, or nothing is left. Floor 2."""

from __future__ import annotations

import time
import uuid

from ansible_collections.goldsmith.openstack.plugins.module_utils._cloud import (
    ATTEMPTS,
    CloudError,
    Unreachable,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance import Glance, Image, ImageSpec
from ansible_collections.goldsmith.openstack.plugins.module_utils._payload import Body, Content
from ansible_collections.goldsmith.openstack.plugins.module_utils._progress import Progress

# How long a store may take to finish after it has all of the data.
_SETTLE = 120.0


class Upload:
    """One image that is made from one file."""

    def __init__(self, glance: Glance, spec: ImageSpec, content: Content) -> None:
        self._glance, self._spec, self._content = glance, spec, content

    def __call__(self) -> Image:
        """Create the image and return it, active and verified; on any failure nothing is left."""
        for attempt in range(1, ATTEMPTS + 1):
            # Chosen here: a lost answer to the first request then does no harm, and the clean-up knows what to remove.
            image_id = str(uuid.uuid4())
            try:
                self._glance.create(self._spec, image_id)
                return self._fill(image_id)
            except Unreachable as error:
                if not self._discard(image_id, error) or attempt == ATTEMPTS:
                    raise
                self._glance.sleep(max(2.0 ** (attempt - 1), min(error.pause, 60.0)))
            except BaseException as error:
                self._discard(image_id, error)
                raise
        raise AssertionError

    def _fill(self, image_id: str) -> Image:
        content, cloud = self._content, self._glance.cloud
        body = Body(content, Progress(f"upload {self._spec.name}", content.size))
        try:
            cloud.image_request(
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
        if image.status != "active" or not holds(image, content):
            raise CloudError(
                f"cloud {cloud.label}: after the upload of {content.path} the image {image_id} is {image.status} "
                f"with {image.size} of {content.size} bytes and {image.hash_algorithm} {image.hash_value}; removed"
            )
        return image

    def _settled(self, image_id: str) -> Image:
        deadline = time.monotonic() + _SETTLE
        while True:
            image = self._glance.get(image_id)
            if image.status not in ("saving", "importing") or time.monotonic() > deadline:
                return image
            self._glance.sleep(0.5)

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


def upload(glance: Glance, spec: ImageSpec, content: Content) -> Image:
    """Create an image with that content and return it, active and verified; on any failure nothing is left."""
    return Upload(glance, spec, content)()


def holds(image: Image, content: Content) -> bool:
    """Return whether *image* holds exactly the bytes of *content*."""
    if image.size != content.size or not image.hash_algorithm or not image.hash_value:
        return False
    return content.digest(image.hash_algorithm) == image.hash_value
