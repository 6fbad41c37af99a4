# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bytes of a file that are sent to a cloud: read once, hashed on the way. Floor 2."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

from ansible_collections.goldsmith.openstack.plugins.module_utils._digests import sha512_of
from ansible_collections.goldsmith.openstack.plugins.module_utils._errors import GoldsmithError
from ansible_collections.goldsmith.openstack.plugins.module_utils._progress import Progress

_BLOCK = 1 << 20


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
    # Only for a cloud whose operator chose another algorithm.
    digest = hashlib.new(algorithm)
    with open(path, "rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
