# Copyright (c) 2026, the Goldsmith contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixed identifiers, and hashes of contents and of values."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from typing import Any

_NAMESPACE = uuid.UUID("6f7f0f0e-6a6c-5c1c-9a54-676f6c64736d")
_CHUNK = 1 << 20


def seeded_uuid(seed: str, noun: str) -> str:
    """Return the same uuid for the same *seed* and *noun*, for ever: same input, same bits."""
    return str(uuid.uuid5(_NAMESPACE, f"{seed}/{noun}"))


def digest(*values: Any) -> str:
    """Return what stands for these values, which go into JSON: the same values, the same text."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()


def sha512_of(path: str, on_bytes: Callable[[int], None] | None = None) -> str:
    """Return the hexadecimal sha512 of a file; *on_bytes* hears the number of bytes done so far."""
    return sum_of(path, "sha512", on_bytes)


def sum_of(path: str, algorithm: str, on_bytes: Callable[[int], object] | None = None) -> str:
    """Return the hexadecimal checksum of a file by an algorithm, as hashlib names it; *on_bytes* hears what is done."""
    found = hashlib.new(algorithm)
    done = 0
    with open(path, "rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
            done += len(chunk)
            if on_bytes:
                on_bytes(done)
    return found.hexdigest()
