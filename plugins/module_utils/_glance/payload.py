# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bytes of a file that are sent to a cloud: read once, hashed on the way."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterator

from ansible_collections.goldsmith.openstack.plugins.module_utils._host.digests import sha512_of
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.errors import GoldsmithError, OptionError
from ansible_collections.goldsmith.openstack.plugins.module_utils._host.progress import Progress

# One block must pass within the time limit of a request: a slow line needs small ones.
_BLOCK = 256 << 10


class Content:
    """The bytes of a file, for any number of clouds at once.

    Their hash is computed once, while they are sent if that comes first. *expected* is the sha512 that they have by the
    word of the user: good for finding them in a cloud without reading, verified as soon as they are read or sent.
    """

    def __init__(self, path: str, size: int, expected: str | None = None) -> None:
        if expected is not None and not re.fullmatch(r"[0-9a-fA-F]{128}", expected):
            raise OptionError("sha512", expected, "not a SHA-512: 128 hexadecimal digits")
        self.path, self.size = path, size
        self.expected = expected and expected.lower()
        self._digests: dict[str, str] = {}
        self._lock = threading.Lock()

    def lookup_digest(self) -> str:
        """Return the sha512 by which an image with these bytes is found."""
        return self.expected or self.digest()

    def digest(self, algorithm: str = "sha512") -> str:
        """Return the hash that Glance would have for these bytes."""
        # Whoever else wants it waits: to read the file twice at once would take longer.
        with self._lock:
            if algorithm not in self._digests:
                self._digests[algorithm] = self._computed(algorithm)
            return self._digests[algorithm]

    def sent(self, sha512: str) -> None:
        """Take the hash of the bytes that were sent."""
        with self._lock:
            if self._digests.get("sha512") not in (None, sha512):
                raise GoldsmithError(
                    f"{self.path} changed while it was read", hint="see who writes to it, and try again"
                )
            self._require(sha512)
            self._digests["sha512"] = sha512

    def _computed(self, algorithm: str) -> str:
        try:
            if algorithm != "sha512":
                # Only for a cloud whose operator chose another algorithm.
                return _digest(self.path, algorithm)
            sha512 = sha512_of(self.path, Progress(f"read {self.path}", self.size))
        except OSError as error:
            raise GoldsmithError(f"cannot read {self.path}: {error.strerror or error}") from error
        self._require(sha512)
        return sha512

    def _require(self, sha512: str) -> None:
        if self.expected not in (None, sha512):
            raise OptionError("sha512", self.expected, f"{self.path} has {sha512}", hint="get the file again")


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


def _digest(path: str, algorithm: str) -> str:
    digest = hashlib.new(algorithm)
    with open(path, "rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
