# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports: work of a cloud on the data of an image, which goes on after the request for it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.connection import (
    CloudError,
    Refused,
    Unreachable,
)
from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.images import Glance, Image
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.progress import Progress

# A service says once a minute how far it is, and nothing at all while it downloads: so much more time for the size.
_QUIET = 120.0
_SLOWEST = 1 << 20
_LONGEST_POLL = 5.0


class Import:
    """One import of data that an image is to have, or has already, into *stores* (none: where the cloud chooses)."""

    def __init__(self, glance: Glance, image_id: str, size: int, method: str, stores: tuple[str, ...] = ()) -> None:
        self._glance, self._id, self._method, self._stores = glance, image_id, method, stores
        self._patience = max(_QUIET, glance.cloud.timeout) + size / _SLOWEST
        self._what = f"cloud {glance.cloud.label}: {method} of image {image_id}"
        self._hint: str | None = None

    def __call__(self, label: str, uri: str | None = None) -> Image:
        """Do it and return the image; *label* is for the progress. What fails is an error, and nothing is undone."""
        if uri:
            # Of a download that fails Glance gives no reason.
            self._hint = f"see that the cloud reaches {uri}"
        self._start(uri)
        return self._ended(Progress(label, 100, "%"))

    def _start(self, uri: str | None) -> None:
        method = {"name": self._method, **({"uri": uri} if uri else {})}
        body: dict[str, Any] = {"method": method, **({"stores": list(self._stores)} if self._stores else {})}
        if self._stores:
            # A copy that fails would else stay in the staging area of the service.
            body["all_stores_must_succeed"] = self._method != "copy-image"
        number = 1
        while True:
            try:
                self._glance.cloud.image_request("POST", f"/images/{self._id}/import", attempts=1, json=body)
                return
            except Unreachable as error:
                # Perhaps only the answer was lost.
                if self._begun():
                    return
                if not self._glance.cloud.waited(number, error):
                    raise
            except Refused as error:
                if error.status == 409 and number > 1 and self._begun():
                    return
                raise self._explained(error) from error
            number += 1

    def _explained(self, error: Refused) -> Refused:
        if error.status == 403 and self._method == "copy-image":
            hint = "by default only administrators may copy; publish it anew with import_method=glance-direct"
            return Refused(str(error), status=error.status, hint=hint)
        return error

    def _begun(self) -> bool:
        """Whether the service has taken the import up, or even ended it."""
        image = self._look()
        if image.get("os_glance_import_task"):
            return True
        if self._method == "copy-image":
            return set(self._stores) <= set(_names(image, "stores"))
        return image["status"] in ("importing", "active") or bool(image.get("os_glance_failed_import"))

    def _ended(self, progress: Progress) -> Image:
        """Wait for the end of the import."""
        before: tuple[object, ...] | None = None
        began = moved = time.monotonic()
        while True:
            image, tasks = self._look(), self._tasks()
            if not _under_way(image, tasks):
                return self._outcome(image, tasks)
            left = _names(image, "os_glance_importing_to_stores")
            said = tasks[-1].get("message") or "" if tasks else ""
            now, state = time.monotonic(), (image["status"], tuple(left), said, image.get("updated_at"))
            if state != before:
                before, moved = state, now
            elif now - moved > self._patience:
                raise Unreachable(f"{self._what} stands still for {self._patience:.0f} s: {image['status']} {said}")
            done = 100 * (len(self._stores) - len(left)) // len(self._stores) if self._stores else 0
            progress(max(done, 0), ", ".join(filter(None, (image["status"], *left, said))))
            self._glance.go_on()
            self._glance.sleep(min(0.2 + (now - began) / 20, _LONGEST_POLL))

    def _outcome(self, image: Mapping[str, Any], tasks: list[dict[str, Any]] | None) -> Image:
        failed = [store for store in _names(image, "os_glance_failed_import") if store in (self._stores or (store,))]
        lost = bool(tasks) and tasks[-1].get("status") == "failure"
        if failed or lost or image["status"] != "active":
            where = f" into {', '.join(failed)}" if failed else ""
            said = " ".join(str(tasks[-1].get("message") or "").split()) if tasks else ""
            raise CloudError(f"{self._what}{where} failed: {said or 'the cloud gives no reason'}", hint=self._hint)
        return Image.from_dict(image)

    def _look(self) -> dict[str, Any]:
        # An Image knows nothing of what an import says about itself.
        return self._glance.cloud.image_request("GET", f"/images/{self._id}").json()

    def _tasks(self) -> list[dict[str, Any]] | None:
        """Return the work done on this image, the latest last, or None where the service does not tell."""
        try:
            tasks = self._glance.cloud.image_request("GET", f"/images/{self._id}/tasks").json()["tasks"]
        except Refused:
            return None
        return sorted(tasks, key=lambda task: (task.get("created_at") or "", task.get("updated_at") or ""))


def _names(image: Mapping[str, Any], field: str) -> list[str]:
    return [name for name in (image.get(field) or "").split(",") if name]


def _under_way(image: Mapping[str, Any], tasks: list[dict[str, Any]] | None) -> bool:
    if image.get("os_glance_import_task"):
        return True
    if tasks is not None:
        return any(task.get("status") in ("pending", "processing") for task in tasks)
    # An old service: nothing is said of an import that has not begun yet.
    return not image.get("os_glance_failed_import") and image["status"] in ("queued", "uploading", "importing")
