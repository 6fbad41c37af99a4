# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody who wants to start the current image all of the time, and writes down whenever that would have failed."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from helpers.fault_proxy import Request
from helpers.glance import TestCloud

from ansible_collections.goldsmith.openstack.plugins.module_utils._glance.connection import CloudError

_INTERVAL = 0.1


@dataclass(frozen=True)
class Whole:
    """What an image under the name may be: these bytes, with these properties, and with these kernel and ramdisk."""

    label: str
    size: int
    sha512: str
    properties: Mapping[str, str] = field(default_factory=dict)
    kernel: str | None = None
    ramdisk: str | None = None


class Watch:
    """Looks at the real Glance, not through the proxy: all of the time, and whenever a request has changed something.

    Once there was a current image, there has always to be one. All that bear the name and are not hidden have to be
    one of *allowed*. As a context manager it fails at its end if that was not so. Moments at which Glance does not
    answer are *blind*, and no fault of the publisher.
    """

    def __init__(self, cloud: TestCloud, name: str, allowed: Collection[Whole]) -> None:
        self.violations: list[str] = []
        self.history: list[tuple[str, ...]] = []
        self.looks = self.blind = 0
        self._cloud, self._name, self._allowed = cloud, name, {one.sha512: one for one in allowed}
        self._armed = False
        self._connection: http.client.HTTPConnection | None = None
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watch:
        self.look()
        assert self.looks, "Glance does not answer"
        self._cloud.proxy.after = self.look
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        self._cloud.proxy.after = None
        self._ended.set()
        self._thread.join()
        self.look()
        if self._connection:
            self._connection.close()
        # What is wrong in the test itself is seen first, but must not hide what was seen here.
        assert not self.violations or kind, "\n".join(self.violations)
        if kind and self.violations:
            print("the watch saw", *self.violations, sep="\n")

    def look(self, after: Request | None = None) -> None:
        """Look once; *after* is the request that the server has just answered."""
        with self._lock:
            try:
                found = self._faults()
            except _Blind:
                self.blind += 1
                return
            self.looks += 1
            moment = f" after {after.method} {after.path}" if after else ""
            self.violations += [f"{fault}{moment}" for fault in found]

    def _run(self) -> None:
        # Not by time.sleep, which tests make short.
        while not self._ended.wait(_INTERVAL):
            self.look()

    def _faults(self) -> list[str]:
        listed = self._listed()
        labels = tuple(sorted(self._label(image) for image in listed))
        if not self.history or self.history[-1] != labels:
            self.history.append(labels)
        if not listed:
            return [f"no image is named {self._name}"] if self._armed else []
        self._armed = True
        found = []
        for image in listed:
            fault = self._fault(image)
            # Between two requests it may have been retired, and then its kernel may go.
            if fault and image["id"] in {one["id"] for one in self._listed()}:
                found.append(f"{self._name} {image['id']}: {fault}")
        return found

    def _fault(self, image: Mapping[str, Any]) -> str | None:
        if image["status"] != "active":
            return f"is {image['status']}"
        whole = self._allowed.get(image["os_hash_value"])
        if whole is None:
            return f"has bytes that nobody published: {image['size']}, {image['os_hash_value']}"
        if image["size"] != whole.size:
            return f"has {image['size']} of {whole.size} bytes"
        if wrong := {name: image.get(name) for name, value in whole.properties.items() if image.get(name) != value}:
            return f"is {whole.label} with other properties: {wrong}"
        for part in ("kernel", "ramdisk"):
            wanted, part_id = getattr(whole, part), image.get(f"{part}_id")
            if bool(wanted) != bool(part_id):
                return f"is {whole.label} with {part}_id {part_id}"
            if wanted and (fault := self._part_fault(part_id, wanted)):
                return f"is {whole.label}, but its {part} {part_id} {fault}"
        return None

    def _part_fault(self, image_id: str, sha512: str) -> str | None:
        image = self._get(f"/v2/images/{image_id}")
        if image is None:
            return "is not there"
        if image["status"] != "active":
            return f"is {image['status']}"
        return None if image["os_hash_value"] == sha512 else "has other bytes"

    def _label(self, image: Mapping[str, Any]) -> str:
        whole = self._allowed.get(image["os_hash_value"])
        return whole.label if whole else "?"

    def _listed(self) -> list[dict[str, Any]]:
        # As users list them, who neither ask for a status nor for what is hidden.
        answer = self._get(f"/v2/images?name={quote(self._name)}")
        assert answer is not None
        return answer["images"]

    def _get(self, path: str) -> dict[str, Any] | None:
        status, data = self._request(path)
        if status == 401:
            _tokens.pop(self._cloud.proxy.upstream, None)
            status, data = self._request(path)
        if status == 404:
            return None
        if status != 200:
            raise _Blind(status)
        return json.loads(data)

    def _request(self, path: str) -> tuple[int, bytes]:
        token = _token(self._cloud)
        # A connection that the server has closed meanwhile is no reason to miss this moment.
        for connection in (self._connection, None):
            self._connection = connection or http.client.HTTPConnection(*self._cloud.proxy.upstream, timeout=10)
            try:
                self._connection.request("GET", path, headers={"X-Auth-Token": token})
                answer = self._connection.getresponse()
                return answer.status, answer.read()
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                broken = error
        self._connection = None
        raise _Blind(str(broken)) from broken


class _Blind(Exception):
    """Glance has another trouble of its own at this moment."""


# A login takes longer than all else that a watch does.
_tokens: dict[tuple[str, int], str] = {}


def _token(cloud: TestCloud) -> str:
    if cloud.proxy.upstream not in _tokens:
        try:
            _tokens[cloud.proxy.upstream] = cloud.glance("embedded").cloud.token
        except CloudError as error:
            raise _Blind(str(error)) from error
    return _tokens[cloud.proxy.upstream]
